"""Bad input is refused with file and place, nothing is published; damaged stores are refused and never crash anything."""

import gzip
import shutil

import pytest

GOOD = "time,user,item,kind,quantity,price\n2024-01-01T00:00:00Z,u1,i1,purchase,1,2.5\n"

BAD = {
    "empty": (b"", []),
    "header": (GOOD.split("\n")[0].encode() + b"\n", []),
    "missing": (b"time,user,kind\n2024-01-01T00:00:00Z,u,view_item\n", ["item"]),
    "kind": (GOOD.replace("purchase", "purchaze").encode(), [":2", "kind", "purchaze", "purchase"]),
    "nan": (GOOD.replace("2.5", "nan").encode(), [":2", "price", "nan"]),
    "negative": (GOOD.replace("2.5", "-2.5").encode(), [":2", "price", "-2.5"]),
    "huge_price": (GOOD.replace("2.5", "1e300").encode(), [":2", "price", "1e300"]),
    "huge_quantity": (GOOD.replace(",1,2.5", ",1e30,2.5").encode(), [":2", "quantity", "1e30"]),
    "time": (GOOD.replace("2024-01-01T00:00:00Z", "yesterday").encode(), [":2", "time", "yesterday"]),
    "year": (GOOD.replace("2024", "99999").encode(), [":2", "time", "99999"]),
    "early": (GOOD.replace("2024", "1066").encode(), [":2", "time", "1066"]),
    "quote": (GOOD.replace("u1", '"u1').encode(), [":2"]),
    "utf8": (GOOD.encode().replace(b"u1", b"u\xff1"), [":2", "user"]),
    "nobody": (GOOD.replace("u1", "").encode(), [":2"]),
    "no_item": (GOOD.replace("i1", "").encode(), [":2", "item"]),
    "fields": (GOOD.encode() + b"2024-01-01T00:00:00Z,u1\n", [":3"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_file_is_refused_by_place_and_publishes_nothing(pannier, tmp_path, name):
    content, named = BAD[name]
    file = tmp_path / f"{name}.csv"
    file.write_bytes(content)
    done = pannier("train", "--events", file, "--store", tmp_path / "store")
    assert done.code == 1, done.out + done.err
    for text in [file.name, *named]:
        assert text in done.err, done.err
    assert not (tmp_path / "store").exists()


def test_a_truncated_gzip_is_refused(pannier, shop, tmp_path):
    whole = gzip.compress((shop / "events.csv").read_bytes())
    for size in (0, 1, 5, 18, len(whole) // 2, len(whole) - 1):
        file = tmp_path / f"cut{size}.csv.gz"
        file.write_bytes(whole[:size])
        done = pannier("train", "--events", file, "--store", tmp_path / "store")
        assert done.code == 1 and file.name in done.err, (size, done.err)
    assert not list(tmp_path.glob("store/generations/*.pnr"))


def test_a_bad_file_leaves_a_trained_store_as_it_was(pannier, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    before = pannier("inspect", "--store", copy, "--json").json
    file = tmp_path / "late.csv"
    file.write_text(GOOD + "2024-01-01T00:00:00Z,u2,i2,purchase,1,nan\n")
    assert pannier("train", "--events", file, "--store", copy).code == 1
    assert pannier("inspect", "--store", copy, "--json").json == before


def test_a_lost_people_store_is_refused_by_name_and_not_made_again(pannier, shop, store, config, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    (copy / "people.sqlite").unlink()
    before = sorted(path.relative_to(copy) for path in copy.rglob("*"))
    for _ in range(2):
        for arguments in (["recommend", "--user", "u1"], ["similar", "--item", "i1"], ["verify"], ["inspect"], ["erase", "--user", "u1"],
                          ["train", "--config", config], ["train", "--config", config, "--events", shop / "events.csv"]):
            done = pannier(*arguments, "--store", copy)
            assert done.code == 1 and "people.sqlite: is not there" in done.err and "backup" in done.err, (arguments, done)
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == before


def test_skip_leaves_bad_lines_out_and_counts_them(pannier, shop, config, tmp_path):
    file = tmp_path / "mixed.csv"
    text = (shop / "events.csv").read_text().splitlines()
    columns = text[0].split(",")
    bad = dict.fromkeys(columns, "") | {"time": "yesterday", "user": "u", "item": "i", "kind": "view_item"}
    file.write_text("\n".join(text + [",".join(bad[column] for column in columns)]) + "\n")
    assert pannier("train", "--events", file, "--store", tmp_path / "a", "--config", config).code == 1
    done = pannier("train", "--events", file, "--store", tmp_path / "b", "--config", config, "--on-error", "skip", "--json")
    assert done.code == 0 and sum(done.json["events"]["dropped"].values()) == 1
    done = pannier("train", "--events", file, "--store", tmp_path / "b", "--config", config, "--on-error", "skip")
    assert "left out 1 line" in done.out and "yesterday" in done.out


def test_what_is_wrong_with_an_items_file_is_said(pannier, shop, config, tmp_path):
    items = tmp_path / "items.csv"
    items.write_text("item,name,price\nx1,One,1\nx2,Two,-1\n")
    arguments = ["train", "--events", shop / "events.csv", "--items", items, "--config", config]
    done = pannier(*arguments, "--store", tmp_path / "a")
    assert done.code == 1 and "items.csv:3:price" in done.err and not (tmp_path / "a").exists()
    done = pannier(*arguments, "--store", tmp_path / "a", "--on-error", "skip")
    assert done.code == 0 and f"of {items}\n  left out 1 line" in done.out, done.out
    assert sum(pannier(*arguments, "--store", tmp_path / "a", "--on-error", "skip", "--json").json["items_dropped"].values()) == 1
    done = pannier("train", "--events", shop / "events.csv", "--items", shop / "events.csv", "--config", config, "--store", tmp_path / "b")
    assert done.code == 1 and "events.csv:1: is an event file" in done.err and not (tmp_path / "b").exists()


@pytest.mark.parametrize("text, named", [
    ("", "config.json: is empty"),
    ("{", "config.json"), ("[]", "object"), ('{"model": []}', "models"), ('{"models": [{"name": "ial"}]}', "ials"),
    ('{"models": [{"name": "ials", "factors": "many"}]}', "factors"), ('{"events": {"weights": {"view": 1}}}', "view"),
    ('{"events": {"half_life_days": -1}}', "half_life_days"),
])
def test_a_bad_config_is_refused_by_name(pannier, shop, tmp_path, text, named):
    file = tmp_path / "config.json"
    file.write_text(text)
    done = pannier("train", "--events", shop / "events.csv", "--store", tmp_path / "store", "--config", file)
    assert done.code == 1 and named in done.err, done.err
    assert not list(tmp_path.glob("store/generations/*.pnr"))


def test_missing_files_are_refused_by_name(pannier, shop, tmp_path):
    for arguments in (["--events", tmp_path / "none.csv"], ["--events", shop / "events.csv", "--items", tmp_path / "none.csv"],
                      ["--events", shop / "events.csv", "--config", tmp_path / "none.csv"]):
        done = pannier("train", "--store", tmp_path / "store", *arguments)
        assert done.code == 1 and "none.csv" in done.err
    assert not list(tmp_path.glob("store/generations/*.pnr"))


def test_damaged_stores_are_refused_and_crash_nothing(pannier, store, tmp_path):
    """A few places of every file, flipped and cut; every byte in turn is tried in the store's own tests."""
    files = [path.relative_to(store) for path in store.rglob("*") if path.is_file() and path.stat().st_size]
    assert {"CURRENT", "people.sqlite"} <= {file.name for file in files}
    copy = tmp_path / "copy"
    for file in files:
        size = (store / file).stat().st_size
        for at in sorted({0, size // 3, size // 2, size - 1}):
            for cut in (False, True):
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(store, copy)
                data = bytearray((store / file).read_bytes())
                if cut:
                    data = data[:at]
                else:
                    data[at] ^= 0x5A
                (copy / file).write_bytes(data)
                verified = pannier("verify", "--store", copy)
                assert verified.code in (0, 1), (file, at, cut, verified)
                if file.suffix == ".pnr" or file.name == "CURRENT":
                    assert verified.code == 1 and verified.err, (file, at, cut)
                asked = pannier("recommend", "--store", copy, "--user", "u1")
                assert asked.code in (0, 1), (file, at, cut, asked)


@pytest.mark.parametrize("words", [
    ["simulate", "-o", "shop", "--seed", "-1"], ["simulate", "-o", "shop", "--users", "-5"], ["demo", "--seed", "-1"],
    ["evaluate", "--model", "popular", "--train", "t", "--format", "lightgcn", "--protocol", "strong", "--seed", "-1"],
    ["tune", "--train", "t", "--format", "lightgcn", "--trials", "2", "--seed", "-1"], ["tune", "--train", "t", "--format", "lightgcn", "--trials", "-2"],
    ["recommend", "--store", "s", "--user", "u", "-n", "-3"], ["recommend", "--store", "s", "--user", "u", "-n", "4294967299"],
    ["similar", "--store", "s", "--item", "i", "-n", "-3"], ["prune", "--store", "s", "--keep", "-1"], ["inspect", "--store", "s", "--threads", "-1"],
    ["simulate", "-o", "shop", "--seed", "0x10"], ["simulate", "-o", "shop", "--seed", "18446744073709551616"],
])
def test_a_negative_seed_or_count_is_bad_usage(pannier, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    done = pannier(*words)
    assert done.code == 2 and words[-2] in done.err and words[-1] in done.err, done.err
    assert not (tmp_path / "shop").exists()
