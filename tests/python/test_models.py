"""The recommenders against slow, obvious versions of themselves."""

import inspect
import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import pannier
from conftest import random_matrix
from pannier import _pannier

ALL = [pannier.IALS(factors=8, epochs=4), pannier.BPR(factors=8, epochs=4), pannier.BPR(loss="warp", factors=4, epochs=4), pannier.ItemKNN(neighbours=20), pannier.GraphFilter(rank=4), pannier.EASE(), pannier.SLIM(), pannier.Popular()]
ids = ["WARP" if getattr(model, "loss", "") == "warp" else type(model).__name__ for model in ALL]


@pytest.fixture(params=ALL, ids=ids)
def model(request, X):
    return type(request.param)(**request.param.get_params()).fit(X)


def ranked(scores, n, without=()):
    """The n best columns, ties by column, without some."""
    order = sorted((column for column in range(len(scores)) if column not in set(without)), key=lambda c: (-scores[c], c))
    return order[:n]


def test_popular_counts_people(X):
    ids, scores = pannier.Popular().fit(X).recommend([0, 1], n=5, exclude_seen=False)
    people = np.asarray((X > 0).sum(axis=0)).ravel()
    assert ids.dtype == np.int32 and scores.dtype == np.float32 and ids.shape == scores.shape == (2, 5)
    assert ids[0].tolist() == ids[1].tolist() == ranked(people, 5)
    assert scores[0].tolist() == people[ids[0]].tolist()


def test_reasons_are_columns_of_the_history_whose_shares_add_up_to_the_score(model, X):
    items, scores = model.recommend([3], n=4)
    reasons = model.explain(3, items[0], n=X.shape[1])
    assert reasons == model.explain(X[3], items[0], n=X.shape[1]) and len(reasons) == 4
    history = set(X[3].indices)
    for item, score, why in zip(items[0], scores[0], reasons):
        assert why
        if isinstance(model, pannier.Popular):
            assert why == [(item, score, "popular")]
            continue
        assert all(kind == "because_of" and column in history for column, _, kind in why)
        assert sum(share for _, share, _ in why) == pytest.approx(score, rel=1e-3, abs=1e-4)  # float32 shares; a solved system behind some
    assert model.explain(3, items[0], n=1) == [why[:1] for why in reasons] and model.explain(3, []) == []
    for row, columns, where in (([1, 2], [0], "row: names 2 rows"), (X, [0], "row: names 50 rows"), (50, [0], "rows: has 50"), (0, [30], "items")):
        with pytest.raises(pannier.InvalidArgument, match=where):
            model.explain(row, columns)


def test_popular_weighted_sums_weights(X):
    ids, scores = pannier.Popular(weighted=True).fit(X).recommend([0], n=3, exclude_seen=False)
    weight = np.asarray(X.sum(axis=0)).ravel()
    assert ids[0].tolist() == ranked(weight, 3) and scores[0].tolist() == weight[ids[0]].tolist()


def test_item_knn_is_the_cosine_of_columns(X):
    model = pannier.ItemKNN(neighbours=X.shape[1]).fit(X)
    dense = X.toarray().astype(np.float64)
    norms = np.linalg.norm(dense, axis=0)
    cosine = dense.T @ dense / np.outer(norms, norms)
    np.fill_diagonal(cosine, 0)
    items, scores = model.similar_items(np.arange(X.shape[1]), n=4)
    for item in range(X.shape[1]):
        together = np.count_nonzero(cosine[item])
        kept = min(4, together)
        np.testing.assert_allclose(scores[item, :kept], -np.sort(-cosine[item])[:kept], rtol=1e-5)
        np.testing.assert_allclose(scores[item, :kept], cosine[item, items[item, :kept]], rtol=1e-5)
        assert (items[item, kept:] == -1).all()
    answered, given = model.recommend([3], n=5)
    expected = dense[3] @ cosine
    expected[X[3].indices] = 0
    np.testing.assert_allclose(given[0], -np.sort(-expected)[:5], rtol=1e-5)
    np.testing.assert_allclose(given[0], expected[answered[0]], rtol=1e-5)


