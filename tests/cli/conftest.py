"""A small simulated shop, trained once, and the command line as a function."""

import json
import os
import subprocess
from types import SimpleNamespace

import pytest

CLI = os.environ.get("PANNIER_CLI")


def call(*arguments, text_in=None):
    """Runs the command line; never fails by itself."""
    done = subprocess.run([CLI, *map(str, arguments)], capture_output=True, text=True, input=text_in, timeout=120,
                          stdin=None if text_in is not None else subprocess.DEVNULL)
    try:
        data = json.loads(done.stdout)
    except ValueError:
        data = None
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr, json=data)


@pytest.fixture(scope="session")
def pannier():
    if not CLI or not os.path.exists(CLI):
        pytest.skip("PANNIER_CLI names no built command line")
    return call


@pytest.fixture(scope="session")
def shop(pannier, tmp_path_factory):
    """Folder of a simulated shop of 120 customers and 60 products."""
    folder = tmp_path_factory.mktemp("shop")
    done = pannier("simulate", "-o", folder, "--users", 120, "--items", 60, "--days", 120, "--seed", 7)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="session")
def config(tmp_path_factory):
    """A quick training config."""
    file = tmp_path_factory.mktemp("config") / "config.json"
    file.write_text(json.dumps({"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 20},
                                           {"name": "ials", "factors": 8, "epochs": 4}]}))
    return file


@pytest.fixture(scope="session")
def store(pannier, shop, config, tmp_path_factory):
    """A trained store; tests that change one copy it."""
    folder = tmp_path_factory.mktemp("trained") / "store"
    done = pannier("train", "--store", folder, "--events", shop / "events.csv", "--items", shop / "items.csv",
                   "--config", config, "--json")
    assert done.code == 0, done.err
    return folder
