"""pannier.compat.implicit: what code that was written for implicit expects, against slow, obvious versions of it."""

import ast
import importlib
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import pannier
from pannier.compat import implicit
from pannier.compat.implicit import evaluation
from pannier.compat.implicit.als import AlternatingLeastSquares, calculate_loss
from pannier.compat.implicit.approximate_als import AnnoyAlternatingLeastSquares, FaissAlternatingLeastSquares, NMSLibAlternatingLeastSquares
from pannier.compat.implicit.bpr import BayesianPersonalizedRanking
from pannier.compat.implicit.nearest_neighbours import (BM25Recommender, CosineRecommender, ItemItemRecommender, TFIDFRecommender, all_pairs_knn, bm25_weight, normalize,
                                                        tfidf_weight)
from pannier.compat.implicit.utils import ParameterWarning

LOWEST = -np.finfo(np.float32).max
FACTORS = [lambda: AlternatingLeastSquares(factors=6, random_state=1), lambda: BayesianPersonalizedRanking(factors=6, iterations=30, random_state=1)]
NEAREST = [lambda: CosineRecommender(K=6), lambda: TFIDFRecommender(K=6), lambda: BM25Recommender(K=6)]


@pytest.fixture
def X():
    matrix = sp.random(60, 25, density=0.25, random_state=4, format="csr", dtype=np.float32)
    matrix.data = np.ceil(matrix.data * 4)
    return matrix


@pytest.fixture(params=FACTORS, ids=["als", "bpr"])
def factorised(request, X):
    model = request.param()
    model.fit(X, show_progress=False)
    return model


@pytest.fixture(params=NEAREST, ids=["cosine", "tfidf", "bm25"])
def nearest(request, X):
    model = request.param()
    model.fit(X, show_progress=False)
    return model


def boards(size):
    """Even users have the even items and odd users the odd ones, each but the one of their own number."""
    return sp.csr_matrix(((np.arange(size)[:, None] + np.arange(size)) % 2 == 0).astype(float) - np.eye(size))


# Vectors of users and items

def expected(scores, N, filtered, listed=None):
    """Best first, what was filtered behind, by number."""
    listed = range(len(scores)) if listed is None else set(listed)
    order = sorted(listed, key=lambda i: (i in filtered, -scores[i] if i not in filtered else 0, i))
    return order[:N]


@pytest.mark.parametrize("arguments", [{}, {"N": 40}, {"filter_already_liked_items": False}, {"filter_items": [0, 3, 24], "N": 25}, {"items": [9, 2, 4, 17, 2]},
                                       {"items": [9, 2, 4, 17], "N": 3, "filter_already_liked_items": False}])
def test_lists_are_those_of_every_product(factorised, X, arguments):
    N, filtered_for_all, listed = arguments.get("N", 10), set(arguments.get("filter_items", ())), arguments.get("items")
    users = np.array([5, 0, 59, 5])
    ids, scores = factorised.recommend(users, X[users], **arguments)
    assert ids.dtype == np.int32 and scores.dtype == np.float32
    products = factorised.user_factors.astype(float) @ factorised.item_factors.T
    room = 25 if listed is None else len(set(listed))
    width = N if listed is None else min(N, room)
    assert ids.shape == scores.shape == (4, width)
    for row, user in enumerate(users):
        filtered = filtered_for_all | (set(X[user].indices) if arguments.get("filter_already_liked_items", True) else set())
        wanted = expected(products[user], N, filtered, listed)
        assert ids[row][:len(wanted)].tolist() == wanted
        assert (ids[row][room:] == -1).all() and (scores[row][room:] == LOWEST).all()
        for item, score in zip(wanted, scores[row]):
            assert score == LOWEST if item in filtered else score == pytest.approx(products[user, item], abs=1e-5)
        # One user: the same, as long as there are items.
        alone, alone_scores = factorised.recommend(int(user), X[user], **arguments)
        assert alone.tolist() == wanted and np.allclose(alone_scores, scores[row][:len(wanted)])


