"""People's attributes from outside the shop: train --users, inspect, erase."""

import csv
import gzip
import json
import shutil

import pytest


@pytest.fixture(scope="module")
def described(pannier, shop, config, tmp_path_factory):
    """A store trained with the simulated shop's users, and what training said."""
    folder = tmp_path_factory.mktemp("described") / "store"
    done = pannier("train", "--store", folder, "--events", shop / "events.csv", "--users", shop / "users.csv", "--config", config, "--json")
    assert done.code == 0, done.err
    return folder, done.json


def test_the_simulated_users_are_read_without_a_map_and_twice_change_nothing(pannier, shop, config, described, tmp_path):
    folder, first = described
    with open(shop / "users.csv", newline="") as file:
        users = list(csv.DictReader(file))
    people = first["people"]
    assert people == {"read": len(users), "kept": len(users), "changed": len(users), "with_events": people["with_events"], "dropped": {}, "proposals": []}
    assert 0.8 * len(users) < people["with_events"] <= len(users)
    assert pannier("inspect", "--store", folder, "--json").json["people"]["with_attributes"] == len(users)
    copy = tmp_path / "store"
    shutil.copytree(folder, copy)
    again = pannier("train", "--store", copy, "--users", shop / "users.csv", "--config", config, "--json").json
    assert again["people"]["kept"] == len(users) and again["people"]["changed"] == 0 and again["events"]["ingested"] == 0
    assert f"{len(users)} kept" in pannier("train", "--store", copy, "--users", shop / "users.csv", "--config", config).out
    assert f"attributes of {len(users)} people" in pannier("inspect", "--store", copy).out
    assert pannier("verify", "--store", copy).code == 0


def test_an_erasure_counts_attributes(pannier, shop, described, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(described[0], copy)
    with open(shop / "users.csv", newline="") as file:
        first = next(csv.DictReader(file))
    user, known = first["user"], sum(1 for name, text in first.items() if name not in ("user", "source") and text)
    before = pannier("inspect", "--store", copy, "--json").json["people"]["with_attributes"]
    dry = pannier("erase", "--store", copy, "--user", user, "--dry-run", "--json").json
    assert dry["attributes"] == known and pannier("inspect", "--store", copy, "--json").json["people"]["with_attributes"] == before
    assert f"and {known} attributes" in pannier("erase", "--store", copy, "--user", user).out
    assert pannier("inspect", "--store", copy, "--json").json["people"]["with_attributes"] == before - 1


def test_users_come_from_gzip_json_lines_and_standard_input(pannier, shop, config, described, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(described[0], copy)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"user,source,tier\nx1,crm,gold\n"))
    (tmp_path / "b.jsonl").write_text(json.dumps({"user": "x2", "tags": ["tea", "mugs"]}) + "\n")
    done = pannier("train", "--store", copy, "--users", tmp_path / "a.csv.gz", tmp_path / "b.jsonl", "-", "--config", config, "--json",
                   text_in="user,tier\nx3,silver\n")
    assert done.code == 0, done.err
    assert done.json["people"]["kept"] == 3 and len(done.json["people"]["proposals"]) == 3
    assert pannier("erase", "--store", copy, "--user", "x2", "--json").json["attributes"] == 1


def test_what_is_wrong_with_a_users_file_is_said_and_nothing_is_taken_in(pannier, shop, config, tmp_path):
    def refused(text, says, name="crm.csv"):
        (tmp_path / name).write_bytes(text)
        done = pannier("train", "--store", tmp_path / "new", "--events", shop / "events.csv", "--users", tmp_path / name, "--config", config, "--json")
        assert done.code == 1 and done.out == ""
        error = json.loads(done.err)["error"]
        assert name in error["where"] and says in error["what"], error
        assert not (tmp_path / "new").exists()

    refused(b"", "the file is empty")
    refused(b"user,city\n", "ends after its header")
    refused(b"usr,city\na,b\n", "did you mean usr?")
    refused(b"user,city\na,\xff\n", "UTF-8")
    refused(b"user,city\na,\"b\n", "quote")
    refused(gzip.compress(b"user,city\n" + b"".join(b"u%d,b\n" % i for i in range(1000)))[:-20], "", "crm.csv.gz")
    refused((shop / "events.csv").read_bytes(), "is an event file")
    refused((shop / "items.csv").read_bytes(), "no column 'user'")
    missing = pannier("train", "--store", tmp_path / "new", "--events", shop / "events.csv", "--users", tmp_path / "absent.csv")
    assert missing.code == 1 and "absent.csv" in missing.err and not (tmp_path / "new").exists()
    both = pannier("train", "--store", tmp_path / "new", "--events", "-", "--users", "-", text_in="user\na\n")
    assert both.code == 2 and "--users" in both.err and not (tmp_path / "new").exists()


def test_lines_left_out_are_printed_by_cause_with_an_example(pannier, shop, config, described, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(described[0], copy)
    (tmp_path / "crm.csv").write_text("user,tier\nx1,gold\n,silver\nx1,bronze\n")
    page = tmp_path / "report.html"
    done = pannier("train", "--store", copy, "--users", tmp_path / "crm.csv", "--on-error", "skip", "--config", config, "--report", page)
    assert done.code == 0, done.err
    assert "read 3 lines of people: 1 kept, 0 of them with events, 1 with something new" in done.out
    assert "missing_person" in done.out and "crm.csv:3:user" in done.out and "duplicate_user" in done.out and "crm.csv:4:user" in done.out
    assert "proposal: none of the people of crm.csv has an event" in done.out
    assert "duplicate user" in page.read_text() and "none of the people of crm.csv" in page.read_text()


def test_the_demo_tells_of_people(pannier, shop, tmp_path):
    done = pannier("demo", "--folder", tmp_path, "--users", 80, "--products", 40, "--days", 60)
    assert done.code == 0, done.err
    assert "lines of people: " in done.out and "proposal: none of the people" not in done.out
    own = pannier("demo", "--folder", tmp_path / "own", "--events", shop / "events.csv", "--people", shop / "users.csv")
    assert own.code == 0 and "lines of people: " in own.out
