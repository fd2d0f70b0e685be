"""The exact index over vectors of one's own."""

import numpy as np
import pytest

import pannier


def numbers(rows, dimensions, seed, spread=0.0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((rows, dimensions)) * np.exp(spread * rng.standard_normal((rows, 1)))).astype(np.float32)


def best(scores, n):
    """Columns of the n largest of each row, ties by column."""
    order = np.lexsort((np.broadcast_to(np.arange(scores.shape[1]), scores.shape), -scores))
    return order[:, :n]


@pytest.fixture(scope="module")
def small():
    """Whole numbers, whose products are exact in any order of summing: NumPy's answer is ours."""
    rng = np.random.default_rng(3)
    vectors = rng.integers(-9, 10, (3000, 24)).astype(np.float32) * rng.integers(1, 20, (3000, 1)).astype(np.float32)
    return vectors, rng.integers(-9, 10, (40, 24)).astype(np.float32)


@pytest.mark.parametrize("share", [None, 0.5, 0.04, 0.001, 0.0])
def test_the_answer_is_numpys_under_every_filter(small, share):
    vectors, queries = small
    allowed = None if share is None else np.random.default_rng(1).random(len(vectors)) < share
    scores = queries @ vectors.T
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    n = min(20, len(vectors) if allowed is None else int(allowed.sum()))
    ids, found = pannier.VectorIndex(vectors, threads=1).search(queries, n=20, allowed=allowed)
    assert ids.shape == found.shape == (40, 20) and ids.dtype == np.int32 and found.dtype == np.float32
    expected = best(scores, n)
    assert (ids[:, :n] == expected).all() and (found[:, :n] == np.take_along_axis(scores, expected, 1)).all()
    assert (ids[:, n:] == -1).all() and (found[:, n:] == 0).all()


def test_a_bias_is_added_and_threads_and_batches_change_no_bit(small):
    vectors, queries = small
    bias = np.random.default_rng(2).integers(-500, 500, len(vectors)).astype(np.float32)
    index = pannier.VectorIndex(vectors, bias, threads=2)
    ids, scores = index.search(queries, n=7)
    expected = queries @ vectors.T + bias
    assert (ids == best(expected, 7)).all() and (scores == np.take_along_axis(expected, ids, 1)).all()
    single = [pannier.VectorIndex(vectors, bias, threads=1).search(row[None], n=7) for row in queries]
    assert (np.concatenate([one for one, _ in single]) == ids).all()
    assert (np.concatenate([one for _, one in single]).view(np.uint32) == scores.view(np.uint32)).all()
    assert (index.n_items, index.dimensions) == (3000, 24) and index.nbytes > vectors.nbytes
    assert repr(index) == "VectorIndex(3000 items, 24 dimensions)"


def test_queries_of_other_kinds_are_taken_and_never_changed(small):
    vectors, queries = small
    index = pannier.VectorIndex(vectors)
    expected = index.search(queries, n=5)
    for given in (queries.astype(np.float64), queries.astype(int), np.asfortranarray(queries), queries[::1].tolist()):
        assert (index.search(given, n=5)[0] == expected[0]).all()
    assert (index.search(queries[3], n=5)[0] == expected[0][3:4]).all()
    assert (pannier.VectorIndex(np.asfortranarray(vectors, dtype=np.float64)).search(queries, n=5)[0] == expected[0]).all()
    copy = vectors.copy()
    index = pannier.VectorIndex(copy)
    copy[:] = 0
    assert (index.search(queries, n=5)[0] == expected[0]).all()


def test_more_than_there_is_and_an_empty_catalogue():
    ids, scores = pannier.VectorIndex(numbers(3, 4, 1)).search(numbers(2, 4, 2), n=9)
    assert (ids[:, 3:] == -1).all() and (np.sort(ids[:, :3]) == np.arange(3)).all() and (np.diff(scores[:, :3]) <= 0).all()
    empty = pannier.VectorIndex(np.zeros((0, 4), np.float32))
    assert (empty.search(numbers(2, 4, 2), n=3)[0] == -1).all()
    assert empty.search(np.zeros((0, 4), np.float32), n=3)[0].shape == (0, 3)


def test_ids_equal_those_of_a_model_of_these_vectors():
    vectors, queries = numbers(500, 8, 5, 1.0), numbers(4, 8, 6)
    ids, scores = pannier.VectorIndex(vectors).search(queries, n=500)
    assert np.allclose(scores, np.take_along_axis(queries.astype(np.float64) @ vectors.T.astype(np.float64), ids, 1), rtol=0, atol=1e-4 * np.abs(scores).max())
    assert (np.sort(ids, axis=1) == np.arange(500)).all()


def refusal(call, where):
    with pytest.raises(pannier.InvalidArgument) as caught:
        call()
    assert caught.value.where == where and caught.value.allowed
    return str(caught.value)


def test_what_cannot_be_searched_is_refused_by_name():
    vectors = numbers(6, 3, 1)
    index = pannier.VectorIndex(vectors)
    for bad in (np.nan, np.inf, -np.inf):
        broken = vectors.copy()
        broken[4, 2] = bad
        refusal(lambda: pannier.VectorIndex(broken), "V[4][2]")
        refusal(lambda: index.search(broken), "Q[4][2]")
    refusal(lambda: pannier.VectorIndex(np.full((2, 2), 1e300)), "V[0][0]")
    refusal(lambda: pannier.VectorIndex(vectors[0]), "V")
    refusal(lambda: pannier.VectorIndex([["a", "b"]]), "V")
    refusal(lambda: pannier.VectorIndex(np.zeros((3, 0), np.float32)), "V")
    refusal(lambda: pannier.VectorIndex(np.zeros((3, 5000), np.float32)), "V")
    refusal(lambda: pannier.VectorIndex(vectors, np.zeros(5, np.float32)), "bias")
    refusal(lambda: pannier.VectorIndex(vectors, np.full(6, np.nan, np.float32)), "bias[0]")
    refusal(lambda: pannier.VectorIndex(vectors, threads=-1), "threads")
    refusal(lambda: index.search(np.zeros((2, 4), np.float32)), "Q")
    refusal(lambda: index.search(np.zeros((2, 2, 3), np.float32)), "Q")
    for n in (0, -1, 2.5, True, 2**31):
        refusal(lambda: index.search(vectors, n=n), "n")
    for allowed in (np.ones(5, bool), np.ones(6, int), [0, 1], np.ones((6, 1), bool)):
        refusal(lambda: index.search(vectors, allowed=allowed), "allowed")
