"""Bayesian personalised ranking as implicit offers it."""

import time

import numpy as np

from ... import _pannier
from ..._errors import InvalidArgument
from ..._matrix import as_csr
from ..._progress import Progress
from . import _factors, _shared
from .utils import check_csr, check_random_state


class BayesianPersonalizedRanking(_factors.MatrixFactorizationBase):
    """Matrix factorisation by pairwise ranking (Rendle et al. 2009), by plain gradient steps: every entry that is not 0 is liked, whatever its value, and met once an iteration,
    against an item drawn in proportion to its users. The last of the factors + 1 columns is the items' bias, beside 1 for every user.

    What differs from implicit: an iteration meets each entry once, where implicit draws as many with replacement; the items' steps wait for the end of a round of some thousand
    entries, so that the same random_state and matrix give the same bits for any num_threads; vectors are computed in float32 and given as dtype says.
    """

    _saved = ("user_factors", "item_factors", "regularization", "factors", "learning_rate", "verify_negative_samples", "num_threads", "iterations", "dtype", "random_state")

    def __init__(self, factors=100, learning_rate=0.01, regularization=0.01, dtype=np.float32, iterations=100, use_gpu=False, num_threads=0, verify_negative_samples=True,
                 random_state=None):
        _factors.refuse_gpu(use_gpu, "BayesianPersonalizedRanking")
        super().__init__(num_threads)
        self.factors, self.learning_rate, self.regularization = factors, learning_rate, regularization
        self.dtype = _factors.dtype_of(dtype)
        self.iterations, self.verify_negative_samples, self.random_state = iterations, verify_negative_samples, random_state

    def fit(self, user_items, show_progress=True, callback=None):
        """Fits on a CSR matrix of users by items. A second fit begins where the vectors stand. `callback(iteration, seconds, correct, skipped)` is called after each iteration,
        with how many pairs were in the right order as they were met, and how many entries met an item that the user likes."""
        factors, iterations, threads = _shared.count_of(self.factors, "factors"), _factors.iterations_of(self.iterations), _shared.threads_of(self)
        events = as_csr(check_csr(user_items), "user_items")
        if not np.isfinite(events.values).all():
            raise InvalidArgument("user_items", "has a value that is not finite", "finite numbers")
        liked = _pannier.Csr(events.cols, events.offsets, events.columns, np.not_equal(events.values, 0).astype(np.float32))
        random = check_random_state(self.random_state)
        # In implicit's order of draws; who has nothing, and what nobody has, begins at 0.
        self._begin_side("item_factors", self._drawn(random, factors, np.bincount(events.columns, liked.values, minlength=events.cols), 0) if self.item_factors is None else None, events.cols)
        users_of = np.bincount(np.repeat(np.arange(events.rows), np.diff(events.offsets)), liked.values, minlength=events.rows)
        self._begin_side("user_factors", self._drawn(random, factors, users_of, 1) if self.user_factors is None else None, events.rows)
        seed = int(random.integers(2**63))
        if iterations == 0 or not liked.values.any():
            return
        users, items = (np.ascontiguousarray(vectors, dtype=np.float32) for vectors in (self.user_factors, self.item_factors))
        with Progress(bool(show_progress)) as told:
            for iteration in range(iterations if callback else 1):
                begin = time.time()
                settings = _factors.as_settings(learning_rate=self.learning_rate, l2=self.regularization, epochs=1 if callback else iterations, first_epoch=iteration,
                                                verify=bool(self.verify_negative_samples), seed=seed)
                users, items, correct, skipped = _pannier.fit_bpr_rows(users, items, liked, settings, threads, None if callback else told)
                self.user_factors, self.item_factors = users.astype(self.dtype, copy=False), items.astype(self.dtype, copy=False)
                if callback:
                    callback(iteration, time.time() - begin, correct, skipped)

    def _drawn(self, random, factors, entries, last):
        vectors = (random.random((len(entries), factors + 1), dtype=self.dtype) - 0.5) / factors
        vectors[entries == 0] = 0
        if last:
            vectors[:, factors] = last
        return vectors.astype(self.dtype, copy=False)

    def _begin_side(self, side, drawn, rows):
        if drawn is not None:
            setattr(self, side, drawn)
        self._require_shape(side, rows, self.factors + 1)


__all__ = ["BayesianPersonalizedRanking"]
