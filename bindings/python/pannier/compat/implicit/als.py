"""Alternating least squares as implicit offers it."""

import heapq
import logging
import time

import numpy as np

from ... import _pannier
from ..._errors import InvalidArgument, NumericalFailure
from ..._matrix import as_csr
from ..._progress import Progress
from . import _factors, _shared
from .utils import check_csr, check_random_state

LEAST_RIDGE = 1e-5   # Under it, rounding in float32 is all that tells more factors than a small matrix has tastes apart, and exact solutions drift.
START = (0.01, 1.0)
CELLS_A_PART = 1 << 20
log = logging.getLogger("pannier.compat.implicit")


class AlternatingLeastSquares(_factors.MatrixFactorizationBase):
    """Matrix factorisation of implicit feedback (Hu, Koren & Volinsky 2008): cells without an entry ask for 0 with confidence 1, those of an entry c for 1 with confidence
    alpha c, or, of a negative one, for 0 with confidence -alpha c.

    What differs from implicit: rows are solved exactly in the last iteration and by the fastest way for their length before it, or exactly throughout with use_cg=False
    (use_native and cg_steps have no effect), so that the same draws lead to another optimum of about the same loss; the same random_state and matrix give the same bits for any num_threads; vectors are computed in float32 and given as dtype says; a regularization below 1e-5 counts as 1e-5;
    with a callback, which may look at the vectors, every iteration is a fit of its own and slower.
    """

    _saved = ("user_factors", "item_factors", "regularization", "factors", "num_threads", "iterations", "use_native", "use_cg", "cg_steps", "calculate_training_loss", "dtype",
              "random_state", "alpha")

    def __init__(self, factors=100, regularization=0.01, alpha=1.0, dtype=np.float32, use_native=True, use_cg=True, use_gpu=False, iterations=15, calculate_training_loss=False,
                 num_threads=0, random_state=None):
        _factors.refuse_gpu(use_gpu, "AlternatingLeastSquares")
        super().__init__(num_threads)
        self.factors, self.regularization, self.alpha = factors, regularization, alpha
        self.dtype = _factors.dtype_of(dtype)
        self.use_native, self.use_cg, self.cg_steps = use_native, use_cg, 3
        self.iterations, self.calculate_training_loss = iterations, calculate_training_loss
        self.fit_callback = None
        self.random_state = random_state

    def fit(self, user_items, show_progress=True, callback=None):
        """Fits on a CSR matrix of users by items. A second fit begins where the vectors stand. `callback(iteration, seconds, loss)` is called after each iteration."""
        factors, iterations, threads = _shared.count_of(self.factors, "factors"), _factors.iterations_of(self.iterations), _shared.threads_of(self)
        events = self._confidences(check_csr(user_items), "user_items")
        users, items = events.rows, events.cols
        random = check_random_state(self.random_state)
        self._begin(users, items, factors, lambda rows: random.random((rows, factors), dtype=self.dtype) * START[self._ridge() > self.regularization])
        if iterations == 0 or users == 0 or items == 0:
            return
        if not (events.values > 0).any():   # Nothing asks for anything but 0.
            self.user_factors, self.item_factors = np.zeros_like(self.user_factors), np.zeros_like(self.item_factors)
            return
        callback = callback or self.fit_callback
        loss = None
        with Progress(bool(show_progress)) as told:
            for iteration in range(iterations if callback else 1):
                begin = time.time()
                vectors, of_items, report = _pannier.fit_ials_from(np.ascontiguousarray(self.item_factors, dtype=np.float32), events, self._settings(1 if callback else iterations), threads,
                                                                   None if callback else told)
                self.user_factors, self.item_factors = vectors.astype(self.dtype, copy=False), of_items.astype(self.dtype, copy=False)
                if self.calculate_training_loss:
                    loss = report["objective"][-1] / _confidence_of(events)
                if callback:
                    callback(iteration, time.time() - begin, loss)
        if self.calculate_training_loss:
            log.info("Final training loss %.4f", loss)

    def _settings(self, iterations=1):
        return _factors.as_settings(factors=self.factors, unobserved_weight=1, loss="replaced", l2=self._ridge(), frequency_exponent=0, epochs=iterations,
                                    solver="auto" if self.use_cg else "exact")

    def _ridge(self):
        if isinstance(self.regularization, bool) or not isinstance(self.regularization, (int, float, np.number)) or not 0 <= self.regularization <= 1e6:
            raise InvalidArgument("regularization", f"is {self.regularization!r}", "a number from 0 to 1000000")
        return max(float(self.regularization), LEAST_RIDGE)

    def _confidences(self, matrix, name):
        return as_csr(matrix if self.alpha == 1 else self.alpha * matrix, name)

    def recalculate_user(self, userid, user_items):
        """The vectors that users with the rows of `user_items` have beside the items as they stand; nothing is stored."""
        return self._solved(userid, user_items, "item", "user_items")

    def recalculate_item(self, itemid, item_users):
        """The vectors that items with the rows of `item_users` have beside the users as they stand; nothing is stored."""
        return self._solved(itemid, item_users, "user", "item_users")

    def _solved(self, ids, matrix, side, name):
        vectors, single = self._vectors(side + "_factors"), _shared.is_single(ids)
        if matrix is None:
            raise InvalidArgument(name, "is None", "a CSR sparse matrix")
        matrix = check_csr(matrix)
        events = _shared.histories(matrix if self.alpha == 1 else self.alpha * matrix, 1 if single else len(ids), len(vectors), name)
        settings, kept = self._settings(), getattr(self, f"_{side}_side")
        if kept is None or kept[0] != settings:
            kept = (settings, _pannier.IalsSide(np.ascontiguousarray(vectors, dtype=np.float32), settings, _shared.threads_of(self)))
            setattr(self, f"_{side}_side", kept)
        rows = kept[1].solve(events, _shared.threads_of(self)).astype(self.dtype, copy=False)
        return rows[0] if single else rows

    def partial_fit_users(self, userids, user_items):
        """Sets the vectors of users to what recalculate_user() gives. Numbers beyond the users there are make room for new ones."""
        self._store("user_factors", userids, self.recalculate_user(np.atleast_1d(userids), user_items), "userids")

    def partial_fit_items(self, itemids, item_users):
        """Sets the vectors of items to what recalculate_item() gives. Numbers beyond the items there are make room for new ones."""
        self._store("item_factors", itemids, self.recalculate_item(np.atleast_1d(itemids), item_users), "itemids")

    def _store(self, side, ids, rows, name):
        ids = _shared.ids_of(ids, _shared.LARGEST_COUNT, name)
        if len(ids) == 0:
            return
        vectors = self._vectors(side)
        needed = int(ids.max()) + 1
        if needed > len(vectors):
            vectors = np.concatenate([vectors, np.zeros((needed - len(vectors), vectors.shape[1]), vectors.dtype)])
        vectors[ids] = rows
        setattr(self, side, vectors)

    def explain(self, userid, user_items, itemid, user_weights=None, N=10):
        """(score, [(item, share of the score)], user_weights) of an item for the user of row `userid` of user_items, largest shares first, at most N of them. user_weights is
        the factorised system of the user: given to the next call, it saves the most of its work."""
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        vectors, N = self._vectors("item_factors"), _shared.count_of(N)
        matrix = check_csr(user_items)
        row, item = (int(_shared.ids_of(number, count, name)[0]) for number, count, name in ((userid, matrix.shape[0], "userid"), (itemid, len(vectors), "itemid")))
        events = _shared.histories(matrix[[row]] if self.alpha == 1 else self.alpha * matrix[[row]], 1, len(vectors), "user_items")
        columns, confidences = events.columns.view(np.int32), events.values.astype(np.float64)
        own = vectors[columns].astype(np.float64)
        if user_weights is None:
            system = self.YtY + self._ridge() * np.eye(vectors.shape[1]) + own.T @ ((np.abs(confidences) - 1)[:, None] * own)
            try:
                user_weights = cho_factor(system)
            except (LinAlgError, ValueError) as error:
                raise NumericalFailure("explain", f"the user's system cannot be factorised: {error}", "a larger regularization") from None
        shares = np.where(confidences > 0, own @ cho_solve(user_weights, vectors[item].astype(np.float64)) * confidences, 0)
        best = heapq.nlargest(N, ((float(share), int(column)) for share, column, confidence in zip(shares, columns, confidences) if confidence > 0))
        return float(shares.sum()), [(column, share) for share, column in best], user_weights

    @property
    def YtY(self):
        """The items' Gram matrix, in float64."""
        vectors = self._vectors("item_factors").astype(np.float64)
        return vectors.T @ vectors

    @property
    def XtX(self):
        """The users' Gram matrix, in float64."""
        vectors = self._vectors("user_factors").astype(np.float64)
        return vectors.T @ vectors


