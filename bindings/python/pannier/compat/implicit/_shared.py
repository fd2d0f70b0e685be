"""What the modules share: arguments as arrays, and answers in implicit's shapes."""

from zipfile import BadZipFile

import numpy as np

from ... import _pannier
from ..._errors import InvalidArgument, MalformedInput
from ..._matrix import as_csr
from ..._models import LARGEST_COUNT, _count, _require_threads

LOWEST = -np.finfo(np.float32).max


class OutOfRange(InvalidArgument, IndexError):
    """A number of a user or an item that the model does not have."""


def ids_of(ids, count, name):
    """Whole numbers from 0 to count - 1 as an int64 array of one dimension."""
    array = np.asarray(ids)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise InvalidArgument(name, f"has type {array.dtype} and {array.ndim} dimensions", "a whole number, or a list of them")
    array = np.atleast_1d(array)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= count:
        raise OutOfRange(name, f"has {low if low < 0 else high}", f"numbers from 0 to {count - 1}" if count else "none: the model is empty")
    return array.astype(np.int64, copy=False)


def is_single(ids):
    return np.ndim(ids) == 0


def count_of(n, name="N"):
    return _count(n, name)


def threads_of(model):
    return _require_threads(model.num_threads)


def histories(matrix, rows, columns, name):
    """`rows` rows of a CSR matrix as _pannier.Csr over `columns` columns; a matrix of fewer columns knows nothing of later ones."""
    if getattr(matrix, "format", None) != "csr":
        raise InvalidArgument(name, f"is {type(matrix).__name__}", "a CSR sparse matrix")
    if matrix.shape[0] != rows:
        raise InvalidArgument(name, f"has {matrix.shape[0]} rows", f"one a number that is asked for, {rows}")
    csr = as_csr(matrix, name)
    if csr.cols == columns:
        return csr
    if csr.cols > columns and len(csr.columns) and int(csr.columns.max()) >= columns:
        raise OutOfRange(name, f"has an entry in column {int(csr.columns.max())}", f"columns from 0 to {columns - 1}")
    return _pannier.Csr(columns, csr.offsets, csr.columns, csr.values)


def candidates(only, without, count, only_name, without_name):
    """(what is listed at all, what may be given) of `count`, each ascending, or None for all of them."""
    if without is not None and len(without) == 0:
        without = None
    if only is not None and without is not None:
        raise InvalidArgument(f"{only_name} and {without_name}", "are both given", "one of them")
    if only is not None:
        only = np.unique(ids_of(only, count, only_name))
        if only.size == 0:
            raise InvalidArgument(only_name, "is empty", "None, or at least one number")
        return only, only.astype(np.uint32)
    if without is not None:
        may = np.ones(count, bool)
        may[ids_of(without, count, without_name)] = False
        return None, np.flatnonzero(may).astype(np.uint32)
    return None, None


def put_filtered_last(ids, scores, listed, count):
    """Fills places that are empty (-1) with what was filtered, in ascending order, under the lowest score: implicit lists it there."""
    empty = ids < 0
    short = np.flatnonzero(empty[:, -1])
    listed = np.arange(count) if listed is None else listed
    rows_a_part = max(1, (1 << 22) // len(listed))
    for begin in range(0, len(short), rows_a_part):
        rows = short[begin:begin + rows_a_part]
        part, free = ids[rows], empty[rows]
        taken = np.zeros((len(rows), len(listed) + 1), bool)
        np.put_along_axis(taken, np.where(free, len(listed), np.searchsorted(listed, part)), True, axis=1)
        left = np.argsort(taken[:, :-1], axis=1, kind="stable")
        place = np.arange(ids.shape[1]) - (~free).sum(axis=1, keepdims=True)
        ids[rows] = np.where(free, listed[np.take_along_axis(left, np.maximum(place, 0), axis=1)], part)
    scores[empty] = LOWEST


def widened(ids, scores, width):
    """The arrays with `width` columns: -1 under the lowest score."""
    rows, columns = ids.shape
    if columns >= width:
        return ids, scores
    return (np.hstack([ids, np.full((rows, width - columns), -1, ids.dtype)]), np.hstack([scores, np.full((rows, width - columns), LOWEST, scores.dtype)]))


def path_of(file):
    """numpy.savez appends .npz to names, numpy.load does not."""
    return file + ".npz" if isinstance(file, str) and not file.endswith(".npz") else file


def read_arrays(file, known, name):
    """The arrays of an .npz file, of which it may hold only `known`."""
    try:
        with np.load(path_of(file), allow_pickle=False) as data:
            strange = sorted(set(data.files) - set(known))
            if strange:
                raise MalformedInput(str(file), f"holds {strange[0]}", f"what {name}.save() writes: {', '.join(known)}")
            return {key: data[key] for key in data.files}
    except (ValueError, EOFError, KeyError, AttributeError, BadZipFile) as error:
        if isinstance(error, MalformedInput):
            raise
        raise MalformedInput(str(file), str(error), f"an .npz file that {name}.save() wrote") from None