def test_many_users_get_what_single_ones_get(factorised, X):
    ids, scores = factorised.recommend(np.arange(60), X, N=7)
    for user in range(60):
        one, one_scores = factorised.recommend(user, X[user], N=7)
        assert ids[user].tolist() == one.tolist() and np.array_equal(scores[user], one_scores)


def test_vectors_may_be_written_and_replaced(factorised, X):
    factorised.item_factors[7] = 1000 * factorised.user_factors[3]
    assert factorised.recommend(3, X[3], filter_already_liked_items=False)[0][0] == 7
    factorised.similar_items(7)
    factorised.item_factors = np.flip(factorised.item_factors, axis=0).copy()
    assert factorised.recommend(3, X[3], filter_already_liked_items=False)[0][0] == 17
    ids, scores = factorised.similar_items(17, N=2)
    assert ids[0] == 17 and scores[0] == pytest.approx(1, abs=1e-5)


def test_similar_ones_are_those_of_largest_cosine(factorised):
    for vectors, ask in ((factorised.user_factors, factorised.similar_users), (factorised.item_factors, factorised.similar_items)):
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = units @ units.T
        ids, scores = ask([3, 11], N=5)
        for row, one in enumerate((3, 11)):
            assert ids[row].tolist() == expected(cosines[one], 5, ())
            assert np.allclose(scores[row], cosines[one][ids[row]], atol=1e-5)
    ids, _ = factorised.similar_items(3, N=5, items=[1, 2, 4])
    assert sorted(ids) == [1, 2, 4]
    ids, scores = factorised.similar_users(3, N=60, filter_users=[3])
    assert ids[-1] == 3 and scores[-1] == LOWEST
    assert np.allclose(factorised.item_norms, np.linalg.norm(factorised.item_factors, axis=1))


@pytest.mark.parametrize("make", [*FACTORS, *NEAREST])
def test_the_item_that_was_held_back_comes_first(make, tmp_path):
    X = boards(50)
    model = make()
    model.K = 50   # of nearest neighbours: on this board all of a kind are equally near
    model.fit(X, show_progress=False)
    assert evaluation.precision_at_k(model, X, sp.csr_matrix(np.eye(50)), K=1) == 1
    again = pickle.loads(pickle.dumps(model))
    model.save(str(tmp_path / "model"))
    loaded = type(model).load(str(tmp_path / "model"))
    for other in (again, loaded):
        for one, two in zip(model.recommend([4, 9], X[[4, 9]]), other.recommend([4, 9], X[[4, 9]])):
            assert np.array_equal(one, two)


def test_calls_refuse_what_implicit_refuses(factorised, X):
    with pytest.raises(ValueError, match="user_items"):
        factorised.recommend(0, X.tocsc())
    with pytest.raises(ValueError, match="user_items: has 60 rows"):
        factorised.recommend(0, X)
    with pytest.raises(ValueError, match="both given"):
        factorised.recommend(0, X[0], items=[1], filter_items=[2])
    for wrong in (-1, 25, 2**40):
        with pytest.raises(IndexError, match="items: has"):
            factorised.recommend(0, X[0], items=[1, wrong])
        with pytest.raises(IndexError, match="itemid: has"):
            factorised.similar_items(wrong)
    with pytest.raises(IndexError, match="userid: has 60"):
        factorised.recommend([3, 60], X[[3, 4]])
    with pytest.raises(IndexError, match="user_items: has an entry in column 30"):
        factorised.recommend(0, sp.csr_matrix(([1.0], ([0], [30])), shape=(1, 31)))
    for wrong in (0, -3, 2.5, "many", True):
        with pytest.raises(ValueError, match="N: is"):
            factorised.recommend(0, X[0], N=wrong)
    with pytest.raises(ValueError, match="items: is empty"):
        factorised.recommend(0, X[0], items=[])
    with pytest.raises(ValueError, match="userid: has type"):
        factorised.recommend([0.5], X[[0]])
    ids, scores = factorised.recommend([], X[[]], N=3)
    assert ids.shape == scores.shape == (0, 3)
    with pytest.warns(DeprecationWarning):
        assert sorted(factorised.rank_items(0, X[0], [1, 2, 3])[0]) == [1, 2, 3]


