"""Slow cases, marked @pytest.mark.slow, run when PANNIER_SLOW=1."""

import os

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: left out unless PANNIER_SLOW=1")


def pytest_collection_modifyitems(items):
    if os.environ.get("PANNIER_SLOW") == "1":
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: set PANNIER_SLOW=1"))
