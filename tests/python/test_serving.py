"""Store, Engine and train."""

import datetime
import json
import os
import sqlite3
import threading

import numpy as np
import pytest

import pannier

from conftest import CONFIG, NOW, write_shop


def test_a_known_user_gets_personal_items_with_ids_names_and_reasons(engine):
    page = engine.recommend(user="u2", n=5, explain=True)
    assert page.policy == "personal" and page.fallback is False and len(page) == 5
    assert page.names == [f"Présent {item}" for item in page.items]
    assert page.scores.dtype == np.float32 and (np.diff(page.scores) <= 0).all()
    assert page.keys.tolist() == [pannier.item_key(item) for item in page.items]
    assert page.generation == engine.generation == "00000001"
    assert len(page.request_id) == 16 and int(page.request_id, 16)
    assert page.microseconds > 0
    for reasons in page.reasons:
        assert reasons and all(isinstance(reason, pannier.Reason) for reason in reasons)
        assert (np.diff([reason.weight for reason in reasons]) <= 0).all()
    assert page.items is page.items and "personal" in repr(page)
    assert engine.recommend("u2", n=5).items == page.items
    assert engine.recommend("u2").reasons == [[]] * 10


def test_known_users_get_items_of_their_taste(engine):
    """Seven of the twenty items of their taste are theirs already, so chance gives four new ones in ten."""
    own = [item.startswith("ab"[user % 2]) for user in range(60) for item in engine.recommend(f"u{user}", n=5).items]
    assert len(own) == 300 and np.mean(own) > 0.7  # .737 here, .703 to .787 over 25 shops of other draws.


def test_a_page_outlives_its_engine(shop):
    page = pannier.Engine(shop).recommend("u2", n=3)
    assert len(page.items) == 3


def test_sessions_visitors_and_strangers(engine):
    page = engine.recommend(session=["a1", "no such item", "a2"])
    assert len(page) == 10 and not {"a1", "a2"} & set(page.items)
    assert engine.recommend(session=("a1",), visitor="v9").policy in ("personal", "similar")
    stranger = engine.recommend(user="nobody")
    assert stranger.policy == "popular" and stranger.fallback
    assert engine.recommend().items == stranger.items


def test_similar_items(engine):
    page = engine.similar("b3", n=4)
    assert page.policy == "similar" and 0 < len(page) <= 4 and "b3" not in page.items and page.items[0].startswith("b")
    with pytest.raises(pannier.InvalidArgument):
        engine.similar("no such item")


def test_a_recorded_event_counts_once_and_changes_the_answer(engine):
    before = engine.recommend("u3", n=5, time=NOW)
    event = {"time": NOW - 10**6, "kind": "view_item", "user": "u3", "item": before.items[0]}
    assert engine.record(event) == {"recorded": 1, "duplicates": 0}
    assert engine.record([event]) == {"recorded": 0, "duplicates": 1}
    after = engine.recommend("u3", n=5, time=NOW)
    assert before.items[0] not in after.items and before.items[0] in engine.recommend("u3", n=40, exclude_seen=False).items


def test_a_newcomer_is_known_at_once(engine):
    own = []
    for new in range(17):
        bought = [f"b{new}", f"b{new + 1}", f"b{new + 3}"]
        engine.record([{"time": "2024-01-20T10:00:00Z", "kind": "purchase", "user": f"new{new}", "item": item} for item in bought])
        page = engine.recommend(f"new{new}", n=5)
        assert page.policy == "personal" and not set(bought) & set(page.items)
        own += [item.startswith("b") for item in page.items]
    assert np.mean(own) > 0.75  # .800 here, .765 to .941 over 25 shops of other draws; chance gives .46.


@pytest.mark.parametrize("time", [
    "2024-01-20T10:00:00Z", "2024-01-20T12:00:00+02:00", datetime.datetime(2024, 1, 20, 10),
    datetime.datetime(2024, 1, 20, 11, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), np.datetime64("2024-01-20T10:00:00"),
    1705744800000000, np.int64(1705744800000000)])
def test_times_come_as_text_datetimes_or_microseconds(engine, time):
    engine.record({"time": 1705744800000000, "kind": "view_item", "user": "t", "item": "a1"})
    # The same instant is the same event.
    assert engine.record({"time": time, "kind": "view_item", "user": "t", "item": "a1"}) == {"recorded": 0, "duplicates": 1}
    assert engine.recommend("t", time=time).items