@pytest.mark.parametrize("kind", [AlternatingLeastSquares, BayesianPersonalizedRanking])
def test_fits_refuse_by_name(kind, X):
    for arguments, name in (({"factors": 0}, "factors"), ({"iterations": -1}, "iterations"), ({"regularization": -1.0}, "regularization|l2"), ({"num_threads": -1}, "threads"),
                            ({"dtype": np.int32}, "dtype"), ({"regularization": float("nan")}, "regularization|l2")):
        with pytest.raises(ValueError, match=name):
            kind(**arguments).fit(X, show_progress=False)
    with pytest.raises(NotImplementedError, match="use_gpu"):
        kind(use_gpu=True)
    broken = X.copy()
    broken.data[3] = np.nan
    with pytest.raises(ValueError):
        kind().fit(broken, show_progress=False)
    with pytest.raises(ValueError, match="not fitted"):
        kind().recommend(0, X[0])
    model = kind(factors=4, iterations=2)
    model.fit(X, show_progress=False)
    with pytest.raises(ValueError, match="None begins anew"):
        model.fit(X[:, :20], show_progress=False)
    with pytest.warns(ParameterWarning):
        kind(factors=4, iterations=1).fit(X.tocoo(), show_progress=False)


@pytest.mark.parametrize("kind", [AlternatingLeastSquares, BayesianPersonalizedRanking])
def test_vectors_stay_finite_where_there_is_little(kind):
    for cells in (np.zeros((3, 3)), np.eye(3)[:2] * 0, [[0, 0, 0], [0, 1, 0], [0, 0, 0]], [[5.0]], np.ones((4, 3)), np.eye(12)):
        model = kind(factors=15, iterations=4, random_state=3)
        model.fit(sp.csr_matrix(cells), show_progress=False)
        assert np.isfinite(model.user_factors).all() and np.isfinite(model.item_factors).all()
    assert model.recommend(0, sp.csr_matrix(cells)[0], filter_already_liked_items=False)[0][0] == 0 or kind is BayesianPersonalizedRanking


@pytest.mark.parametrize("make", FACTORS)
def test_a_seed_gives_the_same_bits_for_any_number_of_threads(make, X):
    fits = []
    for threads in (1, 2, 3):
        model = make()
        model.num_threads = threads
        model.fit(X, show_progress=False)
        fits.append((model.user_factors, model.item_factors))
    for users, items in fits[1:]:
        assert np.array_equal(users, fits[0][0]) and np.array_equal(items, fits[0][1])


@pytest.mark.parametrize("make", FACTORS)
def test_callbacks_see_each_iteration(make, X):
    model, seen = make(), []
    model.iterations = 4
    model.fit(X, show_progress=False, callback=lambda *told: seen.append((told, model.item_factors.copy())))
    assert [told[0] for told, _ in seen] == [0, 1, 2, 3]
    assert np.array_equal(seen[-1][1], model.item_factors) and not np.array_equal(seen[0][1], seen[1][1])


# Alternating least squares

def dense_row(Y, row, ridge):
    """The vector that Hu, Koren & Volinsky solve for one user."""
    weights = np.where(row != 0, np.abs(row), 1.0)
    return np.linalg.solve(Y.T @ (weights[:, None] * Y) + ridge * np.eye(Y.shape[1]), Y.T @ (weights * (row > 0)))


def test_als_ends_where_the_gradient_does(X):
    X.data[::7] *= -1      # disliked: asks for 0
    model = AlternatingLeastSquares(factors=5, regularization=0.4, alpha=2.5, iterations=200, random_state=2)
    model.fit(X, show_progress=False)
    users, items, cells = model.user_factors.astype(float), model.item_factors.astype(float), X.toarray() * 2.5
    for user in range(60):
        assert np.allclose(users[user] @ items.T, dense_row(items, cells[user], 0.4) @ items.T, atol=2e-3)   # what 200 iterations leave
    for item in range(25):
        assert np.allclose(items[item], dense_row(users, cells[:, item], 0.4), atol=1e-4)


