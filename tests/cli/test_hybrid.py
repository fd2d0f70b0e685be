"""The model hybrid from the command line: trained on items and users files, it answers people without events and places items without."""

import pytest


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Sixty people of two tastes, items of two brands, four items and two people without events."""
    folder = tmp_path_factory.mktemp("hybrid")
    events = ["time,kind,user,item"]
    for person in range(60):
        for visit in range(10):
            item = 2 * ((person * 7 + visit * 3) % 20) + person % 2
            events.append(f"2024-03-{1 + visit:02d}T10:{person % 60:02d}:00Z,purchase,u{person},i{item}")
    (folder / "events.csv").write_text("\n".join(events) + "\n")
    (folder / "items.csv").write_text("item,name,category,brand,price\n" + "".join(
        f"i{i},thing {'red' if i % 2 else 'blue'} {i},{'shoes' if i % 2 else 'bags'},{'zeta' if i % 2 else 'acme'},{10 + i}\n" for i in range(44)))
    (folder / "users.csv").write_text("user,club\n" + "".join(f"u{p},{'odd' if p % 2 else 'even'}\n" for p in range(60)) + "new0,even\nnew1,odd\nnew2,nobody knows\n")
    (folder / "config.json").write_text('{"models": [{"name": "popular"}, {"name": "hybrid", "factors": 8}], "serving": {"personal": "hybrid"}}')
    return folder


@pytest.fixture(scope="module")
def store(pannier, files, tmp_path_factory):
    store = tmp_path_factory.mktemp("hybrid") / "store"
    done = pannier("train", "--events", files / "events.csv", "--items", files / "items.csv", "--users", files / "users.csv", "--config", files / "config.json", "--store", store)
    assert done.code == 0, done.err
    return store


def answer(pannier, store, user, *more):
    done = pannier("recommend", "--store", store, "--user", user, "--json", *more)
    assert done.code == 0, done.err
    return done.json


def test_people_without_events_are_answered_by_their_attributes(pannier, store):
    for user, parity in (("new0", 0), ("new1", 1)):
        got = answer(pannier, store, user)
        assert got["policy"] == "personal"
        assert all(int(item["item"][1:]) % 2 == parity for item in got["items"])
    for user in ("new2", "never heard of"):
        assert answer(pannier, store, user)["policy"] == "popular"


def test_reasons_of_an_answer_by_attributes_name_no_history(pannier, store):
    got = answer(pannier, store, "new0", "--explain")
    assert got["policy"] == "personal"
    for item in got["items"]:
        assert all(reason["kind"] == "popular" for reason in item["reasons"])


def test_items_without_events_are_recommended_to_those_of_their_taste(pannier, store):
    got = answer(pannier, store, "u0", "-n", 24)
    items = [item["item"] for item in got["items"]]
    assert {"i40", "i42"} <= set(items)
    first_wrong = next((place for place, item in enumerate(items) if int(item[1:]) % 2 == 1), len(items))
    assert {"i40", "i42"} <= set(items[:first_wrong])


def test_it_survives_a_training_without_files_and_an_erasure(pannier, store, files):
    done = pannier("erase", "--store", store, "--user", "new1")
    assert done.code == 0, done.err
    assert answer(pannier, store, "new1")["policy"] == "popular"
    done = pannier("train", "--store", store, "--config", files / "config.json")
    assert done.code == 0, done.err
    assert answer(pannier, store, "new0")["policy"] == "personal"
    assert answer(pannier, store, "new1")["policy"] == "popular"


def test_evaluate_takes_its_features_from_the_items_file(pannier, files):
    done = pannier("evaluate", "--model", "hybrid", "--set", "factors=8", "--events", files / "events.csv", "--last-out", "--items", files / "items.csv", "--json")
    assert done.code == 0, done.err
    done = pannier("evaluate", "--model", "hybrid", "--events", files / "events.csv", "--last-out")
    assert done.code == 1
    assert "hybrid: reads features of items or people, and none are known" in done.err