@pytest.mark.parametrize("time", ["yesterday", 1.5, True, -5, 2**63, [1]])
def test_other_times_are_refused(engine, time):
    with pytest.raises(pannier.InvalidArgument, match="time"):
        engine.recommend("u1", time=time)
    with pytest.raises(pannier.InvalidArgument, match="time"):
        engine.record({"time": time, "kind": "view_item", "user": "t", "item": "a1"})


@pytest.mark.parametrize("event, says", [
    ({"kind": "view_item", "user": "u", "item": "a1", "time": NOW, "itm": "x"}, "itm"),
    ({"kind": "stroll", "user": "u", "item": "a1", "time": NOW}, "kind"),
    ({"user": "u", "item": "a1", "time": NOW}, "kind"),
    ({"kind": "view_item", "user": "u", "time": NOW}, "item"),
    ({"kind": "view_item", "item": "a1", "time": NOW}, "user"),
    ({"kind": "view_item", "user": 7, "item": "a1", "time": NOW}, "user"),
    ({"kind": "view_item", "user": "u", "item": "a1", "time": NOW, "price": -1}, "price"),
    ({"kind": "view_item", "user": "u", "item": "a1", "time": NOW, "price": float("inf")}, "events|price|inf|JSON"),
    ({"kind": "view_item", "user": "u", "item": "a1", "time": NOW, "query": object()}, "events"), ("text", "dict"), ([1], "dict")])
def test_a_bad_event_is_refused_by_field_and_nothing_is_kept(engine, event, says):
    good = {"kind": "view_item", "user": "fresh", "item": "a1", "time": NOW}
    with pytest.raises((pannier.InvalidArgument, ValueError), match=says):
        engine.record([good, event] if isinstance(event, dict) else event)
    assert engine.recommend("fresh").policy == "popular"


def test_absent_fields_may_be_none_and_texts_nan(engine):
    event = {"kind": "purchase", "user": "u", "item": "a1", "time": NOW, "price": None, "order": float("nan"), "quantity": np.float32(2)}
    assert engine.record(event)["recorded"] == 1
    assert engine.record({"kind": "purchase", "user": "u", "item": "a1", "time": NOW, "quantity": 2}) == {"recorded": 0, "duplicates": 1}


@pytest.mark.parametrize("field", ["price", "quantity", "value"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), np.float32("nan"), np.float64("inf"), np.float16("nan")])
def test_an_amount_that_is_not_finite_is_refused_by_name(engine, field, number):
    event = {"kind": "purchase", "user": "fresh", "item": "a1", "time": NOW, field: number}
    with pytest.raises(pannier.InvalidArgument, match=f"is {float(number)}") as single:
        engine.record(event)
    assert single.value.where == f"event.{field}"
    with pytest.raises(pannier.InvalidArgument) as second:
        engine.record([{**event, field: 1}, event])
    assert second.value.where == f"events[1].{field}"
    assert engine.recommend("fresh").policy == "popular"


@pytest.mark.parametrize("request_, says", [
    ({"n": 0}, "n:"), ({"n": 10001}, "n:"), ({"n": 2.0}, "n:"), ({"n": -3}, "n:"), ({"user": 7}, "user"), ({"session": "a1"}, "session"),
    ({"session": [1]}, "session"), ({"session": 5}, "session"), ({"user": "\udc00"}, "user"), ({"usr": "u1"}, "usr: .*did you mean user"),
    ({"page": 1}, "page")])
def test_a_bad_request_is_refused_by_name(engine, request_, says):
    with pytest.raises(pannier.InvalidArgument, match=says):
        engine.recommend(**request_)


@pytest.mark.parametrize("request_, where", [
    ({"user": ""}, "user"), ({"visitor": ""}, "visitor"), ({"user": "u1", "visitor": ""}, "visitor"), ({"page": ""}, "page"),
    ({"session": [""]}, "session[0]"), ({"session": ("a1", "")}, "session[1]")])