def test_als_recalculates_and_updates_rows(X):
    X.data[::9] *= -1
    model = AlternatingLeastSquares(factors=5, regularization=0.4, alpha=1.5, random_state=2)
    model.fit(X, show_progress=False)
    items, cells = model.item_factors.astype(float), X.toarray() * 1.5
    wanted = [dense_row(items, cells[user], 0.4) for user in (3, 8)]
    assert np.allclose(model.recalculate_user([3, 8], X[[3, 8]]), wanted, atol=1e-4)
    assert np.allclose(model.recalculate_user(3, X[3]), wanted[0], atol=1e-4)
    ids, scores = model.recommend([0, 1], X[[3, 8]], N=4, recalculate_user=True)
    assert np.allclose(scores[0], (items @ wanted[0])[ids[0]], atol=1e-4)
    # New users beyond a gap, then new items that know them.
    model.partial_fit_users([1, 63], X[[3, 8]])
    assert model.user_factors.shape == (64, 5) and not model.user_factors[60:63].any()
    assert np.allclose(model.user_factors[[1, 63]], wanted, atol=1e-4)
    columns = sp.csr_matrix(np.eye(64)[[63]] * 30)
    model.partial_fit_items([25], columns)
    assert model.item_factors.shape == (26, 5)
    assert np.allclose(model.item_factors[25], dense_row(model.user_factors.astype(float), columns.toarray()[0] * 1.5, 0.4), atol=1e-4)
    assert 25 in model.recommend(63, X[8], N=3)[0]      # a matrix of before, which knows no column 25
    # What was computed of a side is of the side as it stands.
    before = model.recalculate_user(0, X[0])
    model.item_factors = model.item_factors * 2
    assert not np.allclose(model.recalculate_user(0, X[0]), before)
    model.regularization = 100.0
    assert np.allclose(model.recalculate_user(0, X[0]), dense_row(model.item_factors.astype(float), np.append(X[0].toarray()[0] * 1.5, 0), 100.0), atol=1e-4)
    for call in (lambda: model.partial_fit_users([1, 2], X[[1]]), lambda: model.recalculate_user(1, None), lambda: model.partial_fit_users([-1], X[[1]])):
        with pytest.raises(ValueError):
            call()


def test_als_explains_scores(X):
    X.data[::9] *= -1
    model = AlternatingLeastSquares(factors=5, regularization=0.4, alpha=1.5, random_state=2)
    model.fit(X, show_progress=False)
    liked = [column for column, value in zip(X[3].indices, X[3].data) if value > 0]
    score, shares, weights = model.explain(3, X, 11, N=25)
    assert score == pytest.approx(model.recalculate_user(3, X[3]) @ model.item_factors[11], abs=1e-4)
    assert score == pytest.approx(sum(share for _, share in shares)) and sorted(column for column, _ in shares) == sorted(liked)
    assert [share for _, share in shares] == sorted((share for _, share in shares), reverse=True)
    again, two, _ = model.explain(3, X, 11, user_weights=weights, N=2)
    assert again == pytest.approx(score) and two == shares[:2]


def test_als_reports_the_loss(X):
    model = AlternatingLeastSquares(factors=5, regularization=0.4, iterations=3, calculate_training_loss=True, random_state=2)
    losses = []
    model.fit(X, show_progress=False, callback=lambda iteration, seconds, loss: losses.append(loss))
    cells, scores = X.toarray(), model.user_factors.astype(float) @ model.item_factors.T
    weights = np.where(cells != 0, cells, 1)
    ridge = 0.4 * ((model.user_factors.astype(float)**2).sum() + (model.item_factors.astype(float)**2).sum())
    assert losses[-1] == pytest.approx(((weights * ((cells > 0) - scores)**2).sum() + ridge) / weights.sum(), rel=1e-5)
    assert losses == sorted(losses, reverse=True)
    assert calculate_loss(X, model.user_factors, model.item_factors, 0.4) == pytest.approx(losses[-1], rel=1e-5)


