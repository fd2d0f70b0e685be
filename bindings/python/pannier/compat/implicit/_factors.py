"""Models of user and item vectors, which are arrays that the caller may read, write and replace."""

import json
import warnings

import numpy as np

from ... import _pannier
from ..._errors import InvalidArgument, Unsupported
from . import _shared
from .recommender_base import RecommenderBase


def refuse_gpu(use_gpu, name):
    if use_gpu:
        raise Unsupported(name, "is asked for with use_gpu", "use_gpu=False: pannier computes on the processor")


def dtype_of(dtype):
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise InvalidArgument("dtype", f"is {dtype}", "float32 or float64")
    return dtype


def iterations_of(iterations):
    if isinstance(iterations, bool) or not isinstance(iterations, (int, np.integer)) or not 0 <= iterations <= 10000:
        raise InvalidArgument("iterations", f"is {iterations!r}", "a whole number from 0 to 10000")
    return int(iterations)


def seed_of(random_state):
    """What of a random_state a file keeps: a plain seed."""
    return random_state if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) else None


def _rows(vectors):
    return np.ascontiguousarray(vectors, dtype=np.float32)


class MatrixFactorizationBase(RecommenderBase):
    """`user_factors` and `item_factors` have a row a user and a row an item. What was written into them counts from the next call on, but what is computed of a whole side
    (the norms, and what recalculating a row needs) is kept until the side is assigned, refitted or partially refitted, as implicit keeps it."""

    _cached = {"user_factors": ("_user_norms", "_user_units", "_user_side"), "item_factors": ("_item_norms", "_item_units", "_item_side")}

    def __init__(self, num_threads=0):
        self.num_threads = num_threads
        self.user_factors = None
        self.item_factors = None

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        for cache in self._cached.get(name, ()):
            super().__setattr__(cache, None)

    def __getstate__(self):
        return {name: None if any(name in caches for caches in self._cached.values()) else value for name, value in self.__dict__.items()}

    def _vectors(self, side):
        vectors = getattr(self, side)
        if vectors is None:
            raise InvalidArgument(type(self).__name__, "is not fitted", "a call of fit() first")
        return vectors

    def recommend(self, userid, user_items, N=10, filter_already_liked_items=True, filter_items=None, recalculate_user=False, items=None):
        """(ids, scores) of the N best items of a user, or of each of an array of users.

        `user_items` has a row a user that is asked for: what is left out with filter_already_liked_items, and what recalculate_user solves the user's vector of. `items` are
        the only ones to be listed, `filter_items` are left out. With less left than N, what was filtered follows under the lowest float32, as with implicit; beyond the
        items that there are, lists of one user are shorter and those of several are padded with -1.
        """
        item_factors = self._vectors("item_factors")
        single, N = _shared.is_single(userid), _shared.count_of(N)
        rows, count = 1 if single else len(userid), len(item_factors)
        liked = _shared.histories(user_items, rows, count, "user_items") if filter_already_liked_items or recalculate_user else None
        listed, allowed = _shared.candidates(items, filter_items, count, "items", "filter_items")
        if recalculate_user:
            queries = np.atleast_2d(self.recalculate_user(userid, user_items))
        else:
            user_factors = self._vectors("user_factors")
            queries = user_factors[_shared.ids_of(userid, len(user_factors), "userid")]
        if liked is not None and not filter_already_liked_items:
            liked = None
        width = min(N, count if listed is None else len(listed))
        ids, scores = _pannier.rank_rows(_rows(queries), _rows(item_factors), liked, allowed, width, _shared.threads_of(self))
        _shared.put_filtered_last(ids, scores, listed, count)
        return self._answer(ids, scores, single, width if listed is not None else N, item_factors.dtype)

    @staticmethod
    def _answer(ids, scores, single, width, dtype):
        scores = scores.astype(dtype, copy=False)
        if single:
            return ids[0], scores[0]
        return _shared.widened(ids, scores, width)

    def recommend_all(self, user_items, N=10, recalculate_user=False, filter_already_liked_items=True, filter_items=None, users_items_offset=0):
        """The ids of recommend() for all rows of user_items; implicit deprecates it."""
        warnings.warn("recommend_all is deprecated; recommend() takes arrays of users", DeprecationWarning, stacklevel=2)
        return self.recommend(np.arange(user_items.shape[0]) + users_items_offset, user_items, N=N, filter_already_liked_items=filter_already_liked_items, filter_items=filter_items,
                              recalculate_user=recalculate_user)[0]

    def recalculate_user(self, userid, user_items):
        """Not of every model."""
        raise Unsupported(type(self).__name__, "cannot recalculate users", "AlternatingLeastSquares")

    def recalculate_item(self, itemid, item_users):
        """Not of every model."""
        raise Unsupported(type(self).__name__, "cannot recalculate items", "AlternatingLeastSquares")

    def similar_users(self, userid, N=10, filter_users=None, users=None):
        """(ids, scores) of the N users of largest cosine, the user first; of an array of users, a row each. `users` are the only ones to be listed."""
        ids = _shared.ids_of(userid, len(self._vectors("user_factors")), "userid")
        return self._similar("user", self._units("user")[ids], _shared.is_single(userid), N, users, filter_users, ("users", "filter_users"))

    def similar_items(self, itemid, N=10, recalculate_item=False, item_users=None, filter_items=None, items=None):
        """(ids, scores) of the N items of largest cosine, the item first; of an array of items, a row each. `items` are the only ones to be listed. recalculate_item solves
        the items' vectors of `item_users`, a row an item."""
        if recalculate_item:
            queries = np.atleast_2d(self.recalculate_item(itemid, item_users))
            queries = queries / _lengths(queries)[:, None]
        else:
            queries = self._units("item")[_shared.ids_of(itemid, len(self._vectors("item_factors")), "itemid")]
        return self._similar("item", queries, _shared.is_single(itemid), N, items, filter_items, ("items", "filter_items"))

    def _similar(self, side, queries, single, N, only, without, names):
        units, N = self._units(side), _shared.count_of(N)
        listed, allowed = _shared.candidates(only, without, len(units), *names)
        width = min(N, len(units) if listed is None else len(listed))
        ids, scores = _pannier.rank_rows(_rows(queries), units, None, allowed, width, _shared.threads_of(self))
        _shared.put_filtered_last(ids, scores, listed, len(units))
        return self._answer(ids, scores, single, width if listed is not None else N, self._vectors(side + "_factors").dtype)

    def _norms(self, side):
        if getattr(self, f"_{side}_norms") is None:
            setattr(self, f"_{side}_norms", _lengths(self._vectors(side + "_factors")))
        return getattr(self, f"_{side}_norms")

    def _units(self, side):
        if getattr(self, f"_{side}_units") is None:
            setattr(self, f"_{side}_units", _rows(self._vectors(side + "_factors") / self._norms(side)[:, None]))
        return getattr(self, f"_{side}_units")

    @property
    def user_norms(self):
        """The lengths of the users' vectors; 1e-10 where it is 0."""
        return self._norms("user")

    @property
    def item_norms(self):
        """The lengths of the items' vectors; 1e-10 where it is 0."""
        return self._norms("item")

    def _begin(self, users, items, width, draw):
        """Vectors of a first fit; those of an earlier one, or of the caller, have to fit the matrix."""
        for side, rows in (("user_factors", users), ("item_factors", items)):
            if getattr(self, side) is None:
                setattr(self, side, draw(rows))
            self._require_shape(side, rows, width)

    def _require_shape(self, side, rows, width):
        shape = np.shape(getattr(self, side))
        if shape != (rows, width):
            raise InvalidArgument(side, f"has the shape {shape}", f"{(rows, width)}; None begins anew")

    def to_gpu(self):
        """Raises Unsupported."""
        refuse_gpu(True, type(self).__name__)

    def save(self, file):
        """Writes the vectors and the settings as an .npz file, which implicit reads too. A random_state that is no plain number is left out."""
        args = {name: getattr(self, name) for name in self._saved}
        args["dtype"] = self.dtype.name
        args["random_state"] = seed_of(self.random_state)
        np.savez(file, **{name: value for name, value in args.items() if value is not None})

    @classmethod
    def load(cls, fileobj_or_path):
        """Reads what save() wrote, or implicit's."""
        arrays = _shared.read_arrays(fileobj_or_path, cls._saved, cls.__name__)
        made = cls()
        for name, value in arrays.items():
            setattr(made, name, dtype_of(str(value)) if name == "dtype" else value.item() if value.shape == () else value)
        for side in ("user_factors", "item_factors"):
            vectors = getattr(made, side)
            if vectors is not None and (np.ndim(vectors) != 2 or vectors.dtype.kind != "f"):
                raise InvalidArgument(side, f"has type {np.asarray(vectors).dtype} and {np.ndim(vectors)} dimensions", "numbers in 2 dimensions")
        return made


def _lengths(vectors):
    lengths = np.linalg.norm(vectors, axis=-1)
    lengths[lengths == 0] = 1e-10
    return lengths


def as_settings(**settings):
    """Settings of the library as JSON; NumPy's numbers as Python's."""
    for name, value in settings.items():
        if not isinstance(value, (bool, int, float, str, np.number)) or (isinstance(value, (float, np.floating)) and not np.isfinite(value)):
            raise InvalidArgument(name, f"is {value!r}", "a finite number")
    return json.dumps({name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()})