def test_an_empty_text_is_refused_as_in_json_and_none_is_absent(engine, request_, where):
    with pytest.raises(pannier.InvalidArgument) as keywords:
        engine.recommend(**request_)
    with pytest.raises(pannier.InvalidArgument) as by_json:
        engine.call_json(json.dumps(request_))
    assert keywords.value.where == where and f"request.{keywords.value}" == str(by_json.value)
    absent = engine.recommend(user=None, visitor=None, session=None, page=None)
    assert absent.items == engine.recommend().items == engine.recommend(session=[]).items


def test_an_empty_id_is_refused_by_its_name_elsewhere_too(engine, shop):
    with pytest.raises(pannier.InvalidArgument, match=r"session\[1\]: is None"):
        engine.recommend(session=["a1", None])
    with pytest.raises(pannier.InvalidArgument, match=r"items\[0\]: is \"\""):
        engine.similar("")
    with pytest.raises(pannier.InvalidArgument, match="^visitor: "):
        engine.erase(visitor="")
    with pytest.raises(pannier.InvalidArgument, match="^generation: "):
        pannier.Store(shop).rollback("")


@pytest.mark.parametrize("keyword", ["filter", "diversity"])
def test_what_is_not_built_yet_is_unsupported(engine, keyword):
    with pytest.raises(pannier.Unsupported, match=keyword):
        engine.recommend(user="u1", **{keyword: "x"})


def test_the_json_door_answers_as_the_keywords_do(engine):
    answer = json.loads(engine.call_json(json.dumps({"user": "u2", "n": 5, "time": NOW})))
    page = engine.recommend("u2", n=5, time=NOW)
    assert [item["item"] for item in answer["items"]] == page.items
    assert [np.float32(item["score"]) for item in answer["items"]] == page.scores.tolist()
    with pytest.raises(pannier.MalformedInput):
        engine.call_json("[]")
    with pytest.raises(pannier.InvalidArgument):
        engine.call_json('{"usr": "u1"}')


def test_an_erased_person_is_a_stranger(engine):
    receipt = engine.erase(user="u5")
    assert set(receipt) == {"known", "events", "attributes", "time", "overwritten"}
    assert receipt["known"] is True and receipt["events"] == 8 and receipt["overwritten"] is True
    assert engine.recommend("u5").policy == "popular"
    assert engine.erase(user="u5") ["known"] is False
    for wrong in ({}, {"user": ""}, {"user": "u1", "visitor": "v"}):
        with pytest.raises(pannier.InvalidArgument):
            engine.erase(**wrong)


def test_an_erasure_says_whether_old_pages_stay_behind(engine, shop):
    reader = sqlite3.connect(shop / "people.sqlite")
    try:
        # Somebody reads the state of before the erasure: the log cannot be emptied.
        engine.record({"kind": "view_item", "user": "u5", "item": "a1", "time": NOW})
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        assert engine.erase(user="u5")["overwritten"] is False
        reader.rollback()
    finally:
        reader.close()
    assert engine.erase(user="u6")["overwritten"] is True


def test_a_new_generation_is_taken_on_reload(engine, shop):
    assert engine.reload() is False
    report = pannier.train(shop, config=CONFIG, threads=1)
    assert report["generation"] == "00000002" and report["events"]["ingested"] == 0
    assert engine.generation == "00000001" and engine.reload() is True and engine.generation == "00000002"
    store = pannier.Store(shop)
    assert store.generations() == ["00000001", "00000002"] and store.current() == "00000002"
    assert store.rollback() == "00000001" and engine.reload() and engine.generation == "00000001"
    assert store.verify() == {"generations": [{"id": id, "ok": True, "errors": []} for id in store.generations()],
                              "current": {"ok": True, "errors": []},
                              "people": {"ok": True, "errors": []}}
    assert store.rollback("00000002") == "00000002" and store.prune(1) == ["00000001"] and store.generations() == ["00000002"]
    for wrong in (0, -1, "1"):
        with pytest.raises(pannier.InvalidArgument, match="keep"):
            store.prune(wrong)


def test_a_read_only_store_serves_and_refuses_changes(shop):
    store = pannier.Store(shop, mode="read_only")
    engine = pannier.Engine(store)
    assert store.read_only and store.path == str(shop) and engine.recommend("u1").policy == "personal"
    for change in (lambda: engine.record({"kind": "view_item", "user": "u", "item": "a1", "time": NOW}), lambda: engine.erase(user="u1"),
                   lambda: pannier.train(store)):
        with pytest.raises(pannier.ReadOnly):
            change()


