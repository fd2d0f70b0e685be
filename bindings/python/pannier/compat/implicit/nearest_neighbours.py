"""Nearest neighbours of items as implicit offers them."""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix

from ... import _pannier
from ..._errors import InvalidArgument, MalformedInput, Unsupported
from ..._matrix import as_csr
from ..._progress import Progress
from . import _shared
from .recommender_base import RecommenderBase
from .utils import check_csr


def tfidf_weight(X):
    """Weighs a matrix of items by users (or of documents by terms): sqrt(x) ln(rows / (1 + entries of the column))."""
    X = coo_matrix(X)
    X.data = np.sqrt(X.data) * (np.log(float(X.shape[0])) - np.log1p(np.bincount(X.col, minlength=X.shape[1])))[X.col]
    return X


def normalize(X):
    """Scales the rows of a matrix to length 1."""
    X = coo_matrix(X)
    lengths = np.sqrt(np.bincount(X.row, X.data.astype(np.float64)**2, minlength=X.shape[0]))
    lengths[lengths == 0] = 1
    X.data = X.data / lengths[X.row]
    return X


def bm25_weight(X, K1=100, B=0.8):
    """Weighs a matrix of items by users by BM25 (Robertson & Walker 1994): x (K1 + 1) / (K1 (1 - B + B length / mean length) + x) ln(rows / (1 + entries of the column))."""
    X = coo_matrix(X)
    lengths = np.bincount(X.row, X.data, minlength=X.shape[0])
    norm = (1.0 - B) + B * lengths / (lengths.mean() or 1.0)
    idf = np.log(float(X.shape[0])) - np.log1p(np.bincount(X.col, minlength=X.shape[1]))
    X.data = X.data * (K1 + 1.0) / (K1 * norm[X.row] + X.data) * idf[X.col]
    return X


def all_pairs_knn(users, K=100, num_threads=0, show_progress=True):
    """For each item the K largest sums over users of the products of their weights, the item itself among them: a COO matrix of items by items.

    A row of `users` may be negative in whole, as tfidf_weight() and bm25_weight() make those of users of almost all items; both signs in one row are refused.
    """
    K = _shared.count_of(K, "K")
    events = as_csr(check_csr(users), "users")
    values = events.values
    if (values < 0).any():
        # A product is of two weights of one row: the row's own sign falls out.
        rows = np.repeat(np.arange(events.rows), np.diff(events.offsets))
        signs = np.zeros(events.rows)
        signs[rows[values < 0]] = -1
        if (values * signs[rows] < 0).any() or (values[signs[rows] == -1] > 0).any():
            raise InvalidArgument("users", "has weights of both signs in one row", "weights of one sign a user")
        events = _pannier.Csr(events.cols, events.offsets, events.columns, np.abs(values))
    with Progress(bool(show_progress)) as told:
        offsets, columns, values = _pannier.largest_products(events, min(K, max(events.cols, 1)), num_threads, told)
    rows = np.repeat(np.arange(events.cols, dtype=np.int32), np.diff(offsets))
    return coo_matrix((values.astype(np.float64), (rows, columns.view(np.int32))), shape=(events.cols, events.cols))