def test_als_without_a_ridge_reconstructs_what_its_factors_can_hold():
    cells = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1]], float)
    for seed in range(4):
        for use_cg in (True, False):
            model = AlternatingLeastSquares(factors=4, regularization=0, use_cg=use_cg, random_state=seed, dtype=np.float64)
            model.fit(sp.csr_matrix(cells * 3), show_progress=False)
            assert model.user_factors.dtype == np.float64
            assert np.allclose(model.user_factors @ model.item_factors.T, cells, atol=1e-3)


def test_als_begins_where_it_stands(X):
    model = AlternatingLeastSquares(factors=5, iterations=3, random_state=2)
    model.fit(X, show_progress=False)
    first = calculate_loss(X, model.user_factors, model.item_factors, 0.01)
    model.fit(X, show_progress=False)
    assert calculate_loss(X, model.user_factors, model.item_factors, 0.01) < first
    before = model.item_factors.copy()
    model.iterations = 0
    model.fit(X, show_progress=False)
    assert np.array_equal(model.item_factors, before)


@pytest.mark.parametrize("kind", [AnnoyAlternatingLeastSquares, FaissAlternatingLeastSquares, NMSLibAlternatingLeastSquares])
def test_approximate_ones_are_exact(kind, X):
    approximate, exact = kind(factors=5, random_state=2, approximate_recommend=True), AlternatingLeastSquares(factors=5, random_state=2)
    for model in (approximate, exact):
        model.fit(X, show_progress=False)
    assert np.array_equal(approximate.recommend(4, X[4])[0], exact.recommend(4, X[4])[0])


# Pairwise ranking

def test_bpr_keeps_a_bias_beside_ones(X):
    model = BayesianPersonalizedRanking(factors=5, iterations=20, random_state=2)
    model.fit(X, show_progress=False)
    assert model.user_factors.shape == (60, 6) and model.item_factors.shape == (25, 6)
    assert (model.user_factors[:, 5] == 1).all()
    with pytest.raises(NotImplementedError, match="recalculate"):
        model.recommend(0, X[0], recalculate_user=True)
    # Values count alike.
    other = X.copy()
    other.data = np.sign(other.data) * -3
    again = BayesianPersonalizedRanking(factors=5, iterations=20, random_state=2)
    again.fit(other, show_progress=False)
    assert np.array_equal(again.item_factors, model.item_factors)


def test_bpr_tells_how_many_pairs_are_right():
    X, told = boards(40), []
    model = BayesianPersonalizedRanking(factors=4, learning_rate=0.1, regularization=0, iterations=150, random_state=1)
    model.fit(X, show_progress=False, callback=lambda epoch, seconds, correct, skipped: told.append((correct, skipped)))
    for correct, skipped in told:
        assert 0.35 < skipped / X.nnz < 0.6 and correct + skipped <= X.nnz      # half of the draws are of a user's own kind
    assert told[-1][0] > 0.99 * (X.nnz - told[-1][1])


# Nearest neighbours

def test_weights_are_those_of_their_formulas(X):
    counts = X.T.toarray().astype(float)      # items by users
    idf = np.log(25) - np.log1p((counts != 0).sum(axis=0))
    assert np.allclose(tfidf_weight(X.T).toarray(), np.sqrt(counts) * idf)
    assert np.allclose(normalize(X.T).toarray(), counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-30))
    lengths = counts.sum(axis=1)
    norm = 0.25 + 0.75 * lengths / lengths.mean()
    assert np.allclose(bm25_weight(X.T, K1=1.2, B=0.75).toarray(), counts * 2.2 / (1.2 * norm[:, None] + counts) * idf)


def test_each_item_keeps_its_largest_products(X):
    weighed = bm25_weight(X.T).T.tocsr()
    products = (weighed.T @ weighed).toarray()
    kept = all_pairs_knn(weighed, K=4, show_progress=False).tocsr()
    for item in range(25):
        order = np.argsort(-products[item], kind="stable")[:4]
        assert sorted(kept[item].indices) == sorted(i for i in order if products[item][i] > 0)
        assert np.allclose(kept[item].toarray()[0][order], products[item][order], rtol=1e-5)
    with pytest.raises(ValueError, match="both signs"):
        all_pairs_knn(sp.csr_matrix([[1.0, -1.0]]), show_progress=False)


