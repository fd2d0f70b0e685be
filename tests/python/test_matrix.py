"""What goes in as X: borrowed where the types allow, converted or refused by name, never changed."""

import numpy as np
import pytest
import scipy.sparse as sp

import pannier
from pannier._matrix import as_csr

from conftest import random_matrix


def dense(csr):
    return sp.csr_matrix((csr.values, csr.columns.view(np.int32), csr.offsets), shape=(csr.rows, csr.cols)).toarray()


def test_canonical_float32_is_borrowed(X):
    taken = as_csr(X, "X")
    assert np.shares_memory(taken.values, X.data)
    assert np.shares_memory(taken.columns, X.indices)
    assert taken.columns.dtype == np.uint32 and (taken.rows, taken.cols) == X.shape


def test_wider_types_are_converted(X):
    for change in (lambda m: m.astype(np.float64), lambda m: m.astype(np.int16), lambda m: m.astype(np.uint8)):
        assert np.array_equal(dense(as_csr(change(X), "X")), X.toarray())
    wide = X.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    taken = as_csr(wide, "X")
    assert np.array_equal(dense(taken), X.toarray())
    assert np.shares_memory(taken.offsets, wide.indptr)


@pytest.mark.parametrize("convert", [sp.csc_matrix, sp.coo_matrix, sp.lil_matrix, sp.dok_matrix, sp.bsr_matrix, lambda m: m.toarray(),
                                     lambda m: m.toarray().tolist(), sp.csr_array])
def test_other_formats_and_dense_arrays_are_converted(X, convert):
    assert np.array_equal(dense(as_csr(convert(X), "X")), X.toarray())


def test_unsorted_and_repeated_columns_are_put_in_order_in_a_copy():
    data, indices, indptr = [1.0, 2, 3, 4], [2, 0, 1, 1], [0, 2, 4]
    X = sp.csr_matrix((np.array(data, np.float32), np.array(indices, np.int32), np.array(indptr, np.int32)), shape=(2, 3))
    assert np.array_equal(dense(as_csr(X, "X")), [[2, 0, 1], [0, 7, 0]])
    assert X.indices.tolist() == indices and X.data.tolist() == data


def test_stale_flags_of_scipy_are_not_believed():
    X = sp.csr_matrix((np.ones(2, np.float32), np.array([1, 0], np.int32), np.array([0, 2], np.int32)), shape=(1, 2))
    X.has_canonical_format = True
    assert as_csr(X, "X").columns.tolist() == [0, 1]


def test_spare_room_of_scipy_is_left_out(X):
    roomy = X.copy()
    roomy.indices, roomy.data = np.append(X.indices, [5, 5]).astype(np.int32), np.append(X.data, [9, 9]).astype(np.float32)
    assert np.array_equal(dense(as_csr(roomy, "X")), X.toarray())


@pytest.mark.parametrize("bad, says", [
    ("text", "X"), (None, "X"), (np.zeros(3), "dimensions"), (np.zeros((2, 2, 2)), "dimensions"),
    (np.array([["a", "b"]]), "X"), (sp.csr_matrix((2, 2), dtype=np.complex64), "complex"), ([[1, 2], [3]], "inhomogeneous|dimensions")])
def test_what_is_no_matrix_is_refused_by_name(bad, says):
    with pytest.raises(ValueError, match=says):
        pannier.Popular().fit(bad)


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf])
def test_weights_that_no_model_may_see_are_refused(X, weight):
    X.data[7] = weight
    with pytest.raises(pannier.InvalidArgument, match="events|X"):
        pannier.Popular().fit(X)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("convert", [lambda m: m, lambda m: m.tocsc(), lambda m: m.toarray(), lambda m: m.toarray().tolist()])
def test_a_weight_beyond_float32_is_refused_with_its_own_value(X, convert):
    wide = X.astype(np.float64)
    wide.data[7] = 1e300
    with pytest.raises(pannier.InvalidArgument, match=r"^X\.data\[\d+\]: is 1e\+300; expected at most 3\.4"):
        pannier.Popular().fit(convert(wide))
    wide.data[7] = np.finfo(np.float32).max
    assert as_csr(convert(wide), "X").values.max() == np.finfo(np.float32).max


def test_spare_room_may_hold_anything(X):
    roomy = X.astype(np.float64)
    roomy.indices, roomy.data = np.append(X.indices, 5).astype(np.int32), np.append(roomy.data, 1e300)
    assert np.array_equal(dense(as_csr(roomy, "X")), X.toarray())


def test_columns_out_of_range_are_refused(X):
    for column in (-1, X.shape[1]):
        broken = X.copy()
        broken.indices[3] = column
        with pytest.raises(pannier.InvalidArgument, match=str(column)):
            as_csr(broken, "X")
    broken = X.copy()
    broken.indptr = broken.indptr[:-1]
    with pytest.raises(pannier.InvalidArgument, match="lengths"):
        as_csr(broken, "X")


def test_offsets_that_lie_are_refused(X):
    broken = random_matrix()
    broken.indptr[1], broken.indptr[2] = broken.indptr[2] + 3, broken.indptr[1]
    with pytest.raises(pannier.InvalidArgument):
        pannier.Popular().fit(broken)


def test_an_empty_matrix_has_its_own_answer():
    taken = as_csr(sp.csr_matrix((3, 4), dtype=np.float32), "X")
    assert (taken.rows, taken.cols, len(taken.values)) == (3, 4, 0)
