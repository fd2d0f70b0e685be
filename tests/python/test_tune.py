"""Tuning on a matrix."""

import numpy as np
import pytest

import pannier
from conftest import random_matrix


def test_tune_finds_settings_and_fits_them():
    X = random_matrix(users=120)
    result = pannier.tune(X, "item_knn", trials=12, seed=3, threads=1)
    assert len(result.trials) == 12
    assert result.best_model_name == "item_knn"
    best = max(trial["metric"] for trial in result.trials if trial["fidelity"] == 1)
    assert result.metric == best
    model = result.fit()
    assert isinstance(model, pannier.ItemKNN)
    settings = {name: value for name, value in result.best_config["models"][0].items() if name != "name"}
    again = pannier.ItemKNN(**settings).fit(X)
    assert np.array_equal(model.recommend([0, 1, 2])[0], again.recommend([0, 1, 2])[0])


def test_tune_of_the_best_repeats_and_gives_a_train_config(tmp_path):
    X = random_matrix(users=120)
    one, two = (pannier.tune(X, trials=24, seed=1, threads=threads) for threads in (1, 2))

    def told(result):
        return [(trial["config"], trial["metric"], trial["fidelity"]) for trial in result.trials], result.best_config, result.metric

    assert told(one) == told(two)
    assert {"popular", "item_knn", "ials", "blend"} <= {trial["config"]["name"] for trial in one.trials}
    model = one.fit(X)
    assert model.n_items_ == X.shape[1]
    assert one.cut.startswith("random")
    (tmp_path / "events.csv").write_text("time,kind,user,item\n" + "".join(
        f"2024-01-0{1 + n % 9},purchase,u{n % 7},i{n % 5}\n" for n in range(60)))
    report = pannier.train(tmp_path / "store", events=tmp_path / "events.csv", config=one.best_config)
    assert [model["name"] for model in report["models"]] == [model["name"] for model in one.best_config["models"]]


def test_tune_holds_whole_people_out():
    result = pannier.tune(random_matrix(users=150), "ials", trials=3, cut="user", share=0.3)
    assert result.cut.startswith("user") and result.metric > 0


def test_tune_takes_the_numbers_of_numpy():
    X = random_matrix()
    assert pannier.tune(X, "popular", trials=np.int64(2), people=np.int32(50), seed=np.uint8(3), share=np.float32(0.25)).trials


def test_tune_within_a_budget_ends():
    result = pannier.tune(random_matrix(), "popular", budget=60)
    assert len(result.trials) == 1 and result.fit().n_items_ == 30


def test_tune_tells_how_far_it_is_and_stops_when_told():
    seen = []
    pannier.tune(random_matrix(), "item_knn", trials=5, progress=lambda stage, done, total: seen.append((stage, done, total)))
    assert {stage for stage, _, _ in seen} == {"tuning"} and seen[-1][2] == 5

    def stop(stage, done, total):
        raise KeyError("enough")

    with pytest.raises(KeyError):
        pannier.tune(random_matrix(), "item_knn", trials=5, progress=stop)


@pytest.mark.parametrize("arguments, said", [
    ({}, "trials"), ({"trials": 0}, "trials"), ({"trials": 3, "cut": "last"}, "no order"), ({"trials": 3, "model": "ial"}, "ials"),
    ({"trials": 3, "metric": "ndcg"}, "metric"), ({"trials": 3, "share": 0.9}, "share"), ({"budget": -1}, "budget"),
    ({"trials": 3, "people": 0}, "people"), ({"trials": 3, "model": object()}, "model"), ({"trials": 2.5}, "trials"), ({"trials": True}, "trials"),
    ({"budget": float("inf")}, "budget"), ({"budget": "long"}, "budget"), ({"trials": 3, "share": None}, "share"), ({"trials": 3, "seed": -1}, "seed"),
    ({"trials": 3, "seed": 1.5}, "seed"), ({"trials": 3, "metric": 20}, "metric"),
])
def test_tune_refuses_by_name(arguments, said):
    with pytest.raises(pannier.InvalidArgument, match=said):
        pannier.tune(random_matrix(), **arguments)
