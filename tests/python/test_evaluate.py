"""`pannier.evaluate`: the command's numbers, from a fitted model and a matrix."""


import numpy as np
import pytest
import scipy.sparse as sp

import pannier


def parts(users=80, items=30, seed=2):
    draw = np.random.default_rng(seed)
    have = draw.random((users, items)) < np.where(np.arange(items)[None, :] % 2 == np.arange(users)[:, None] % 2, 0.4, 0.1)
    held_out = have & (draw.random((users, items)) < 0.25)
    return sp.csr_matrix((have & ~held_out).astype(np.float32)), sp.csr_matrix(held_out.astype(np.float32))


def test_recall_and_ndcg_are_those_of_the_lists():
    train, test = parts()
    model = pannier.ItemKNN(neighbours=20).fit(train)
    told = pannier.evaluate(model, test, at=[5, 10])
    recall, ndcg = [], []
    for user in range(train.shape[0]):
        wanted = set(test[user].indices)
        if not wanted:
            continue
        ids, _ = model.recommend([user], n=5)
        hits = [item in wanted for item in ids[0]]
        recall.append(sum(hits) / len(wanted))
        ndcg.append(sum(hit / np.log2(n + 2) for n, hit in enumerate(hits)) / sum(1 / np.log2(n + 2) for n in range(min(5, len(wanted)))))
    assert told["people"] == len(recall) and told["held_out"] == test.nnz
    assert told["metrics"]["recall@5"] == pytest.approx(np.mean(recall), abs=1e-9)
    assert told["metrics"]["ndcg@5"] == pytest.approx(np.mean(ndcg), abs=1e-9)
    low, high = told["interval"]["ndcg@5"]
    assert low < told["metrics"]["ndcg@5"] < high
    assert {"recall@10", "coverage@10", "gini@10", "map@5"} <= set(told["metrics"]) and set(told["slices"]) == {"new_users", "tail_items"}
    assert pannier.evaluate(model, test, train, at=(5, 10), threads=1)["metrics"] == told["metrics"]


def test_a_loaded_model_needs_the_histories(tmp_path):
    train, test = parts()
    pannier.Popular().fit(train).save(tmp_path / "model")
    loaded = pannier.load(tmp_path / "model")
    with pytest.raises(pannier.InvalidArgument, match="train: is not given"):
        pannier.evaluate(loaded, test)
    assert pannier.evaluate(loaded, test, train)["people"] > 0


@pytest.mark.parametrize("change, said", [
    ({"at": 0}, "at"), ({"at": []}, "at"), ({"at": [5, 2.5]}, "at"), ({"model": "ials"}, "model"), ({"test": parts(users=7)[1]}, "test"),
    ({"train": parts(items=7)[0]}, "train"), ({"threads": -1}, "threads"),
])
def test_what_makes_no_sense_is_refused_by_name(change, said):
    train, test = parts()
    arguments = {"model": pannier.Popular().fit(train), "test": test, **change}
    with pytest.raises(pannier.InvalidArgument, match=said):
        pannier.evaluate(**arguments)