def test_ials_folds_a_row_in_as_the_fit_has_it(X):
    model = pannier.IALS(factors=8, epochs=6).fit(X)
    assert model.item_factors_.shape == (30, 8) and model.user_factors_.shape == (50, 8)
    own = model.user_factors_ @ model.item_factors_.T
    ids, scores = model.recommend(np.arange(50), n=30, exclude_seen=False)
    for row in range(50):
        np.testing.assert_allclose(scores[row], own[row, ids[row]], atol=1e-5)
    # A stranger with the history of a fitted user gets that user's answer, bit for bit.
    strangers, their_scores = model.recommend(X[7:9], n=30, exclude_seen=False)
    assert np.array_equal(strangers, ids[7:9]) and np.array_equal(their_scores, scores[7:9])


@pytest.mark.parametrize("loss", ["bpr", "warp"])
def test_bpr_scores_by_the_rows_that_histories_fold_in_to(X, loss):
    model = pannier.BPR(loss=loss, factors=8, epochs=6).fit(X)
    assert model.item_factors_.shape == (30, 8) and model.user_factors_.shape == (50, 8)
    own = model.user_factors_ @ model.item_factors_.T
    ids, scores = model.recommend(np.arange(50), n=30, exclude_seen=False)
    for row in range(50):
        np.testing.assert_allclose(scores[row], own[row, ids[row]], rtol=1e-5, atol=1e-5)
    strangers, their_scores = model.recommend(X[7:9], n=30, exclude_seen=False)
    assert np.array_equal(strangers, ids[7:9]) and np.array_equal(their_scores, scores[7:9])


def test_factors_are_views_that_cannot_be_written(X):
    model = pannier.IALS(factors=3, epochs=1).fit(X)
    for factors in (model.item_factors_, model.user_factors_):
        assert factors.dtype == np.float32 and not factors.flags.writeable and not factors.flags.owndata
        kept = factors.copy()
    del model
    assert np.array_equal(kept, factors)  # the view keeps its memory


def test_a_fit_does_not_depend_on_threads(X):
    one, four = (pannier.IALS(factors=8, epochs=3, threads=threads).fit(X) for threads in (1, 4))
    assert np.array_equal(one.item_factors_, four.item_factors_) and np.array_equal(one.user_factors_, four.user_factors_)


def test_a_batch_is_its_rows(model, X):
    ids, scores = model.recommend(np.arange(X.shape[0]), n=6)
    for row in (0, 17, 49):
        single, single_scores = model.recommend(row, n=6)
        assert np.array_equal(single, ids[row:row + 1]) and np.array_equal(single_scores, scores[row:row + 1])
        folded, folded_scores = model.recommend(X[row], n=6)
        assert np.array_equal(folded, single) and np.array_equal(folded_scores, single_scores)


def test_seen_items_and_others_than_asked_for_stay_out(model, X):
    ids, _ = model.recommend(np.arange(X.shape[0]), n=30)
    for row in range(X.shape[0]):
        assert not set(ids[row]) & set(X[row].indices)
    for items in ([4, 2, 9], np.isin(np.arange(30), [2, 4, 9])):
        ids, scores = model.recommend([1], n=5, items=items, exclude_seen=False)
        found = ids[0][ids[0] >= 0]
        assert set(found) <= {2, 4, 9}
        assert (scores[0][ids[0] < 0] == 0).all() and (ids[0][len(found):] == -1).all()
    ids, _ = model.recommend([1], n=5, items=[])
    assert (ids == -1).all()


def test_rows_come_in_any_order_and_number(model, X):
    ids, _ = model.recommend([5, 0, 5], n=4)
    assert np.array_equal(ids[0], ids[2])
    assert np.array_equal(ids[1], model.recommend(np.array([0], np.uint8), n=4)[0][0])
    assert model.recommend([], n=4)[0].shape == (0, 4)
    assert model.recommend(X[:0], n=4)[0].shape == (0, 4)


