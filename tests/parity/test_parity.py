"""One file of 200 requests, answered by C++, C (both doors), Python (both doors) and the command line with equal bytes of ids and
scores."""

import json
import os
import struct
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import make_requests
import pannier

HERE = Path(__file__).parent
REQUESTS = HERE / "requests.jsonl"
PROGRAMS = Path(os.environ["PANNIER_BINARY_DIR"]) / "tests" / "parity"
COMMAND_LINE = Path(os.environ["PANNIER_CLI"])


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parity")
    make_requests.write_shop(folder)
    subprocess.run([PROGRAMS / "parity_cpp", "train", folder / "store", folder / "events.csv", folder / "items.csv"], check=True)
    return folder / "store"


@pytest.fixture(scope="session")
def by_cpp(store, tmp_path_factory):
    return run("parity_cpp", "answer", store, tmp_path_factory.mktemp("cpp") / "answers")


def run(program, door, store, out):
    subprocess.run([PROGRAMS / program, door, store, REQUESTS, out], check=True)
    return out.read_bytes()


def line(policy, items):
    """An answer as the programs write it: items are (id, score, reasons as (kind, id))."""
    text = policy
    for item, score, reasons in items:
        bits, = struct.unpack("<I", struct.pack("<f", score))
        text += f"\t{bits:08x} {item}" + "".join(f" <- {kind} {reason}" for kind, reason in reasons)
    return text + "\n"


def line_of_json(answer):
    return line(answer["policy"], [(item["item"], item["score"], [(reason["kind"], reason["item"]) for reason in item["reasons"]])
                                   for item in answer["items"]])


def requests():
    return [json.loads(request) for request in REQUESTS.read_text(encoding="utf-8").splitlines()]


def test_the_requests_are_those_of_their_script(tmp_path):
    make_requests.write_requests(tmp_path / "requests.jsonl")
    assert (tmp_path / "requests.jsonl").read_bytes() == REQUESTS.read_bytes()
    assert len(requests()) == 200


def test_the_requests_reach_every_policy(by_cpp):
    policies = Counter(answer.split("\t")[0] for answer in by_cpp.decode().splitlines())
    assert sum(policies.values()) == 200 and set(policies) == {"personal", "similar", "popular", "recently_viewed", "together"}
    assert all(count >= 3 for count in policies.values()), policies
    assert all(by_cpp.count(f" <- {kind} ".encode()) > 5 for kind in ("because_of", "similar_to", "popular", "recently_viewed", "bought_with"))
    asked = Counter(request.get("policy") for request in requests())
    assert set(asked) == {None, "similar", "popular", "trending", "buy_again", "recently_viewed"}
    assert sum("category" in request for request in requests()) > 20


@pytest.mark.parametrize("door", ["structs", "json"])
def test_c_answers_as_cpp(store, by_cpp, tmp_path, door):
    assert run("parity_c", door, store, tmp_path / "answers") == by_cpp


def test_python_answers_as_cpp(store, by_cpp):
    engine = pannier.Engine(pannier.Store(store, mode="read_only"))
    answers = []
    for request in requests():
        request.setdefault("explain", False)
        op = request.pop("op", "recommend")
        if op == "similar":
            page = engine.similar(request.pop("items")[0], **request)
        elif op == "together":
            page = engine.together(request.pop("items"), **request)
        else:
            page = engine.recommend(**request)
        answers.append(line(page.policy, zip(page.items, page.scores.tolist(), [[(reason.kind, reason.item) for reason in reasons] for reasons in page.reasons])))
    assert "".join(answers).encode() == by_cpp


def test_the_json_door_of_python_answers_as_cpp(store, by_cpp):
    engine = pannier.Engine(pannier.Store(store, mode="read_only"))
    answers = [line_of_json(json.loads(engine.call_json(request))) for request in REQUESTS.read_text(encoding="utf-8").splitlines()]
    assert "".join(answers).encode() == by_cpp


@pytest.mark.skipif(not (HERE.parents[1] / "bindings" / "cli" / "CMakeLists.txt").exists(), reason="this tree has no command line")
def test_the_command_line_answers_as_cpp(store, by_cpp, tmp_path):
    out = tmp_path / "answers.jsonl"
    subprocess.run([COMMAND_LINE, "recommend", "--store", store, "--requests", REQUESTS, "-o", out], check=True)
    answers = [line_of_json(json.loads(answer)) for answer in out.read_text(encoding="utf-8").splitlines()]
    assert "".join(answers).encode() == by_cpp