def test_lines_of_the_items_file_left_out_are_counted(tmp_path):
    write_shop(tmp_path)
    (tmp_path / "some.csv").write_text("item,price\na1,1\na2,-1\n")
    report = pannier.train(tmp_path / "store", events=tmp_path / "events.csv", items=tmp_path / "some.csv", on_error="skip", config=CONFIG)
    assert sum(report["items_dropped"].values()) == 1 and report["events"]["dropped"] == {}


def test_a_first_training_that_fails_leaves_no_store(tmp_path):
    (tmp_path / "bad.csv").write_text("time,kind,user,item\nyesterday,purchase,u1,a1\n")
    for wrong in ({}, {"on_error": "halt"}, {"kind": "stroll"}, {"config": "{"}, {"map": "nofield=x"}, {"time_unit": "weeks"}):
        with pytest.raises(pannier.Error):
            pannier.train(tmp_path / "store", events=tmp_path / "bad.csv", **wrong)
        assert not (tmp_path / "store").exists(), wrong
    store = pannier.Store(tmp_path / "store", mode="create")
    with pytest.raises(pannier.MalformedInput):
        pannier.train(store, events=tmp_path / "bad.csv")
    assert not (tmp_path / "store").exists() and store.generations() == []


def test_a_generation_serves_from_bytes(shop, engine):
    blob = (shop / "generations" / "00000001.pnr").read_bytes()
    from_bytes = pannier.Engine.from_bytes(blob, clock=lambda: NOW, check="full")
    page = from_bytes.recommend(session=["a1", "a2"])
    assert page.items == engine.recommend(session=["a1", "a2"]).items
    del from_bytes, blob
    assert page.names  # the page keeps the bytes
    with pytest.raises(pannier.MalformedInput):
        pannier.Engine.from_bytes(b"nothing of the kind")


def test_a_clock_that_raises_is_heard(shop):
    def broken():
        raise RuntimeError("no time")

    engine = pannier.Engine(shop, clock=broken)
    with pytest.raises(RuntimeError, match="no time"):
        engine.recommend("u1")
    assert engine.recommend("u1", time=NOW).items


def test_stores_and_options_are_refused_by_name(tmp_path, shop):
    with pytest.raises(FileNotFoundError):
        pannier.Store(tmp_path / "missing")
    with pytest.raises(pannier.InvalidArgument, match="mode"):
        pannier.Store(shop, mode="rw")
    with pytest.raises(pannier.NotFound):
        pannier.Engine(pannier.Store(tmp_path / "empty", mode="create"))
    for options in ({"check": "some"}, {"history_limit": -1}):
        with pytest.raises(pannier.InvalidArgument, match=next(iter(options))):
            pannier.Engine(shop, **options)
    with pytest.raises(pannier.InvalidArgument, match="store"):
        pannier.Engine(7)


def test_training_reports_and_refuses_with_file_and_line(tmp_path):
    write_shop(tmp_path)
    told = []
    report = pannier.train(tmp_path / "store", events=[tmp_path / "events.csv"], config=json.dumps(CONFIG), progress=lambda *at: told.append(at))
    assert report["events"] == {"read": 480, "ingested": 480, "duplicates": 0, "dropped": {}, "noted": {}, "proposals": [], "no_products": []}
    assert report["orders_without_person"] == {"trained": 0, "cancellations": {"whole": 0, "in_part": 0, "unmatched": 0}}
    assert report["cancellations"] == {"whole": 0, "in_part": 0, "unmatched": 0}
    assert report["users"] == 60 and [model["name"] for model in report["models"]] == ["popular", "item_knn", "ials"]
    assert report["seconds"] > 0 and report["peak_rss_mb"] > 0 and told
    again = pannier.train(tmp_path / "store", events=str(tmp_path / "events.csv"), config=CONFIG)
    assert again["events"]["duplicates"] == 480

    (tmp_path / "bad.csv").write_text("when,what,who,item\n2024-01-01 10:00:00,purchase,u1,a1\nyesterday,purchase,u1,a2\n")
    columns = {"time": "when", "kind": "what", "user": "who"}
    with pytest.raises(pannier.MalformedInput, match=r"bad\.csv:3"):
        pannier.train(tmp_path / "store", events=tmp_path / "bad.csv", map=columns)
    skipped = pannier.train(tmp_path / "store", events=tmp_path / "bad.csv", map="time=when,kind=what,user=who", on_error="skip", config=CONFIG)
    assert skipped["events"]["read"] == 2 and sum(skipped["events"]["dropped"].values()) == 1
    for wrong, says in (({"on_error": "go"}, "on_error"), ({"kind": "stroll"}, "kind"), ({"time_unit": "h"}, "time_unit"),
                        ({"kinds": {"a": "b"}}, "kinds"), ({"rate": {"EUR": 0}}, "rate"), ({"refund_prefix": "item=C"}, "refund_prefix"),
                        ({"fold_case": "user"}, "fold_case"), ({"utc_offset": "2"}, "utc_offset"), ({"map": "ga5"}, "ga4"),
                        ({"map": {"tame": "x"}}, "tame"), ({"config": {"modles": []}}, "modles")):
        with pytest.raises(pannier.InvalidArgument, match=says):
            pannier.train(tmp_path / "store", **wrong)
    assert pannier.Store(tmp_path / "store").current() == skipped["generation"]


