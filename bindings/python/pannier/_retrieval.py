"""The exact index over vectors of one's own."""

import numpy as np

from . import _pannier
from ._errors import InvalidArgument
from ._matrix import as_floats
from ._models import _count, _require_threads


class VectorIndex:
    """The items of largest inner product with a query, exact under every filter.

    V: (items, d) numbers, copied as float32; bias: one number an item, added to its scores, or None. The answer is that of scoring every item in the
    library's fixed order, the same bits on every machine, ties by index. docs/retrieval.md says how, and what it costs.
    """

    def __init__(self, V, bias=None, *, threads=0):
        self.threads = _require_threads(threads)
        vectors = as_floats(V, 2, "V")
        self._index = _named(_pannier.NormIndex, vectors, None if bias is None else as_floats(bias, 1, "bias"), self.threads)

    def search(self, Q, n=20, allowed=None):
        """The best n items of each row of Q, (rows, d) or (d,): arrays (rows, n) of items (int32, -1 pads) and of scores (float32, 0 pads).

        allowed: a mask of one boolean an item; None allows all. Where fewer than n are allowed, fewer are found.
        """
        queries = Q
        if not (type(Q) is np.ndarray and Q.ndim == 2 and Q.dtype == np.float32 and Q.flags.c_contiguous):
            queries = as_floats(Q if np.ndim(Q) != 1 else np.asarray(Q)[None], 2, "Q")
        if allowed is not None:
            mask = np.asarray(allowed)
            if mask.dtype != bool or mask.shape != (self._index.item_count,):
                raise InvalidArgument("allowed", f"is an array of shape {mask.shape} of {mask.dtype}", f"a mask of {self._index.item_count} booleans")
            allowed = np.ascontiguousarray(mask)
        return _named(self._index.search, queries, _count(n, "n"), allowed, self.threads)

    @property
    def n_items(self):
        """How many items it holds."""
        return self._index.item_count

    @property
    def dimensions(self):
        """How many numbers a query has."""
        return self._index.query_size

    @property
    def nbytes(self):
        """How much memory it holds."""
        return self._index.bytes

    def __repr__(self):
        return f"VectorIndex({self.n_items} items, {self.dimensions} dimensions)"


def _named(call, *arguments):
    """The call, its refusals under the names that these arguments have here."""
    try:
        return call(*arguments)
    except InvalidArgument as error:
        for theirs, ours in (("vectors", "V"), ("queries", "Q")):
            if error.where.startswith(theirs):
                raise InvalidArgument(ours + error.where[len(theirs):], error.what, error.allowed) from None
        raise
