"""`tune`, and blends in `evaluate`."""

import csv
import json
import random
import shlex

import numpy as np
import pytest


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Two tastes, by parity; a fifth of the items is the test."""
    folder, draw = tmp_path_factory.mktemp("lightgcn"), random.Random(5)
    with open(folder / "train.txt", "w") as train, open(folder / "test.txt", "w") as test:
        for user in range(150):
            items = [item for item in range(60) if draw.random() < (0.45 if item % 2 == user % 2 else 0.05) * (1 - item / 80)]
            draw.shuffle(items)
            cut = max(1, len(items) * 4 // 5)
            train.write(" ".join(map(str, [user, *items[:cut]])) + "\n")
            if items[cut:]:
                test.write(" ".join(map(str, [user, *items[cut:]])) + "\n")
    return folder


def tune(pannier, parts, *more):
    return pannier("tune", "--train", parts / "train.txt", "--format", "lightgcn", "--json", *more)


def test_tune_prints_the_command_that_gives_the_same_test(pannier, parts, tmp_path):
    done = tune(pannier, parts, "--model", "best", "--trials", 30, "--test", parts / "test.txt", "-o", tmp_path / "best.json")
    assert done.code == 0, done.err
    answer = done.json
    assert len(answer["trials"]) <= 30
    for trial in answer["trials"]:
        assert {"config", "metric", "seconds"} <= set(trial) and "name" in trial["config"]
    assert {"popular", "item_knn", "ials", "blend"} <= {trial["config"]["name"] for trial in answer["trials"]}
    full = [trial["metric"] for trial in answer["trials"] if trial["fidelity"] == 1 and trial["metric"] is not None]
    assert answer["best"]["metric"] == max(full)
    words = shlex.split(answer["command"])
    assert words[:2] == ["pannier", "evaluate"]
    again = pannier(*words[1:], "--json")
    assert again.code == 0, again.err
    assert again.json["metrics"] == answer["test"]
    # The file is a config of `train`.
    best = json.loads((tmp_path / "best.json").read_text())
    assert best == answer["best"]["config"]
    events = tmp_path / "events.csv"
    events.write_text("time,kind,user,item\n" + "".join(f"2024-01-0{1 + n % 9},purchase,u{n % 7},i{n % 5}\n" for n in range(60)))
    trained = pannier("train", "--store", tmp_path / "store", "--events", events, "--config", tmp_path / "best.json", "--json")
    assert trained.code == 0, trained.err
    assert [model["name"] for model in trained.json["models"]] == [model["name"] for model in best["models"]]


def test_what_only_events_have_is_refused_beside_lightgcn(pannier, parts):
    for option, text in (("--map", "ga4"), ("--kind", "purchase"), ("--rate", "EUR=2"), ("--on-error", "skip"), ("--items", "items.csv"), ("--config", "c.json")):
        done = tune(pannier, parts, "--model", "popular", "--trials", 1, option, text)
        assert done.code == 2 and option in done.err and "has no meaning beside --format lightgcn" in done.err


def test_the_best_keeps_the_weights_it_was_chosen_with(pannier, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("time,kind,user,item\n" + "".join(f"2024-01-0{1 + n % 9},{'purchase' if n % 2 else 'view_item'},u{n % 7},i{n % 5}\n" for n in range(120)))
    (tmp_path / "config.json").write_text('{"events": {"weights": {"view_item": 0, "purchase": 2}, "half_life_days": 30}}')
    done = pannier("tune", "--model", "item_knn", "--events", events, "--config", tmp_path / "config.json", "--trials", 4, "--json", "-o", tmp_path / "best.json")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "best.json").read_text())["events"] == {"weights": {"view_item": 0, "purchase": 2}, "half_life_days": 30}


def test_tune_repeats_for_any_number_of_threads(pannier, parts):
    def told(threads):
        answer = tune(pannier, parts, "--model", "best", "--trials", 16, "--threads", threads).json
        return [(trial["config"], trial["metric"]) for trial in answer["trials"]], answer["best"], answer["command"]

    assert told(1) == told(2)


@pytest.mark.parametrize("cut", ["random", "last", "user"])
def test_tune_says_how_it_cut(pannier, parts, cut):
    done = tune(pannier, parts, "--model", "item_knn", "--trials", 4, "--cut", cut, *(["--share", "0.3"] if cut != "last" else []))
    assert done.code == 0, done.err
    assert done.json["cut"].startswith(cut) and done.json["best"]["metric"] > 0
    assert "test" not in done.json and "--test FILE" in done.json["command"]


def test_tune_last_out_reproduces(pannier, parts):
    done = tune(pannier, parts, "--model", "item_knn", "--trials", 4, "--last-out")
    assert done.code == 0, done.err
    again = pannier(*shlex.split(done.json["command"])[1:], "--json")
    assert again.json["metrics"] == done.json["test"]


@pytest.mark.parametrize("model", ["vectors", "blend"])
def test_tune_searches_vectors_where_they_are_given(pannier, parts, tmp_path, model):
    taste = np.zeros((60, 2), dtype=np.float32)
    taste[np.arange(60), np.arange(60) % 2] = 1
    np.savez(tmp_path / "v.npz", ids=np.array([str(i) for i in range(60)]), vectors=taste)
    done = tune(pannier, parts, "--model", model, "--trials", 40, "--test", parts / "test.txt", "--vectors", tmp_path / "v.npz")
    assert done.code == 0, done.err
    assert any(trial["config"]["name"] == "vectors" for trial in done.json["trials"])
    words = shlex.split(done.json["command"])
    assert words[words.index("--vectors") + 1] == str(tmp_path / "v.npz")
    again = pannier(*words[1:], "--json")
    assert again.code == 0 and again.json["metrics"] == done.json["test"]


def test_tune_searches_vectors_of_events(pannier, shop, tmp_path):
    with open(shop / "events.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    ids = sorted({row["item"] for row in rows if row["item"]})
    np.savez(tmp_path / "v.npz", ids=np.array(ids), vectors=np.random.default_rng(1).normal(size=(len(ids), 4)).astype(np.float32))
    done = pannier("tune", "--model", "vectors", "--trials", 3, "--events", shop / "events.csv", "--last-out", "--vectors", tmp_path / "v.npz", "--json")
    assert done.code == 0, done.err
    again = pannier(*shlex.split(done.json["command"])[1:], "--json")
    assert again.code == 0 and again.json["metrics"] == done.json["test"]


def test_tune_reads_events_cut_in_time(pannier, shop):
    with open(shop / "events.csv", newline="") as file:
        times = sorted(row["time"] for row in csv.DictReader(file))
    done = pannier("tune", "--model", "best", "--trials", 12, "--events", shop / "events.csv", "--split", times[len(times) * 4 // 5], "--json")
    assert done.code == 0, done.err
    assert done.json["cut"].startswith("last")
    again = pannier(*shlex.split(done.json["command"])[1:], "--json")
    assert again.json["metrics"] == done.json["test"]


def test_tune_does_not_look_into_the_test_before_the_end(pannier, parts, tmp_path):
    # A missing one is refused at once, by name.
    done = tune(pannier, parts, "--model", "best", "--trials", 1000, "--test", tmp_path / "none.txt")
    assert done.code == 1 and "none.txt" in done.err and done.out == ""
    # One that makes no sense is found out once the search has ended, whose result stands.
    (tmp_path / "bad.txt").write_text("0 x\n")
    done = tune(pannier, parts, "--model", "popular", "--trials", 2, "--test", tmp_path / "bad.txt", "-o", tmp_path / "best.json")
    assert done.code == 1 and "bad.txt:1" in done.err and done.out == ""
    assert json.loads((tmp_path / "best.json").read_text()) == {"models": [{"name": "popular"}]}


def test_tune_tells_its_trials_as_a_table(pannier, parts):
    done = pannier("tune", "--train", parts / "train.txt", "--format", "lightgcn", "--model", "item_knn", "--trials", 3)
    assert done.code == 0, done.err
    assert done.err.count("trial ") == 3 and "ndcg@20" in done.out and "pannier evaluate --model item_knn" in done.out


@pytest.mark.parametrize("arguments, said", [
    ([], "--trials"), (["--trials", "0"], "--trials"), (["--budget", "0"], "--budget"), (["--trials", "3", "--model", "ial"], "ials"),
    (["--trials", "3", "--cut", "first"], "--cut"), (["--trials", "3", "--share", "0.9"], "--share"),
    (["--trials", "3", "--cut", "last", "--last-out"], "--cut"), (["--trials", "3", "--cut", "last", "--share", "0.2"], "--share"),
    (["--trials", "3", "--metric", "ndcg"], "--metric"), (["--trials", "3", "--seed", "-1"], "--seed"), (["--trials", "3", "--people", "-1"], "--people"),
    (["--trials", "3", "--last-out", "--test", "t"], "--test"),
])
def test_tune_refuses_by_name(pannier, parts, arguments, said):
    done = tune(pannier, parts, *arguments)
    assert done.code == 2 and said in done.err and done.out == ""


def test_tune_refuses_a_metric_and_cuts_that_events_have_not(pannier, parts, shop):
    # Before anything is read.
    done = pannier("tune", "--trials", 3, "--metric", "ndcg", "--train", "none.txt", "--format", "lightgcn")
    assert done.code == 2 and "--metric" in done.err
    done = pannier("tune", "--trials", 3, "--events", shop / "events.csv", "--share", "0.2")
    assert done.code == 2 and "--share" in done.err
    done = pannier("tune", "--trials", 3, "--events", shop / "events.csv", "--cut", "random")
    assert done.code == 2 and "--cut" in done.err


def evaluate(pannier, parts, *more):
    return pannier("evaluate", "--train", parts / "train.txt", "--test", parts / "test.txt", "--format", "lightgcn", "--json", *more)


def test_evaluate_fits_the_members_of_a_blend(pannier, parts):
    blend = ["--model", "blend", "--members", "ials,item_knn", "--set", "ials.factors=8", "--set", "ials.epochs=4"]
    done = evaluate(pannier, parts, *blend)
    assert done.code == 0, done.err
    assert done.json["member_config"]["ials"]["factors"] == 8 and done.json["config"]["members"] == "ials,item_knn"
    # All the weight to one member is that member.
    done = evaluate(pannier, parts, *blend, "--set", "weights=1,0")
    alone = evaluate(pannier, parts, "--model", "ials", "--set", "factors=8", "--set", "epochs=4")
    assert done.json["metrics"]["ndcg@20"] == pytest.approx(alone.json["metrics"]["ndcg@20"], abs=1e-9)


@pytest.mark.parametrize("arguments, said", [
    (["--model", "ials", "--members", "ials"], "--members"), (["--model", "blend", "--members", "ials,ials"], "twice"),
    (["--model", "blend", "--members", "ials,blend"], "blend"), (["--model", "blend", "--members", "ial"], "ials"),
    (["--model", "blend", "--members", "ials", "--set", "item_knn.neighbours=3"], "no member"),
    (["--model", "blend", "--members", "ials", "--set", "ials.factor=3"], "factors"),
    (["--model", "blend", "--members", "ials", "--set", "members=popular"], "members"),
    (["--model", "ials", "--set", "ials.factors=3"], "no member"),
])
def test_evaluate_refuses_members_by_name(pannier, parts, arguments, said):
    done = evaluate(pannier, parts, *arguments)
    assert done.code == 2 and said in done.err and done.out == ""
