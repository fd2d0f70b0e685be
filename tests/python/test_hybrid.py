"""pannier.Hybrid: features in every shape, cold items and people, saving, and what it refuses."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import pannier

GROUPS = 4
USERS, ITEMS = 160, 96


def shop(seed=1):
    """Users and items of four tastes; the last eight items and the last sixteen users have no events."""
    random = np.random.default_rng(seed)
    taste = (np.arange(USERS)[:, None] % GROUPS) == (np.arange(ITEMS)[None, :] % GROUPS)
    X = (random.random((USERS, ITEMS)) < np.where(taste, 0.4, 0.02)).astype(np.float32)
    X[:, -8:] = 0
    X[-16:, :] = 0
    return sp.csr_matrix(X)


def attributes(rows):
    return [{"taste": "abcd"[i % GROUPS], "size": i % 5, "name": f"thing of {'abcd'[i % GROUPS]}{'abcd'[i % GROUPS]} number {i}"} for i in range(rows)]


def matrix(rows):
    return sp.csr_matrix((np.ones(rows, np.float32), (np.arange(rows), np.arange(rows) % GROUPS)), shape=(rows, GROUPS))


def test_features_of_every_shape_place_cold_items():
    pandas = pytest.importorskip("pandas")
    X = shop()
    cold = np.arange(ITEMS - 8, ITEMS)
    for features in (attributes(ITEMS), pandas.DataFrame(attributes(ITEMS)), matrix(ITEMS), matrix(ITEMS).toarray()):
        model = pannier.Hybrid(factors=8, epochs=6).fit(X, item_features=features)
        found, scores = model.recommend(np.arange(40), n=2, items=cold)
        assert (found % GROUPS == np.arange(40)[:, None] % GROUPS).all()
        assert (scores > 0).all()
        assert np.abs(model.item_factors_[cold]).sum() > 0


def test_people_are_ranked_by_what_is_known_of_them():
    X = shop()
    for users in (attributes(USERS), matrix(USERS)):
        model = pannier.Hybrid(factors=8, epochs=6).fit(X, item_features=matrix(ITEMS), user_features=users)
        nobody = sp.csr_matrix((16, ITEMS), dtype=np.float32)
        known = users[-16:]
        found, scores = model.recommend(nobody, n=5, user_features=known)
        assert (found % GROUPS == (np.arange(USERS - 16, USERS) % GROUPS)[:, None]).all()
        assert (model.recommend(nobody, n=5)[0] == -1).all()
        # Row numbers, and a history beside what is known.
        rows = np.arange(8)
        both = model.recommend(rows, n=5, user_features=users[:8])
        assert (both[0] % GROUPS == rows[:, None] % GROUPS).all()
        assert not np.array_equal(both[1], model.recommend(rows, n=5)[1])


def test_saved_and_pickled_it_answers_alike(tmp_path):
    X = shop()
    model = pannier.Hybrid(factors=8, epochs=4).fit(X, item_features=attributes(ITEMS), user_features=attributes(USERS))
    expected = model.recommend(X, n=6, user_features=attributes(USERS))
    model.save(tmp_path / "hybrid.pnr")
    for again in (pannier.load(tmp_path / "hybrid.pnr"), pickle.loads(pickle.dumps(model))):
        assert isinstance(again, pannier.Hybrid)
        assert again.get_params() == model.get_params()
        for a, b in zip(again.recommend(X, n=6, user_features=attributes(USERS)), expected):
            np.testing.assert_array_equal(a, b)


def test_values_of_any_kind_are_texts_and_what_is_missing_is_not_known():
    X = shop()
    odd = [{"a": "abcd"[i % 4], "b": [1, 2.5, "x"], "c": True, "d": None, "e": float("nan"), "f": np.int64(i % 2), "g": np.float32(i % 3)} for i in range(ITEMS)]
    model = pannier.Hybrid(factors=4, epochs=2).fit(X, item_features=odd)
    assert np.isfinite(model.item_factors_).all()


def test_what_does_not_fit_is_refused_by_name():
    X = shop()
    model = pannier.Hybrid(factors=4, epochs=2)
    with pytest.raises(pannier.InvalidArgument, match="hybrid: reads features of items or people, and none are known"):
        model.fit(X)
    with pytest.raises(pannier.InvalidArgument, match="item_features: has 95 rows; expected 96"):
        model.fit(X, item_features=attributes(95))
    with pytest.raises(pannier.InvalidArgument, match="user_features: has 96 rows; expected 160"):
        model.fit(X, user_features=matrix(96))
    with pytest.raises(pannier.InvalidArgument, match="item_features"):
        model.fit(X, item_features=-matrix(ITEMS))
    with pytest.raises(pannier.InvalidArgument, match=r"item_features\[3\]"):
        model.fit(X, item_features=[{"a": "x"}] * 3 + ["y"] * 93)
    with pytest.raises(pannier.InvalidArgument, match=r"item_features\[0\].a: is of type object"):
        model.fit(X, item_features=[{"a": object()}] * ITEMS)
    model.fit(X, item_features=matrix(ITEMS), user_features=matrix(USERS))
    with pytest.raises(pannier.InvalidArgument, match="user_features: has 3 rows; expected 2"):
        model.recommend([0, 1], user_features=matrix(3))
    with pytest.raises(pannier.InvalidArgument, match=r"user_features\[0\]: names the attribute taste, which the model was not fitted on"):
        model.recommend([0], user_features=[{"taste": "a"}])
    named = pannier.Hybrid(factors=4, epochs=2).fit(X, user_features=attributes(USERS))
    with pytest.raises(pannier.InvalidArgument, match=r"user_features\[1\]: names the attribute taset, .*expected name, size, taste"):
        named.recommend([0, 1], user_features=[{"taste": "a"}, {"taset": "a"}])
    with pytest.raises(pannier.InvalidArgument, match="history.feature_columns: feature 4"):
        model.recommend([0], user_features=sp.csr_matrix(np.ones((1, 5), np.float32)))