@pytest.mark.parametrize("rows, says", [([50], "50"), ([-1], "-1"), ([0.5], "float"), (["u1"], "rows"), ([True], "bool"),
                                        (np.zeros((2, 2, 2), int), "3 dimensions")])
def test_rows_out_of_range_or_of_other_types_are_refused(model, rows, says):
    with pytest.raises(pannier.InvalidArgument, match=says):
        model.recommend(rows)


def test_a_matrix_of_other_columns_is_refused(model):
    with pytest.raises(pannier.InvalidArgument, match="31 columns"):
        model.recommend(sp.csr_matrix((2, 31), dtype=np.float32))


@pytest.mark.parametrize("n", [0, -1, 2**31, 1.5, "7", True])
def test_n_out_of_range_is_refused(model, n):
    with pytest.raises(pannier.InvalidArgument, match="^n:"):
        model.recommend([0], n=n)
    with pytest.raises(pannier.InvalidArgument, match="^n:"):
        model.similar_items([0], n=n)


@pytest.mark.parametrize("items", [[30], [-1], [0.5], [True, False]])
def test_items_out_of_range_are_refused(model, items):
    with pytest.raises(pannier.InvalidArgument, match="items"):
        model.recommend([0], items=items)
    with pytest.raises(pannier.InvalidArgument, match="items"):
        model.similar_items(items)


def test_similar_items_are_never_the_item_itself(X):
    for model in (pannier.IALS(factors=8, epochs=3), pannier.ItemKNN()):
        ids, scores = model.fit(X).similar_items([3, 0], n=40)
        assert ids.shape == (2, 40) and 3 not in ids[0] and 0 not in ids[1]
        kept = ids[0] >= 0
        assert (np.diff(scores[0][kept]) <= 0).all()
        among, _ = model.similar_items(3, n=5, among=[1, 2])
        assert set(among[0]) <= {1, 2, -1}


def test_a_loaded_model_answers_as_the_fitted_one(model, X, tmp_path):
    model.save(tmp_path / "model.pnr")
    for other in (pannier.load(tmp_path / "model.pnr"), pickle.loads(pickle.dumps(model))):
        assert type(other) is type(model) and other.get_params() == {**model.get_params(), "threads": other.threads}
        for ours, theirs in zip(model.recommend(X, n=7), other.recommend(X, n=7)):
            assert np.array_equal(ours, theirs)
        with pytest.raises(pannier.InvalidArgument, match="knows no fitted users"):
            other.recommend([0])
    assert pickle.loads(pickle.dumps(type(model)())).get_params() == type(model)().get_params()


def test_loading_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        pannier.load(tmp_path / "missing.pnr")
    (tmp_path / "broken.pnr").write_bytes(b"not a model at all" * 20)
    with pytest.raises(pannier.MalformedInput):
        pannier.load(tmp_path / "broken.pnr")


def test_vectors_serve_what_was_trained_elsewhere(X, tmp_path):
    items = X.shape[1]
    draw = np.random.default_rng(3)
    names, V, bias = [f"item-{i}" for i in range(items)], draw.normal(size=(items, 6)).astype(np.float32), draw.normal(size=items).astype(np.float32)
    shuffled = draw.permutation(items)
    model = pannier.Vectors([names[i] for i in shuffled], V[shuffled], bias[shuffled]).fit(X, items=names)
    shares = X.toarray()[3].astype(np.float64)
    shares /= shares.sum()
    expected = V.astype(np.float64) @ (shares @ V) + bias
    ids, scores = model.recommend([3], n=items, exclude_seen=False)
    np.testing.assert_allclose(scores[0], expected[ids[0]], rtol=1e-4, atol=1e-5)  # Float sums of 7 terms, which may cancel.
    assert model.item_factors_.shape == (items, 7)
    model.save(tmp_path / "model.pnr")
    for again in (pannier.load(tmp_path / "model.pnr"), pickle.loads(pickle.dumps(model)), pannier.Vectors(names, V, bias).fit(X)):
        assert isinstance(again, pannier.Vectors)
        for one, other in zip(again.recommend(X[:9], n=5), model.recommend(X[:9], n=5)):
            np.testing.assert_array_equal(one, other)
    # One column has no vector: it is in no answer. Nobody needs to be known.
    some = pannier.Vectors(names[1:], V[1:], fold_in="ridge", l2=0.5).fit(sp.csr_matrix((0, items), dtype=np.float32), items=names)
    assert not (some.recommend(X, n=items)[0] == 0).any()