class ItemItemRecommender(RecommenderBase):
    """Recommends items by their similarity to those of a user: `similarity` has in row i the K items nearest to i, i itself among them, and may be read and replaced.

    What differs from implicit: sums are in float32; ties go by the lower number; items that are liked already are never listed, where implicit lists them with a score of 0 when
    others run out; filter_items leaves lists of N, where implicit lengthens those of one user; negative weights of a user's items are refused.
    """

    def __init__(self, K=20, num_threads=0):
        self.K, self.num_threads = K, num_threads
        self.similarity = None

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "similarity":
            super().__setattr__("_model", None)

    def __getstate__(self):
        return {**self.__dict__, "_model": None}

    def fit(self, weighted, show_progress=True, callback=None):
        """Fits on a matrix of users by items, which holds weights as they are to be multiplied."""
        if callback:
            raise Unsupported("callback", "is given to a model that is fitted in one step", "None")
        self.similarity = all_pairs_knn(weighted, self.K, num_threads=_shared.threads_of(self), show_progress=show_progress).tocsr()

    def _served(self):
        if self.similarity is None:
            raise InvalidArgument(type(self).__name__, "is not fitted", "a call of fit() first")
        if self._model is None:
            self._model = _pannier.item_knn_of(as_csr(self.similarity, "similarity"))
        return self._model

    def recommend(self, userid, user_items, N=10, filter_already_liked_items=True, filter_items=None, recalculate_user=False, items=None):
        """(ids, scores) of the N best items for a row of user_items, or for each of several: the sum of the similarities to what it holds, weighed by its values. Lists of one
        user end where nothing is similar, those of several are padded with -1; with `items`, which are the only ones to be listed, the rest of them follows under the lowest
        float. A user is known by their row alone: userid and recalculate_user have no effect."""
        model, single, N = self._served(), _shared.is_single(userid), _shared.count_of(N)
        count = model.item_count
        liked = _shared.histories(user_items, 1 if single else len(userid), count, "user_items")
        listed, allowed = _shared.candidates(items, filter_items, count, "items", "filter_items")
        width = min(N, count if listed is None else len(listed))
        ids, scores = model.recommend(liked, None, width, bool(filter_already_liked_items), allowed, None, None, _shared.threads_of(self))
        scores = scores.astype(np.float64)
        if listed is not None:
            _shared.put_filtered_last(ids, scores, listed, count)
        else:
            scores[ids < 0] = _shared.LOWEST
        if single:
            found = ids[0] >= 0
            return ids[0][found], scores[0][found]
        return (ids, scores) if listed is not None else _shared.widened(ids, scores, N)

    def similar_users(self, userid, N=10, filter_users=None, users=None):
        """Raises Unsupported: similarities are of items."""
        raise Unsupported("similar_users", "is asked of similarities of items", "AlternatingLeastSquares or BayesianPersonalizedRanking")

    def similar_items(self, itemid, N=10, recalculate_item=False, item_users=None, filter_items=None, items=None):
        """(ids, scores) of the N items most similar to an item, or to each of several, itself among them. Lists of one item end where nothing is similar, those of several are
        padded with -1; with `items`, which are the only ones to be listed, the rest of them follows under the lowest float."""
        if recalculate_item:
            raise Unsupported("recalculate_item", "is asked of similarities that are stored", "False")
        self._served()
        single, N, count = _shared.is_single(itemid), _shared.count_of(N), self.similarity.shape[0]
        listed, allowed = _shared.candidates(items, filter_items, count, "items", "filter_items")
        asked = self.similarity[_shared.ids_of(itemid, count, "itemid")]
        rows = np.repeat(np.arange(asked.shape[0]), np.diff(asked.indptr))
        columns, values = asked.indices, asked.data
        if allowed is not None:
            may = np.zeros(count, bool)
            may[allowed] = True
            kept = may[columns]
            rows, columns, values = rows[kept], columns[kept], values[kept]
        order = np.lexsort((columns, -values, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        width = min(N, count if listed is None else len(listed))
        kept = place < width
        ids, scores = np.full((asked.shape[0], width), -1, np.int32), np.full((asked.shape[0], width), _shared.LOWEST, np.float64)
        ids[rows[kept], place[kept]], scores[rows[kept], place[kept]] = columns[kept], values[kept]
        if listed is not None:
            _shared.put_filtered_last(ids, scores, listed, count)
        if single:
            found = ids[0] >= 0
            return ids[0][found], scores[0][found]
        return (ids, scores) if listed is not None else _shared.widened(ids, scores, N)

    def save(self, file):
        """Writes the similarities and K as an .npz file, which implicit reads too."""
        args = {"K": self.K}
        if self.similarity is not None:
            matrix = self.similarity
            args.update(shape=matrix.shape, data=matrix.data, indptr=matrix.indptr, indices=matrix.indices)
        np.savez(file, **args)

    @classmethod
    def load(cls, fileobj_or_path):
        """Reads what save() wrote, or implicit's."""
        arrays = _shared.read_arrays(fileobj_or_path, ("K", "shape", "data", "indptr", "indices"), cls.__name__)
        made = cls()
        try:
            made.K = int(arrays["K"])
            if "data" in arrays:
                made.similarity = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=tuple(arrays["shape"]))
                made._served()
        except (KeyError, ValueError, TypeError) as error:
            raise MalformedInput(str(fileobj_or_path), str(error), f"what {cls.__name__}.save() writes") from None
        return made


class CosineRecommender(ItemItemRecommender):
    """By the cosine of the items' columns."""

    def fit(self, counts, show_progress=True, callback=None):
        """Fits on a matrix of users by items."""
        super().fit(normalize(check_csr(counts).T).T.tocsr(), show_progress, callback)


class TFIDFRecommender(ItemItemRecommender):
    """By the cosine of the items' columns, weighed by tfidf_weight()."""

    def fit(self, counts, show_progress=True, callback=None):
        """Fits on a matrix of users by items."""
        super().fit(normalize(tfidf_weight(check_csr(counts).T)).T.tocsr(), show_progress, callback)


class BM25Recommender(ItemItemRecommender):
    """By the products of the items' columns, weighed by bm25_weight()."""

    def __init__(self, K=20, K1=1.2, B=0.75, num_threads=0):
        super().__init__(K, num_threads)
        self.K1, self.B = K1, B

    def fit(self, counts, show_progress=True, callback=None):
        """Fits on a matrix of users by items."""
        super().fit(bm25_weight(check_csr(counts).T, self.K1, self.B).T.tocsr(), show_progress, callback)


__all__ = ["tfidf_weight", "normalize", "bm25_weight", "all_pairs_knn", "ItemItemRecommender", "CosineRecommender", "TFIDFRecommender", "BM25Recommender"]
