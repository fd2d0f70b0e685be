"""Tuning on a matrix."""

import numpy as np
import pytest
from scipy import sparse

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


def tastes(users=120):
    """Two tastes by parity, and vectors that say an item's."""
    draw = np.random.default_rng(3)
    X = (draw.random((users, 30)) < np.where(np.arange(users)[:, None] % 2 == np.arange(30) % 2, 0.5, 0.05)).astype(np.float32)
    V = np.zeros((30, 2), np.float32)
    V[np.arange(30), np.arange(30) % 2] = 1
    return sparse.csr_matrix(X), pannier.Vectors([f"i{i}" for i in range(30)], V)


@pytest.mark.parametrize("model", ["vectors", "blend"])
def test_tune_searches_vectors(model):
    X, vectors = tastes()
    result = pannier.tune(X, model, trials=40, vectors=vectors)
    tried = {trial["config"]["name"] for trial in result.trials} | {name for trial in result.trials for name in trial["config"].get("members", "").split(",")}
    assert "vectors" in tried
    fitted = result.fit()
    assert np.array_equal(fitted.recommend([0, 1], n=5)[0], result.fit(X).recommend([0, 1], n=5)[0])
    # Columns in another order than the vectors.
    turned = np.arange(30)[::-1]
    again = pannier.tune(X[:, turned], "vectors", trials=2, vectors=vectors, items=[f"i{i}" for i in turned])
    straight = pannier.tune(X, "vectors", trials=2, vectors=vectors)
    ours, theirs = again.fit().recommend([0], n=30)[1], straight.fit().recommend([0], n=30)[1]
    assert np.array_equal(np.sort(ours), np.sort(theirs))


def test_tune_refuses_what_are_no_vectors():
    X, vectors = tastes()
    with pytest.raises(pannier.InvalidArgument, match="vectors"):
        pannier.tune(X, trials=1, vectors=np.eye(3))
    with pytest.raises(pannier.InvalidArgument, match="items"):
        pannier.tune(X, trials=1, items=["a"])
    with pytest.raises(pannier.InvalidArgument, match="29"):
        pannier.tune(X, trials=1, vectors=vectors, items=["a"] * 29)


def test_a_blend_has_vectors_as_a_member():
    X, vectors = tastes()
    alone = pannier.Blend(member_settings={"popular": {}, "vectors": vectors}, weights="0,1").fit(X)
    ours, theirs = alone.recommend([0, 1, 2], n=10)[0], vectors.fit(X).recommend([0, 1, 2], n=10)[0]
    assert (ours[:, :5] >= 0).all() and np.array_equal(ours[ours >= 0], theirs[ours >= 0])   # A blend leaves out what scores 0.
    weighed = pannier.Blend(member_settings={"popular": pannier.Popular(weighted=True), "vectors": vectors}).fit(X, items=vectors.ids)
    assert weighed.n_items_ == 30
    with pytest.raises(pannier.InvalidArgument, match="Vectors"):
        pannier.Blend(member_settings={"popular": vectors}).fit(X)
    with pytest.raises(pannier.InvalidArgument, match="items"):
        pannier.Blend(member_settings={"vectors": vectors}).fit(X, items=["a"])


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
