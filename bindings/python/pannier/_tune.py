"""Searching settings, models and blends on a hold-out of the matrix."""

import json
import math

import numpy as np

from . import _pannier
from ._errors import InvalidArgument
from ._matrix import as_csr
from ._models import _CLASSES, Blend, Vectors, _count, _require_threads, _texts
from ._progress import Progress


class TuneResult:
    """What tune() found.

    trials : list of dicts "config" ({"name", settings that are not by default}), "metric" (None where it failed), "seconds",
        "fidelity" (below 1: fewer people, and fewer epochs where they are not searched) and, where it failed, "failure".
    best_config : {"models": [...]}, as train() takes it: the model, or a blend's members and then the blend.
    best_model_name : the last of them.
    metric : of the best, on the hold-out. cut : how it was held out. stopped : why the search ended.
    """

    def __init__(self, X, threads, found, vectors=None, items=None):
        self._X, self._vectors, self._items = X, vectors, items
        self._threads = threads
        self.trials = []
        for name, config, metric, seconds, fidelity, failure in found["trials"]:
            trial = {"config": {"name": name, **json.loads(config)}, "metric": None if math.isnan(metric) else metric,
                     "seconds": seconds, "fidelity": fidelity}
            self.trials.append({**trial, "failure": failure} if failure else trial)
        self.best_config = {"models": [{"name": name, **json.loads(config)} for name, config in found["best"]]}
        self.best_model_name = found["best"][-1][0]
        self.metric, self.cut, self.stopped = found["metric"], found["cut"], found["stopped"]

    def model(self):
        """The best, not fitted."""
        *members, last = ({**model} for model in self.best_config["models"])
        members = {member.pop("name"): member for member in members}
        name = last.pop("name")
        if name not in _CLASSES:
            raise InvalidArgument("best_model_name", f"is {name}, which has no class", ", ".join(_CLASSES))

        def with_vectors(settings):
            return Vectors(self._vectors.ids, self._vectors.V, self._vectors.bias, **settings, threads=self._threads)

        if name == Blend._kind:
            members = {member: with_vectors(settings) if member == Vectors._kind else settings for member, settings in members.items()}
            return Blend(**last, member_settings=members, threads=self._threads)
        return with_vectors(last) if name == Vectors._kind else _CLASSES[name](**last, threads=self._threads)

    def fit(self, X=None, *, progress=False):
        """The best fitted on X, by default on all of the matrix that was tuned on."""
        model = self.model()
        items = {"items": self._items} if isinstance(model, (Vectors, Blend)) else {}
        return model.fit(self._X if X is None else X, **items, progress=progress)

    def __repr__(self):
        return f"TuneResult(best_model_name={self.best_model_name!r}, metric={self.metric:.4f}, trials={len(self.trials)})"


def _number(value, name):
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)) or not (math.isfinite(value) and value > 0):
        raise InvalidArgument(name, f"is {value!r}", "a finite number above 0")
    return float(value)


def tune(X, model="best", *, trials=None, budget=None, cut="random", share=0.1, metric="ndcg@20", people=10000, seed=42, threads=0,
         vectors=None, items=None, progress=False):
    """Searches what ranks best a part of X that is held out of it: settings of a model by name, or, for "best", of all models and of blends.

    Give `trials`, with which alone a search repeats bit for bit, or `budget` in seconds (the later fit of the best is counted in), or both.
    `cut` is random (a `share` of everybody's cells) or user (a `share` of the people, whom the models do not know). `vectors`, a Vectors(ids, V), are searched beside the other
    models; `items` are then the columns' ids, as its fit() takes them. Returns a TuneResult.
    """
    if cut not in ("random", "user"):
        raise InvalidArgument("cut", f"is {cut!r}", "random, or user; a matrix has no order for last")
    for name, text in (("model", model), ("metric", metric)):
        if not isinstance(text, str):
            raise InvalidArgument(name, f"is {text!r}", "a text")
    settings = {"model": model, "metric": metric, "trials": 0 if trials is None else _count(trials, "trials"),
                "budget": 0 if budget is None else _number(budget, "budget"), "people": _count(people, "people")}
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        raise InvalidArgument("seed", f"is {seed!r}", "a whole number from 0 to 2^64 - 1")
    settings["seed"] = int(seed)
    share = _number(share, "share")
    _require_threads(threads)
    if vectors is not None and not isinstance(vectors, Vectors):
        raise InvalidArgument("vectors", f"is of type {type(vectors).__name__}", "a Vectors(ids, V)")
    if items is not None and vectors is None:
        raise InvalidArgument("items", "have no meaning without vectors", "vectors=Vectors(ids, V) beside them")
    config = json.dumps(settings)
    events = as_csr(X, "X")
    given = (None, []) if vectors is None else vectors._arrays(events, None if items is None else _texts(items, "items"))
    with Progress(progress) as told:
        found = _pannier.tune(config, cut, share, events, threads, told, *given)
    return TuneResult(X, threads, found, vectors, items)