def test_vectors_are_refused_by_name(X):
    items = X.shape[1]
    names, V = [f"i{i}" for i in range(items)], np.ones((items, 2), np.float32)
    for arrays, items_of, match in [((None, None), None, "no ids and vectors"), ((range(items), V), None, r"ids\[0\]: is of type int"), ((names, V[:, 0]), None, "V: "),
                                    ((names, V[1:]), None, "vectors"), ((names[:-1] + names[:1], V), None, "as row 0 is"), ((names, V * np.float32(np.nan)), None, "not finite"),
                                    ((names, V.astype(np.float64) * 1e39), None, "not finite"), ((names, V, np.ones(3)), None, "bias"), ((names[1:], V[1:]), None, "ids: are"),
                                    ((names, V), names[1:], "items: are"), ((names, V), [name + "x" for name in names], "none of the"), ((names, V.astype(object)), None, "V: "),
                                    ((["\ud800"] + names[1:], V), None, "no character")]:
        with pytest.raises(pannier.InvalidArgument, match=match):
            pannier.Vectors(*arrays).fit(X, items=items_of)
    with pytest.raises(pannier.InvalidArgument, match="fold_in"):
        pannier.Vectors(names, V, fold_in="median").fit(X)


@pytest.mark.parametrize("cls", [pannier.IALS, pannier.BPR, pannier.ItemKNN, pannier.GraphFilter, pannier.EASE, pannier.SLIM, pannier.Popular])
def test_settings_are_the_librarys(cls):
    settings = {name: default for name, _, default, _, _ in _pannier.model_settings(cls._kind)}
    assert list(inspect.signature(cls).parameters) == [*settings, "threads"]
    assert list(cls().get_params()) == [*settings, "threads"]
    assert all(name in cls.__doc__ for name in settings)


def test_settings_are_kept_shown_and_refused_by_name(X):
    model = pannier.IALS(factors=5, seed=7, threads=1)
    assert "factors=5" in repr(model) and "seed=7" in repr(model) and model.factors == 5
    assert model.set_params(factors=6) is model and model.get_params()["factors"] == 6
    with pytest.raises(pannier.InvalidArgument, match="factor: .*did you mean factors"):
        pannier.IALS(factor=5)
    with pytest.raises(pannier.InvalidArgument, match="factor"):
        model.set_params(factor=5)
    with pytest.raises(pannier.InvalidArgument, match="factors"):
        pannier.IALS(factors=0).fit(X)
    with pytest.raises(pannier.InvalidArgument, match="factors"):
        pannier.IALS(factors="many").fit(X)
    with pytest.raises(pannier.InvalidArgument, match="object"):
        pannier.IALS(factors=object()).fit(X)
    with pytest.raises(pannier.InvalidArgument, match="threads"):
        pannier.IALS(factors=2, threads=-1).fit(X)
    assert pannier.IALS(factors=np.int64(3), l2=np.float32(0.5), epochs=1).fit(X).item_factors_.shape[1] == 3