def _confidence_of(events):
    """That of all cells together."""
    return float(np.abs(events.values).sum(dtype=np.float64)) + events.rows * events.cols - len(events.values)


def calculate_loss(Cui, X, Y, regularization, num_threads=0):
    """The loss of user vectors X and item vectors Y, with the ridge, over the confidence of all cells. Of cells of negative confidence implicit adds that confidence, a constant,
    once more; here the loss is what is minimised."""
    events = as_csr(check_csr(Cui), "Cui")
    users, items = np.asarray(X, dtype=np.float64), np.asarray(Y, dtype=np.float64)
    if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1] or (len(users), len(items)) != (events.rows, events.cols):
        raise InvalidArgument("X and Y", f"have the shapes {users.shape} and {items.shape}", f"{events.rows} and {events.cols} rows of the same length")
    rows, columns, confidences = np.repeat(np.arange(events.rows), np.diff(events.offsets)), events.columns.view(np.int32), events.values.astype(np.float64)
    loss = float(np.sum((users.T @ users) * (items.T @ items)))
    for begin in range(0, len(rows), CELLS_A_PART):
        part = slice(begin, begin + CELLS_A_PART)
        scores = np.einsum("nk,nk->n", users[rows[part]], items[columns[part]])
        wanted = (confidences[part] > 0).astype(np.float64)
        loss += float((np.abs(confidences[part]) * (wanted - scores) ** 2 - scores**2).sum())
    return (loss + regularization * float((users**2).sum() + (items**2).sum())) / _confidence_of(events)


__all__ = ["AlternatingLeastSquares", "calculate_loss"]
