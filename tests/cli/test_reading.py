"""The shop's own file: formats, presets and the options that read it; what is said of it; importing it twice changes nothing."""

import gzip
import json

import pytest

CONFIG = {"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 5}]}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    file = tmp_path_factory.mktemp("quick") / "config.json"
    file.write_text(json.dumps(CONFIG))
    return file


def rows():
    return [(f"2024-05-{1 + k % 28:02}T10:00:00Z", ["view_item", "add_to_cart", "purchase"][k % 3], f"u{k % 7}", f"i{k % 11}", 1 + k % 2, 2.5)
            for k in range(120)]


def as_csv():
    return "time,kind,user,item,quantity,price\n" + "".join(",".join(map(str, row)) + "\n" for row in rows())


def as_json_lines():
    names = ("time", "kind", "user", "item", "quantity", "price")
    return "".join(json.dumps(dict(zip(names, row))) + "\n" for row in rows())


def as_ga4():
    return "".join(json.dumps({"event_name": row[1], "event_timestamp": 1700000000000000 + k * 1000000, "user_pseudo_id": row[2],
                               "ecommerce": {"transaction_id": f"t{k}"} if row[1] == "purchase" else {},
                               "items": [{"item_id": row[3], "item_name": "n", "price": row[5], "quantity": row[4]}]}) + "\n"
                   for k, row in enumerate(rows()))


def as_personalize():
    words = {"view_item": "View", "add_to_cart": "AddToCart", "purchase": "Purchase"}
    return "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE\n" + "".join(f"{row[2]},{row[3]},{1700000000 + k},{words[row[1]]}\n" for k, row in enumerate(rows()))


FORMATS = {"e.csv": (as_csv, []), "e.tsv": (lambda: as_csv().replace(",", "\t"), []), "e.jsonl": (as_json_lines, []), "ga4.json": (as_ga4, ["--map", "ga4"]),
           "interactions.csv": (as_personalize, ["--map", "personalize"])}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_importing_a_file_twice_changes_nothing(pannier, quick, tmp_path, name, packed):
    text, options = FORMATS[name]
    file = tmp_path / (name + ".gz" if packed else name)
    file.write_bytes(gzip.compress(text().encode()) if packed else text().encode())
    command = ["train", "--store", tmp_path / "store", "--events", file, "--config", quick, "--json", *options]
    first = pannier(*command)
    assert first.code == 0, first.err
    assert first.json["events"]["ingested"] == 120 and first.json["events"]["dropped"] == {}
    again = pannier(*command)
    assert again.json["events"]["ingested"] == 0 and again.json["events"]["duplicates"] == 120


def test_csv_and_json_lines_of_one_log_are_the_same_events(pannier, quick, tmp_path):
    (tmp_path / "e.csv").write_text(as_csv())
    (tmp_path / "e.jsonl").write_text(as_json_lines())
    done = pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "e.csv", tmp_path / "e.jsonl", "--config", quick, "--json")
    assert done.code == 0, done.err
    assert done.json["events"] == {**done.json["events"], "read": 240, "ingested": 120, "duplicates": 120}


def test_baskets_without_people_and_times_train_in_one_command(pannier, quick, tmp_path):
    file = tmp_path / "baskets.csv"
    file.write_text("basket,item\n" + "".join(f"{k // 3},{(k * 7) % 11}\n" for k in range(90)))
    done = pannier("train", "--store", tmp_path / "store", "--events", file, "--map", "session=basket", "--kind", "purchase", "--time-unit", "none",
                   "--config", quick, "--json")
    assert done.code == 0, done.err
    assert done.json["events"]["ingested"] == 90 and done.json["users"] == 30