@pytest.mark.parametrize("arguments", [{}, {"N": 40}, {"filter_already_liked_items": False}, {"filter_items": [0, 3, 24], "N": 3}, {"items": [9, 2, 4, 17]}])
def test_sums_of_similarities_rank(nearest, X, arguments):
    N, listed = arguments.get("N", 10), arguments.get("items")
    sums = X.toarray().astype(float) @ nearest.similarity.toarray()
    users = np.array([5, 0, 59])
    ids, scores = nearest.recommend(users, X[users], **arguments)
    assert scores.dtype == np.float64
    for row, user in enumerate(users):
        without = set(arguments.get("filter_items", ())) | (set(X[user].indices) if arguments.get("filter_already_liked_items", True) else set())
        found = [i for i in range(25) if sums[user, i] > 0 and i not in without and (listed is None or i in listed)]
        found = sorted(found, key=lambda i: (-np.float32(sums[user, i]), i))[:N]
        rest = [-1] * (N - len(found)) if listed is None else [i for i in sorted(listed) if i not in found]
        assert np.allclose(scores[row][:len(found)], sums[user][found], rtol=1e-5) and np.allclose(sums[user][ids[row][:len(found)]], sums[user][found], rtol=1e-5)
        assert ids[row][len(found):].tolist() == rest and (scores[row][len(found):] == LOWEST).all()
        alone, _ = nearest.recommend(int(user), X[user], **arguments)
        assert alone.tolist() == (ids[row][:len(found)] if listed is None else ids[row]).tolist()


def test_similar_items_are_the_kept_ones(nearest):
    dense = nearest.similarity.toarray()
    ids, scores = nearest.similar_items([3, 11], N=8)
    assert ids.shape == (2, 8)
    for row, item in enumerate((3, 11)):
        found = sorted(np.flatnonzero(dense[item]), key=lambda i: (-dense[item, i], i))
        assert ids[row].tolist() == [*found, *[-1] * (8 - len(found))]
        assert nearest.similar_items(item, N=8)[0].tolist() == found
        assert scores[row][:len(found)].tolist() == dense[item][found].tolist()
    assert sorted(nearest.similar_items(3, items=[1, 2])[0]) == [1, 2]
    assert 3 not in nearest.similar_items(3, filter_items=[3])[0]
    with pytest.raises(IndexError):
        nearest.similar_items(25)
    for call in (lambda: nearest.similar_users(0), lambda: nearest.similar_items(0, recalculate_item=True)):
        with pytest.raises(NotImplementedError):
            call()


def test_similarities_may_be_replaced(X):
    model = ItemItemRecommender(K=3)
    model.fit(X, show_progress=False)
    model.recommend(0, X[0])
    model.similarity = sp.csr_matrix(np.eye(25))
    assert sorted(model.recommend(0, X[0], N=25, filter_already_liked_items=False)[0]) == sorted(X[0].indices)
    assert len(model.recommend(0, X[0])[0]) == 0
    with pytest.raises(NotImplementedError, match="callback"):
        model.fit(X, callback=print)


# Files

def test_damaged_files_are_named(tmp_path, X):
    als = AlternatingLeastSquares(factors=3, iterations=1)
    als.fit(X, show_progress=False)
    als.save(tmp_path / "als.npz")
    whole = (tmp_path / "als.npz").read_bytes()
    for damaged in (b"", b"no file", whole[:100], whole[:-200]):
        (tmp_path / "damaged.npz").write_bytes(damaged)
        for kind in (AlternatingLeastSquares, BayesianPersonalizedRanking, CosineRecommender):
            with pytest.raises(pannier.MalformedInput):
                kind.load(str(tmp_path / "damaged.npz"))
    with pytest.raises(pannier.MalformedInput, match="holds"):
        CosineRecommender.load(str(tmp_path / "als.npz"))
    np.savez(tmp_path / "objects.npz", user_factors=np.array([object()]))
    with pytest.raises(pannier.MalformedInput):
        AlternatingLeastSquares.load(str(tmp_path / "objects.npz"))
    np.savez(tmp_path / "wide.npz", K=3, data=[1.0], indices=[7], indptr=[0, 1], shape=(1, 1))
    with pytest.raises((pannier.MalformedInput, pannier.InvalidArgument)):
        CosineRecommender.load(str(tmp_path / "wide.npz"))
    with pytest.raises(FileNotFoundError):
        AlternatingLeastSquares.load(str(tmp_path / "none.npz"))
    loaded = AlternatingLeastSquares.load(str(tmp_path / "als"))
    assert (loaded.factors, loaded.iterations, loaded.dtype) == (3, 1, np.float32)


