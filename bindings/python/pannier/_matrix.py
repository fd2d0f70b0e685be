"""SciPy's matrices, and whatever else is a matrix, as the arrays that the library borrows."""

import numpy as np

from . import _pannier
from ._errors import InvalidArgument

LARGEST_COLUMN = 2**32 - 1


def as_csr(matrix, name):
    """`matrix` as _pannier.Csr, without a copy where it is canonical CSR of float32 with int32 or uint32 columns.

    A CSR matrix with unsorted or repeated columns is copied and brought into order; other sparse formats and dense arrays
    are converted. The matrix given is never changed.
    """
    if not all(hasattr(matrix, part) for part in ("indptr", "indices", "data", "shape")) or getattr(matrix, "format", "csr") != "csr":
        matrix = _converted(matrix, name)
    if len(matrix.shape) != 2:
        raise InvalidArgument(name, f"has {len(matrix.shape)} dimensions", "2: rows are users, columns are items")
    offsets, columns = np.asarray(matrix.indptr), np.asarray(matrix.indices)
    for part, array in (("indptr", offsets), ("indices", columns)):
        if array.dtype.kind not in "iu" or array.ndim != 1:
            raise InvalidArgument(f"{name}.{part}", f"has type {array.dtype}", "whole numbers")
    if len(offsets) != matrix.shape[0] + 1 or len(columns) < int(offsets[-1]) or len(columns) != len(matrix.data):
        raise InvalidArgument(name, "has arrays whose lengths disagree", "rows + 1 offsets, and a column and a value each")
    if len(offsets) and (offsets[0] != 0 or (offsets[1:] < offsets[:-1]).any()):
        raise InvalidArgument(f"{name}.indptr", "does not ascend from 0", "the offset of each row's first entry")
    # SciPy keeps spare room behind the last entry at times.
    used = int(offsets[-1])
    columns, values = columns[:used], _values(matrix.data[:used], name)
    if _is_canonical(offsets, columns):
        return _csr(matrix.shape, offsets, columns, values, name)
    # SciPy sums repeated columns, in a matrix of our own.
    from scipy.sparse import csr_matrix

    copy = csr_matrix((values.copy(), columns.copy(), offsets.copy()), shape=matrix.shape)
    copy.sum_duplicates()
    return _csr(copy.shape, copy.indptr, copy.indices, copy.data, name)


def _converted(matrix, name):
    from scipy.sparse import csr_matrix, issparse

    if issparse(matrix):
        return matrix.tocsr()
    dense = np.asarray(matrix)
    if dense.ndim != 2 or dense.dtype.kind not in "biuf":
        kind = type(matrix).__name__ if dense.dtype.kind == "O" else f"an array of {dense.ndim} dimensions of {dense.dtype}"
        raise InvalidArgument(name, f"is {kind}", "a SciPy sparse matrix, or an array of 2 dimensions of numbers")
    return csr_matrix(dense)


def _values(values, name):
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise InvalidArgument(f"{name}.data", f"has type {values.dtype}", "numbers, best float32")
    with np.errstate(over="ignore"):
        narrow = np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype.kind == "f" and values.dtype.itemsize > 4:
        too_large = np.flatnonzero(np.isinf(narrow) & np.isfinite(values))
        if len(too_large):
            raise InvalidArgument(f"{name}.data[{too_large[0]}]", f"is {values[too_large[0]]}",
                                  f"at most {np.finfo(np.float32).max}: weights are float32")
    return narrow


def _is_canonical(offsets, columns):
    """Whether columns ascend strictly inside each row. Looked at here, since the flags that SciPy keeps may be stale."""
    if len(columns) < 2:
        return True
    falls = columns[1:] <= columns[:-1]
    starts = offsets[1:-1]
    starts = starts[(starts > 0) & (starts < len(columns))]
    falls[starts - 1] = False
    return not falls.any()


def _csr(shape, offsets, columns, values, name):
    rows, cols = shape
    if cols > LARGEST_COLUMN:
        raise InvalidArgument(name, f"has {cols} columns", f"at most {LARGEST_COLUMN}")
    if len(columns):
        # The library range-checks what it borrows; here only what the change of type would hide.
        low, high = int(columns.min()), int(columns.max())
        if low < 0 or high >= cols:
            raise InvalidArgument(f"{name}.indices", f"has {low if low < 0 else high}", f"columns from 0 to {cols - 1}")
    columns = np.ascontiguousarray(columns)
    columns = columns.view(np.uint32) if columns.dtype == np.int32 else columns.astype(np.uint32, copy=False)
    return _pannier.Csr(cols, np.ascontiguousarray(offsets, dtype=np.int64), columns, values)


def as_columns(items, count, name):
    """Item columns as a uint32 array: whole numbers in [0, count), or a mask of `count` booleans."""
    given = np.atleast_1d(np.asarray(items))
    if given.size == 0:
        return np.zeros(0, np.uint32)
    if given.dtype == bool:
        if given.shape != (count,):
            raise InvalidArgument(name, f"is a mask of shape {given.shape}", f"one of {count} booleans")
        return np.flatnonzero(given).astype(np.uint32)
    if given.dtype.kind not in "iu" or given.ndim != 1:
        raise InvalidArgument(name, f"has type {given.dtype} and {given.ndim} dimensions", "a list of whole numbers")
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= count:
        raise InvalidArgument(name, f"has {low if low < 0 else high}", f"columns from 0 to {count - 1}")
    return np.ascontiguousarray(given, dtype=np.uint32)


def as_floats(values, dimensions, name):
    """An array of that many dimensions as float32; what is too large becomes infinite, and is refused where it is read."""
    array = np.asarray(values)
    if array.ndim != dimensions or array.dtype.kind not in "iuf":
        raise InvalidArgument(name, f"has type {array.dtype} and {array.ndim} dimensions", f"numbers, best float32, in {dimensions} dimension{'s' if dimensions > 1 else ''}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)