def test_the_seed_alone_is_random(X):
    first, same, other = (pannier.IALS(factors=4, epochs=1, seed=seed).fit(X).item_factors_ for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_a_model_that_is_not_fitted_says_so(X):
    model = pannier.IALS()
    assert model.item_factors_ is None and model.user_factors_ is None
    for call in (lambda: model.recommend([0]), lambda: model.similar_items([0]), lambda: model.save("x"), lambda: model.n_items_):
        with pytest.raises(pannier.InvalidArgument, match="IALS: is not fitted"):
            call()


def test_a_refused_fit_leaves_the_earlier_one(X):
    model = pannier.IALS(factors=4, epochs=2).fit(X)
    before = model.recommend([0])[0]
    with pytest.raises(pannier.InvalidArgument):
        model.fit(-X)
    assert np.array_equal(model.recommend([0])[0], before) and model.n_items_ == 30


def test_the_report_tells_how_the_fit_went(X):
    report = pannier.IALS(factors=4, epochs=3).fit(X).report_
    assert report["epochs"] == 3 and report["seconds"] >= 0 and report["converged"] is True


def test_threads_out_of_range_are_refused_at_once_and_at_the_fit():
    for model in (pannier.Popular, pannier.IALS):
        for wrong in (-1, 1025, 1.5, True, "2"):
            with pytest.raises(pannier.InvalidArgument, match="threads"):
                model(threads=wrong)
        with pytest.raises(pannier.InvalidArgument, match="threads"):
            model().set_params(threads=-1).fit(np.ones((2, 2), dtype=np.float32))


def test_a_blend_fits_its_members_with_their_settings():
    X = random_matrix(users=80)
    blend = pannier.Blend(members="ials,item_knn", weights="0.75,0.25", member_settings={"ials": {"factors": 4, "epochs": 3}}, threads=1).fit(X)
    ials = pannier.IALS(factors=4, epochs=3, threads=1).fit(X)
    knn = pannier.ItemKNN(threads=1).fit(X)
    everything = X.shape[1]
    row = X[:1]

    def scores(model):
        out = np.zeros(everything)
        ids, values = model.recommend(row, n=everything)
        out[ids[0][ids[0] >= 0]] = values[0][ids[0] >= 0]
        return out

    one, other, both = scores(ials), scores(knn), scores(blend)
    expected = 0.75 * one / one.max() + 0.25 * other / other.max()
    best = both.argsort()[::-1][:5]
    assert np.allclose(both[best], expected[best], rtol=1e-5)
    assert blend.get_params()["member_settings"] == {"ials": {"factors": 4, "epochs": 3}}
    loaded = pickle.loads(pickle.dumps(blend))
    assert np.array_equal(loaded.recommend(row)[0], blend.recommend(row)[0])


def test_a_blend_refuses_by_name():
    X = random_matrix()
    with pytest.raises(pannier.InvalidArgument, match="member_settings"):
        pannier.Blend(member_settings={"ials": 3}).fit(X)
    with pytest.raises(pannier.InvalidArgument, match="factor"):
        pannier.Blend(member_settings={"ials": {"factor": 3}, "popular": {}}).fit(X)
    with pytest.raises(pannier.InvalidArgument, match="weights"):
        pannier.Blend(members="ials,popular", weights="1").fit(X)
    with pytest.raises(pannier.InvalidArgument, match="member_settings"):
        pannier.Blend(member_setting={})


def test_lists_of_each_row_filter_that_row(model, X):
    rows = np.arange(20)
    allowed, denied = (sp.random(20, X.shape[1], density=density, random_state=seed, format="csr") for density, seed in ((0.4, 5), (0.3, 6)))
    ids, scores = model.recommend(rows, n=8, row_items=allowed, row_exclude=denied)
    for row in rows:
        may = np.zeros(X.shape[1], bool)
        may[allowed[row].indices] = True
        may[denied[row].indices] = False
        one, one_scores = model.recommend([row], n=8, items=may)
        assert ids[row].tolist() == one[0].tolist() and scores[row].tolist() == one_scores[0].tolist()
    assert not set(ids[3]) & set(denied[3].indices)
    for name in ("row_items", "row_exclude"):
        with pytest.raises(pannier.InvalidArgument, match=f"{name}: is 19 x"):
            model.recommend(rows, **{name: allowed[:19]})
        with pytest.raises(pannier.InvalidArgument, match=name):
            model.recommend(rows, **{name: "lists"})