def test_train_names_what_cannot_be_events(tmp_path):
    for wrong, place in ((5, "^events"), ([tmp_path / "a.csv", 7], r"events\[1\]")):
        with pytest.raises(pannier.InvalidArgument, match=place):
            pannier.train(tmp_path / "store", events=wrong)
    assert not (tmp_path / "store").exists()


def test_train_reads_json_lines_with_the_options_of_the_command_line(tmp_path):
    lines = [{"when": f"2024-05-{1 + k % 28:02}T10:00:00", "who": k % 5, "what": "buy", "cart": {"id": f"{'C' if k == 7 else ''}{k}", "lines": [
        {"sku": "ab", "n": 1, "price": 4}, {"sku": k % 9, "n": 2, "price": 2}, {"sku": "post", "n": 1, "price": 1}]}, "money": "USD"} for k in range(40)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    told = pannier.train(tmp_path / "store", events=tmp_path / "log.jsonl", config=CONFIG, kinds={"buy": "purchase"}, utc_offset="+02:00",
                         map={"time": "when", "user": "who", "kind": "what", "order": "cart.id", "item": "cart.lines[].sku", "quantity": "cart.lines[].n",
                              "price": "cart.lines[].price", "currency": "money"},
                         drop_items=["POST"], fold_case="item", refund_prefix={"order": "C"}, rate={"USD": 0.5})
    assert told["events"]["read"] == 120 and told["events"]["ingested"] == 80
    assert told["events"]["dropped"] == {"dropped_item": 40} and told["events"]["noted"] == {"cancellation": 3} and told["events"]["proposals"] == []
    assert told["users"] == 5 and told["items"] == 10


def test_training_stops_when_progress_raises(shop):
    def stop(*_):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        pannier.train(shop, config=CONFIG, progress=stop)
    assert pannier.Store(shop).generations() == ["00000001"]


def test_threads_share_one_engine(engine):
    users = [f"u{number}" for number in range(60)]
    expected = {user: engine.recommend(user, time=NOW).items for user in users}
    wrong = []

    def ask():
        for user in users:
            if engine.recommend(user, time=NOW).items != expected[user]:
                wrong.append(user)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_worker_answers_the_same(engine):
    expected = engine.recommend("u1", time=NOW).items
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, ",".join(engine.recommend("u1", time=NOW).items).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert answer.read().split(",") == expected
    assert os.waitpid(child, 0)[1] == 0


def test_item_names(engine):
    assert engine.item_name("a7") == "Présent a7" and engine.item_name("no such item") is None
    assert "00000001" in repr(engine)


def test_a_request_begins_with_its_policy_and_keeps_to_its_category(engine):
    page = engine.recommend("u2", policy="popular", n=3, explain=True)
    assert page.policy == "popular" and not page.fallback
    assert [[(reason.item, reason.kind) for reason in reasons] for reasons in page.reasons] == [[(item, "popular")] for item in page.items]
    assert page.reasons[0][0].name == page.names[0] and page.reasons[0][0].weight == page.scores[0]
    page = engine.recommend(session=["a1", "a2"], policy="recently_viewed", explain=True)
    assert page.items == ["a2", "a1"] and page.reasons[0][0].kind == "recently_viewed"
    missing = engine.recommend("u2", policy="seasonal")
    assert missing.policy == "personal" and missing.fallback
    with pytest.raises(pannier.InvalidArgument, match="policy"):
        engine.recommend("u2", policy="popluar")
    cart = engine.together(["a1", "no such item"], n=3, explain=True)
    assert len(cart) == 3 and "a1" not in cart.items and all(cart.reasons)
    assert engine.together("a1", n=3).items == cart.items
    with pytest.raises(pannier.InvalidArgument, match="category"):
        engine.recommend("u2", category="no such category")
    with pytest.raises(pannier.InvalidArgument, match="category"):
        engine.similar("a1", category="no such category")


def test_the_catalogue_is_live(shop):
    engine = pannier.Engine(pannier.Store(shop), clock=lambda: NOW)
    first = engine.recommend("u2", n=5).items[0]
    engine.set_stock(first, 0)
    assert first not in engine.recommend("u2", n=40, exclude_seen=False).items
    engine.upsert_items([{"item": first, "stock": 3, "price": None, "name": "Again here"}, {"item": "z1", "name": "Új", "category": "gifts/z", "colour": "red"}])
    page = engine.recommend("u2", n=5)
    assert page.items[0] == first and page.names[0] == "Again here"
    assert engine.item("z1") == {"item": "z1", "name": "Új", "price": None, "stock": None, "trained": False}
    assert engine.item(first)["trained"] and engine.item_name("z1") == "Új" and engine.item("no such item") is None
    assert pannier.Engine(shop).item_name("z1") == "Új"
    with pytest.raises(pannier.NotFound):
        engine.set_stock("no such item", 1)
    for wrong in ({"name": "x"}, {"item": "a1", "price": -1.0}, {"item": "a1", "price": "cheap"}, {"item": "a1", "colour": 3}, "a1"):
        with pytest.raises(pannier.InvalidArgument):
            engine.upsert_items([{"item": "a1", "name": "changed"}, wrong])
    for units in (float("nan"), "many", True):
        with pytest.raises(pannier.InvalidArgument):
            engine.set_stock("a1", units)
    assert engine.item_name("a1") == "Présent a1"


def test_train_takes_data_frames_like_files(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (package python3-pandas)")
    frame = pandas.DataFrame({"when": pandas.to_datetime(["2024-01-01 10:00:00.5", "2024-01-02", "2024-01-03"], utc=True), "kind": "purchase",
                              "who": ["u1", "u2", "u1"], "item": ["a", "a", "b"], "price": [1.5, None, 2]})
    items = pandas.DataFrame({"item": ["a", "b"], "name": ["Á, \"quoted\"", None]})
    options = {"items": items, "map": {"time": "when", "user": "who"}, "config": {"models": [{"name": "popular"}]}, "threads": 1}
    report = pannier.train(tmp_path / "store", events=frame, **options)
    assert report["events"]["ingested"] == 3 and report["users"] == 2
    assert pannier.train(tmp_path / "store", events=[frame], **options)["events"] == {"read": 3, "ingested": 0, "duplicates": 3, "dropped": {}, "noted": {}, "proposals": [], "no_products": []}
    assert pannier.Engine(tmp_path / "store").recommend().names[0] == "Á, \"quoted\""
    frame["kind"] = "purchse"
    with pytest.raises(pannier.MalformedInput, match=r"^events\[0\].csv:2"):
        pannier.train(tmp_path / "store", events=frame, **options)
    # Read otherwise: no word of a temporary file.
    frame["kind"], frame["item"] = "purchase", ["A", "a", "b"]
    pannier.train(tmp_path / "other", events=frame, **options)
    with pytest.raises(pannier.InvalidArgument, match=r"^events\[0\].csv: this store has taken in the same file") as refused:
        pannier.train(tmp_path / "other", events=frame, fold_case="item", **options)
    assert "without fold_case" in str(refused.value)


def test_flags_are_truth_values(engine):
    np = pytest.importorskip("numpy")
    assert engine.recommend(user="u1", exclude_seen=np.bool_(False)).items == engine.recommend(user="u1", exclude_seen=False).items
    for name in ("exclude_seen", "exclude_bought", "explain"):
        for value in ("no", 0, 1, None):
            with pytest.raises(pannier.InvalidArgument, match=name):
                engine.recommend(user="u1", **{name: value})
