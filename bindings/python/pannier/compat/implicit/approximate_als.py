"""The names of implicit's approximate searches. pannier's search is exact: what they would find, and what they would miss."""

from .als import AlternatingLeastSquares


class _Exact(AlternatingLeastSquares):
    """AlternatingLeastSquares; what is said of an index has no effect, since the search is exact."""

    def __init__(self, *args, approximate_similar_items=True, approximate_recommend=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.approximate_similar_items, self.approximate_recommend = approximate_similar_items, approximate_recommend


class AnnoyAlternatingLeastSquares(_Exact):
    """AlternatingLeastSquares; what is said of an index has no effect, since the search is exact."""

    def __init__(self, *args, n_trees=50, search_k=-1, **kwargs):
        super().__init__(*args, **kwargs)
        self.n_trees, self.search_k = n_trees, search_k


class NMSLibAlternatingLeastSquares(_Exact):
    """AlternatingLeastSquares; what is said of an index has no effect, since the search is exact."""

    def __init__(self, *args, method="hnsw", index_params=None, query_params=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.method, self.index_params, self.query_params = method, index_params, query_params


class FaissAlternatingLeastSquares(_Exact):
    """AlternatingLeastSquares; what is said of an index has no effect, since the search is exact."""

    def __init__(self, *args, nlist=400, nprobe=20, **kwargs):
        super().__init__(*args, **kwargs)
        self.nlist, self.nprobe = nlist, nprobe


__all__ = ["NMSLibAlternatingLeastSquares", "AnnoyAlternatingLeastSquares", "FaissAlternatingLeastSquares"]
