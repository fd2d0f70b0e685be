"""People's attributes from outside the shop: train(users=...), Store.attributes, Engine.erase."""

import pannier
import pytest
from conftest import CONFIG, write_shop


def test_users_are_kept_by_source_and_read_back(tmp_path):
    write_shop(tmp_path)
    (tmp_path / "crm.csv").write_text("user,source,city,age\nu1,crm,Bern,41\nu1,shop,Basel,\nstranger,crm,Oslo,\n")
    (tmp_path / "news.jsonl").write_text('{"user": "u2", "tags": ["tea", "mugs"]}\n')
    store = tmp_path / "store"
    report = pannier.train(store, events=tmp_path / "events.csv", users=[tmp_path / "crm.csv", str(tmp_path / "news.jsonl")], config=CONFIG, threads=1)
    assert report["people"] == {"read": 4, "kept": 4, "changed": 4, "with_events": 3, "dropped": {}, "proposals": []}
    opened = pannier.Store(store)
    assert opened.attributes("u1") == {"age": {"crm": "41"}, "city": {"crm": "Bern", "shop": "Basel"}}
    assert opened.attributes("u2") == {"tags": {"news.jsonl": "tea/mugs"}}
    assert opened.attributes("stranger") == {"city": {"crm": "Oslo"}} and opened.attributes("nobody") == {}
    again = pannier.train(opened, users=tmp_path / "crm.csv", config=CONFIG, threads=1)
    assert again["people"]["changed"] == 0 and again["people"]["kept"] == 3
    receipt = pannier.Engine(opened).erase(user="u1")
    assert receipt["attributes"] == 3 and receipt["events"] == 8
    assert opened.attributes("u1") == {} and opened.verify()["people"]["ok"]
    read_only = pannier.Store(store, mode="read_only")
    assert read_only.attributes("u2") == {"tags": {"news.jsonl": "tea/mugs"}}


def test_a_data_frame_of_users_is_read_like_a_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    write_shop(tmp_path)
    frame = pandas.DataFrame({"user": ["u1", "u2"], "tier": ["gold, \"old\"", None]})
    told = pannier.train(tmp_path / "store", events=tmp_path / "events.csv", users=frame, config=CONFIG, threads=1)
    assert told["people"]["kept"] == 2
    store = pannier.Store(tmp_path / "store")
    assert store.attributes("u1") == {"tier": {"users[0].csv": "gold, \"old\""}} and store.attributes("u2") == {}
    assert pannier.train(store, users=[frame], config=CONFIG, threads=1)["people"]["changed"] == 0


def test_bad_users_files_are_refused_by_line_or_counted(tmp_path):
    write_shop(tmp_path)
    (tmp_path / "crm.csv").write_text("user,city\nu1,Bern\n,Rome\n")
    with pytest.raises(pannier.MalformedInput, match=r"crm\.csv:3:user"):
        pannier.train(tmp_path / "store", events=tmp_path / "events.csv", users=tmp_path / "crm.csv", config=CONFIG)
    assert not (tmp_path / "store").exists()
    told = pannier.train(tmp_path / "store", events=tmp_path / "events.csv", users=tmp_path / "crm.csv", on_error="skip", config=CONFIG, threads=1)
    assert told["people"]["dropped"] == {"missing_person": 1} and told["people"]["kept"] == 1
    with pytest.raises(pannier.NotFound):
        pannier.train(tmp_path / "store", users=tmp_path / "absent.csv", config=CONFIG)
    for wrong in (None, 7):
        with pytest.raises(pannier.InvalidArgument, match="user"):
            pannier.Store(tmp_path / "store").attributes(wrong)


def test_users_and_items_that_are_no_tables_are_refused_by_name(tmp_path):
    write_shop(tmp_path)
    for given, where in (({"users": 7}, "users: is of type int"), ({"users": [None]}, r"users\[0\]: is of type NoneType"), ({"items": 7}, "items: is of type int"),
                         ({"items": ["items.csv"]}, "items: is of type list")):
        with pytest.raises(pannier.InvalidArgument, match=where):
            pannier.train(tmp_path / "store", events=tmp_path / "events.csv", config=CONFIG, **given)
    assert not (tmp_path / "store").exists()