# Splits and metrics

def test_splits_part_the_entries(X):
    train, test = evaluation.train_test_split(X, 0.7, random_state=3)
    assert (train + test != X).nnz == 0 and 0.5 < train.nnz / X.nnz < 0.9 and train.multiply(test).nnz == 0
    assert (evaluation.train_test_split(X, 0.7, random_state=3)[0] != train).nnz == 0
    train, test = evaluation.leave_k_out_split(X, K=2, random_state=3)
    many = np.diff(X.indptr) > 3
    assert (train + test != X).nnz == 0 and np.array_equal(np.diff(test.indptr), np.where(many, 2, 0))
    _, fewer = evaluation.leave_k_out_split(X, K=2, train_only_size=0.5, random_state=3)
    assert fewer.nnz == 2 * (np.diff(fewer.indptr) > 0).sum() and 0 < fewer.nnz < test.nnz
    for arguments in ({"K": 0}, {"train_only_size": 1.0}):
        with pytest.raises(ValueError):
            evaluation.leave_k_out_split(X, **arguments)


class Listed:
    def __init__(self, lists):
        self.lists = np.array(lists, dtype=np.int32)

    def recommend(self, users, user_items, N):
        return self.lists[users][:, :N], None


def test_metrics_are_those_of_a_hand():
    test = sp.csr_matrix([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    told = evaluation.ranking_metrics_at_k(Listed([[0, 2, 1], [0, 1, 2], [0, 1, -1]]), sp.csr_matrix((3, 5)), test, K=3)
    assert told["precision"] == pytest.approx(2 / 3)
    assert told["map"] == pytest.approx(((1 + 2 / 3) / 2 + 0) / 2)
    assert told["ndcg"] == pytest.approx((1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3)) / 2)
    # User 0: of 6 pairs the listed miss stands under one hit, the other two under both. User 2: nothing listed, half of what is left.
    assert told["auc"] == pytest.approx(((1 + 2 * 2) / 6 + 0.5 * (4 - 3) / 4) / 2)
    assert np.isnan(evaluation.ndcg_at_k(Listed([[0]]), sp.csr_matrix((1, 2)), sp.csr_matrix((1, 2)), K=1))


# Names

def test_what_is_not_there_says_so():
    with pytest.raises(NotImplementedError, match="LogisticMatrixFactorization"):
        implicit.lmf.LogisticMatrixFactorization(factors=3)
    with pytest.raises(ImportError, match="downloads no data sets"):
        importlib.import_module("pannier.compat.implicit.datasets")
    assert implicit.gpu.HAS_CUDA is False
    assert implicit.cpu.als.AlternatingLeastSquares is AlternatingLeastSquares


@pytest.mark.parametrize("name", ["recommender_base", "als", "bpr", "nearest_neighbours"])
def test_stubs_name_what_there_is(name):
    module = importlib.import_module(f"pannier.compat.implicit.{name}")
    stub = ast.parse((Path(pannier.__file__).parent / "compat" / "implicit" / f"{name}.pyi").read_text(encoding="utf-8"))
    public = {node.name: node for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    assert set(public) == set(module.__all__)
    for each, node in public.items():
        for function in ([node] if isinstance(node, ast.FunctionDef) else [part for part in node.body if isinstance(part, ast.FunctionDef)]):
            of = getattr(module, each) if function is node else inspect.getattr_static(getattr(module, each), function.name, None)
            if isinstance(of, (property, classmethod)) or (of is None and function.name == "load"):
                continue
            assert [argument.arg for argument in function.args.args] == list(inspect.signature(of).parameters), f"{each}.{function.name}"