def test_the_shops_words_for_kinds_and_times_in_seconds(pannier, quick, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("timestamp,user,item,event\n" + "".join(f"{1430623510 + k},{k % 5},{k % 7},{['view', 'cart', 'buy'][k % 3]}\n" for k in range(60)))
    command = ["train", "--store", tmp_path / "store", "--events", file, "--map", "time=timestamp,kind=event", "--time-unit", "s", "--config", quick]
    refused = pannier(*command)
    assert refused.code == 1 and "did you mean view_item?" in refused.err and "--kinds" in refused.err
    done = pannier(*command, "--kinds", "view=view_item,cart=add_to_cart", "--kinds", "buy=purchase", "--json")
    assert done.code == 0, done.err
    assert done.json["events"]["ingested"] == 60


def test_the_summary_is_printed_with_examples_and_proposals(pannier, quick, tmp_path):
    file = tmp_path / "orders.csv"
    lines = [f"2024-05-{1 + k % 28:02},u{k % 5},{500 + k},{'ab' if k % 2 else 'AB'},1,2" for k in range(20)]
    lines += [f"2024-05-01,u{k},C{k},AB,-1,2" for k in range(3)] + ["2024-05-01,,600,AB,-4,2", "2024-05-01,u1,601,POST,1,0", lines[0], "2024-05-01,u1,602,AB,1,-2"]
    file.write_text("time,user,order,item,quantity,price\n" + "\n".join(lines) + "\n")
    (tmp_path / "drop.txt").write_text("post\n")
    command = ["train", "--store", tmp_path / "store", "--events", file, "--kind", "purchase", "--on-error", "skip", "--config", quick]
    done = pannier(*command)
    assert done.code == 0, done.err
    for text in ("left out 1 line: stock_correction, first: ", "orders.csv:25:quantity", "noted 1: zero_price, first: ", "noted 1: duplicate_line", "noted 1: case_variants",
                 "proposal: 1 code differs only in case", "--refund-prefix order=C"):
        assert text in done.out, done.out
    assert "what a store took in stays as it was read: follow such a proposal in a new store" in done.out
    otherwise = ["--refund-prefix", "order=C", "--fold-case", "item", "--drop-items", tmp_path / "drop.txt"]
    refused = pannier(*command, *otherwise)
    assert refused.code == 1 and "has taken in the same file by other options (without refund_prefix, fold_case)" in refused.err and "a new store" in refused.err
    command[2] = tmp_path / "new"
    told = pannier(*command, *otherwise, "--json").json["events"]
    assert told["noted"]["cancellation"] == 3 and told["noted"]["negative_quantity"] == 4
    assert told["dropped"] == {"dropped_item": 1, "negative_price": 1, "stock_correction": 1} and told["proposals"] == []


def test_codes_that_are_no_products_are_proposed_written_and_left_out_of_what_the_store_has(pannier, quick, tmp_path):
    file = tmp_path / "orders.csv"
    lines = [f"2024-05-{1 + k % 28:02},u{k % 5},{500 + k % 40},{10000 + k % 7},Mug,2" for k in range(120)]
    lines += [f"2024-05-01,u{k},{500 + k},POST,Postage,{k + 2}" for k in range(4)] + ['2024-05-01,u1,501,DOT,"Postage, ""dotcom""",3']
    file.write_text("time,user,order,item,item_name,price\n" + "\n".join(lines) + "\n")
    drop = tmp_path / "no.csv"
    command = ["train", "--store", tmp_path / "store", "--events", file, "--kind", "purchase", "--config", quick]
    done = pannier(*command, "--write-drop-items", drop)
    assert done.code == 0, done.err
    assert "2 codes look like no products (POST 'Postage', DOT " in done.out and "POST 'Postage': its name says so; 4 lines, first: " in done.out
    assert done.out.count("orders.csv:122") == 1 and f"wrote 2 codes to {drop}" in done.out
    assert drop.read_text().splitlines()[0] == "item,name,lines,why" and '\nDOT,"Postage, ""dotcom""",1,' in drop.read_text()
    told = pannier(*command, "--json").json
    assert [code["item"] for code in told["events"]["no_products"]] == ["POST", "DOT"] and told["items"] == 9
    # The store has their events by now: they are left out of the training all the same, with and without files.
    without = pannier(*command, "--drop-items", drop, "--write-drop-items", drop, "--json").json
    assert without["items"] == 7 and without["events"]["dropped"] == {"dropped_item": 5} and without["events"]["no_products"] == []
    assert {line.split(",")[0] for line in drop.read_text().splitlines()} == {"item", "POST", "DOT"}
    assert pannier("train", "--store", tmp_path / "store", "--drop-items", drop, "--config", quick, "--json").json["items"] == 7
    assert pannier("similar", "--store", tmp_path / "store", "--item", "POST").code == 1
    assert pannier("train", "--store", tmp_path / "store", "--config", quick, "--json").json["items"] == 9
    refused = pannier(*command, "--write-drop-items", tmp_path / "absent" / "no.csv")
    assert refused.code == 1 and "no.csv" in refused.err


def test_a_store_keeps_its_currency_over_files(pannier, quick, tmp_path):
    def file(name, currency):
        path = tmp_path / name
        path.write_text("time,kind,user,item,price,currency\n" + "".join(f"2024-05-0{1 + k},purchase,u{k},i{k % 2},10,{currency}\n" for k in range(4)))
        return path

    command = ["train", "--store", tmp_path / "store", "--config", quick, "--json", "--events"]
    assert pannier(*command, file("a.csv", "EUR")).code == 0
    refused = pannier(*command, file("b.csv", "USD"))
    assert refused.code == 1
    error = json.loads(refused.err)["error"]
    assert error["where"].endswith("b.csv:2:currency") and "USD" in error["what"] and "EUR" in error["what"] and "--rate USD" in error["allowed"]
    assert pannier(*command, file("b.csv", "USD"), "--rate", "USD=0.9").code == 0
    both = pannier(*command, file("a2.csv", "EUR"), file("b2.csv", "GBP"), "--on-error", "skip")
    assert both.json["events"]["dropped"] == {"other_currency": 4} and "two currencies, EUR and GBP" in both.json["events"]["proposals"][0]


def test_an_import_of_which_nothing_can_be_used_names_every_cause(pannier, quick, tmp_path):
    file = tmp_path / "e.csv"
    file.write_text("time,kind,user,item\nyesterday,purchase,u,a\n2024-05-01,bought,u,a\n2024-05-01,purchase,u,\n")
    done = pannier("train", "--store", tmp_path / "store", "--events", file, "--on-error", "skip", "--config", quick)
    assert done.code == 1 and not (tmp_path / "store").exists()
    for cause in ("bad_time", "unknown_kind", "missing_item"):
        assert f"left out 1 of 3 lines: {cause}, first: " in done.err, done.err


def test_a_drop_list_is_wondered_at_once_and_then_no_more(pannier, quick, tmp_path):
    (tmp_path / "e.csv").write_text(as_csv())
    (tmp_path / "drop.txt").write_text("POST\n")
    command = ["train", "--store", tmp_path / "store", "--events", tmp_path / "e.csv", "--config", quick, "--drop-items", tmp_path / "drop.txt"]
    assert "--drop-items names no item of the log" in pannier(*command).out
    assert "--drop-items names no item of the log" not in pannier(*command).out


def test_dates_with_the_day_first_are_proposed_and_read(pannier, quick, tmp_path):
    file = tmp_path / "e.csv"
    file.write_text("time,user,item\n" + "".join(f"{k + 1}/12/2010 14:05,u{k % 5},i{k % 7}\n" for k in range(28)))
    command = ["train", "--store", tmp_path / "store", "--events", file, "--kind", "purchase", "--config", quick]
    assert "need --time-unit dmy" in pannier(*command).err
    done = pannier(*command, "--time-unit", "dmy", "--json")
    assert done.code == 0 and done.json["events"]["ingested"] == 28
    assert pannier("inspect", "--store", tmp_path / "store", "--json").json["generations"][0]["last_event"] == "2010-12-28T14:05:00Z"


BAD = {
    "line": ('{"time":"2024-05-01","kind":"purchase","user":"u","item":"i"}\n{"a":\n', [":2", "byte"]),
    "path": ('{"time":"2024-05-01","kind":"purchase","user":"u","items":[{"item":"i"},{"item":"j","price":"x"}]}\n', [":1:items[1].price", "'x'"]),
    "array": ('[{"time":"2024-05-01"}]\n', ["jq"]),
    "type": ('{"time":"2024-05-01","kind":"purchase","user":"u","item":true}\n', [":1:item", "true or false"]),
    "empty": ("", [":1", "empty"]),
    "csv": ("time,kind,user,item\n2024-05-01,purchase,u,i\n", [":1", "no JSON object"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_json_lines_are_refused_by_place_and_leave_nothing(pannier, tmp_path, name):
    text, named = BAD[name]
    file = tmp_path / f"{name}.jsonl"
    file.write_text(text)
    done = pannier("train", "--events", file, "--store", tmp_path / "store")
    assert done.code == 1, done.out
    for part in [file.name, *named]:
        assert part in done.err, done.err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("options, named", [
    (["--map", "ga5"], "--map: 'ga5' is no preset"), (["--kinds", "a=b"], "--kinds: 'b' is no kind"), (["--rate", "EUR"], "--rate: 'EUR' has no '='"),
    (["--refund-prefix", "item=C"], "--refund-prefix: "), (["--utc-offset", "2"], "--utc-offset: "), (["--fold-case", "user"], "--fold-case"),
    (["--time-unit", "h"], "--time-unit"),
])
def test_options_that_cannot_be_are_bad_usage(pannier, tmp_path, options, named):
    done = pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "none.csv", *options)
    assert done.code == 2 and named in done.err, done.err
