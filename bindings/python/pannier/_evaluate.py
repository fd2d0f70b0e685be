"""Ranking quality of a fitted model on held-out cells."""

from . import _pannier
from ._errors import InvalidArgument
from ._matrix import as_csr
from ._models import Recommender, _count, _require_threads
from ._progress import Progress


def evaluate(model, test, train=None, *, at=20, exclude_seen=True, threads=0, progress=False):
    """Ranks every item for each row of `test` that has a cell, the same row of `train` being the history, and tells how what was held out fares.

    model : a fitted recommender. test, train : users by items, of one shape; `train` is by default the matrix that the model was fitted on.
    at : a cut-off, or several. exclude_seen : leaves a row's trained items out of the ranking and of the test.

    Returns a dict: "metrics" (recall@k is hits / held-out, recall_min@k hits / min(k, held-out), ndcg@k, hr@k, mrr@k, map@k, coverage@k, novelty@k,
    diversity@k, gini@k), "interval" (95 % bootstrap over people), "slices" ("new_users", "tail_items"), "people", "held_out", "seconds". The same as
    `pannier evaluate` prints. Every item is ranked, never a sample; the same numbers for any number of threads.
    """
    if not isinstance(model, Recommender):
        raise InvalidArgument("model", f"is {type(model).__name__}", "a recommender of pannier")
    fitted = model._fitted()
    if train is None and model._events is None:
        raise InvalidArgument("train", "is not given, and a loaded model knows no fitted matrix", "the histories, users by items")
    cut_offs = [_count(k, "at") for k in (at if isinstance(at, (list, tuple)) else [at])]
    _require_threads(threads)
    histories = model._events if train is None else as_csr(train, "train")
    with Progress(progress) as told:
        return _pannier.evaluate(fitted, histories, as_csr(test, "test"), cut_offs, bool(exclude_seen), threads, told)
