"""Customer lifetime value: models of repeat purchases and of spend."""

import numpy as np

from . import _pannier
from ._errors import InvalidArgument
from ._models import _require_threads


class _Fitted:
    """What all of them keep of a fit: params_, standard_errors_ (dicts by name), covariance_, log_likelihood_, converged_, identified_, note_."""

    _names = ()

    def __init__(self, *, priors=None, threads=0):
        self.priors = priors
        self.threads = _require_threads(threads)

    def _pairs(self):
        """The priors as one (median, factor) a parameter, or none."""
        if not self.priors:
            return []
        if not isinstance(self.priors, dict):
            raise InvalidArgument("priors", f"is a {type(self.priors).__name__}", "a dict of name: (median, factor)")
        for name, pair in self.priors.items():
            if name not in self._names:
                raise InvalidArgument("priors", f"names {name!r}", ", ".join(self._names))
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(isinstance(part, (int, float, np.number)) for part in pair):
                raise InvalidArgument(f"priors[{name}]", f"is {pair!r}", "(median, factor): near the median, within a factor above 1")
        return [tuple(map(float, self.priors.get(name, (1, np.inf)))) for name in self._names]

    def _take(self, fit):
        self.params_ = dict(zip(fit["names"], fit["values"]))
        self.standard_errors_ = dict(zip(fit["names"], fit["standard_errors"]))
        self.covariance_ = np.array(fit["covariance"]).reshape(len(fit["names"]), -1)
        self.log_likelihood_ = fit["log_likelihood"]
        self.converged_, self.identified_, self.note_ = fit["converged"], fit["identified"], fit["note"]
        return self

    def _values(self):
        if not hasattr(self, "params_"):
            raise InvalidArgument(type(self).__name__, "is not fitted", "fit() first")
        return [float(self.params_[name]) for name in self._names]

    def __repr__(self):
        told = ", ".join(f"{name}={value:.4g}" for name, value in self.params_.items()) if hasattr(self, "params_") else "not fitted"
        return f"{type(self).__name__}({told})"


class _Repeat(_Fitted):
    _kind = ""
    _age = "T"

    def fit(self, frequency, recency, T, weights=None, *, allow_new=False):
        """Fits arrays of one number a customer: repeat purchases, time of the last and time watched, both since the first purchase and in one unit.

        weights: how many customers each row stands for. allow_new keeps customers whose T is 0, who say nothing; else they are refused.
        """
        arrays = self._arrays(frequency, recency, T)
        counts = np.empty(0) if weights is None else _numbers(weights, "weights")
        self._take(_renamed(self._age, _pannier.clv_fit_repeat, self._kind, *arrays, counts, bool(allow_new), self._pairs(), _require_threads(self.threads)))
        self._customers = (frequency, *arrays)
        return self

    def expected_purchases(self, t, frequency=None, recency=None, T=None):
        """Purchases to be expected of each customer within t after T: those of the fit, or those given. A pandas Series where frequency is one."""
        return self._score(False, t, "t", frequency, recency, T)

    def probability_alive(self, frequency=None, recency=None, T=None, *, later=0.0):
        """The probability that each customer is alive `later` after T."""
        return self._score(True, later, "later", frequency, recency, T)

    def expected_purchases_new_customer(self, t):
        """Repeat purchases within t of the first, of a customer of whom nothing else is known."""
        return float(self._ask(False, t, "t", np.zeros(1), np.zeros(1), np.zeros(1))[0])

    def _arrays(self, frequency, recency, T):
        return _numbers(frequency, "frequency"), _numbers(recency, "recency"), _numbers(T, self._age)

    def _score(self, alive, time, name, frequency, recency, T):
        given = [part is not None for part in (frequency, recency, T)]
        if any(given) and not all(given):
            raise InvalidArgument("customers", "are given in part", f"frequency, recency and {self._age}, or none of them")
        values = self._values()  # Not fitted is said before anything else.
        like, *arrays = (frequency, *self._arrays(frequency, recency, T)) if given[0] else self._customers
        return _like(like, self._ask(alive, time, name, *arrays, values=values))

    def _ask(self, alive, time, name, x, t, age, values=None):
        if isinstance(time, bool) or not isinstance(time, (int, float, np.number)):
            raise InvalidArgument(name, f"is {time!r}", "a number of at least 0")
        return _renamed(self._age, _pannier.clv_score_repeat, self._kind, values or self._values(), alive, x, t, age, float(time), _require_threads(self.threads), horizon=name)


class BGNBD(_Repeat):
    """BG/NBD (Fader, Hardie & Lee 2005): customers may drop out after each repeat purchase. Who bought once is alive with certainty: for churn take MBGNBD.

    priors: {name: (median, factor)} of r, alpha, a, b, each log-normal, in the parameter's own unit. threads: 0 for all.
    """

    _kind, _names = "bg_nbd", ("r", "alpha", "a", "b")


class MBGNBD(_Repeat):
    """MBG/NBD (Batislam et al. 2007): as BGNBD, and customers may drop out after the first purchase too."""

    _kind, _names = "mbg_nbd", ("r", "alpha", "a", "b")


class ParetoNBD(_Repeat):
    """Pareto/NBD (Schmittlein et al. 1987): customers may drop out at any time. Parameters r, alpha, s, beta; see identified_ and note_."""

    _kind, _names = "pareto_nbd", ("r", "alpha", "s", "beta")


class BGBB(_Repeat):
    """BG/BB (Fader, Hardie & Shang 2010): purchases at opportunities. recency and n_periods count opportunities. Parameters alpha, beta, gamma, delta."""

    _kind, _names, _age = "bg_bb", ("alpha", "beta", "gamma", "delta"), "n_periods"

    def fit(self, frequency, recency, n_periods, weights=None, *, allow_new=False):
        """As the other models' fit(), with the number of opportunities after the first purchase."""
        return super().fit(frequency, recency, n_periods, weights, allow_new=allow_new)

    def expected_purchases(self, t, frequency=None, recency=None, n_periods=None):
        """How many of the next t opportunities each customer is expected to take."""
        return self._score(False, t, "t", frequency, recency, n_periods)

    def probability_alive(self, frequency=None, recency=None, n_periods=None, *, later=0.0):
        """The probability that each customer is alive at the opportunity `later` after the last; the paper's is that of later=1."""
        return self._score(True, later, "later", frequency, recency, n_periods)


class GammaGamma(_Fitted):
    """Gamma-Gamma (Fader & Hardie 2013): what a purchase of a customer is worth. Parameters p, q, v."""

    _names = ("p", "q", "v")

    def fit(self, frequency, monetary_value, weights=None):
        """Fits the number of purchases averaged and their average, one a customer; those without purchases are left out."""
        n, m = _numbers(frequency, "frequency"), _numbers(monetary_value, "monetary_value")
        counts = np.empty(0) if weights is None else _numbers(weights, "weights")
        return self._take(_renamed("", _pannier.clv_fit_spend, n, m, counts, self._pairs(), _require_threads(self.threads)))

    def expected_spend(self, frequency, monetary_value):
        """The mean amount of a purchase to come of each customer; that of all where there are no purchases. Infinite where the model has no mean (q at most 1)."""
        n, m = _numbers(frequency, "frequency"), _numbers(monetary_value, "monetary_value")
        if n.shape != m.shape:
            raise InvalidArgument("monetary_value", f"has {len(m)} numbers", f"as many as frequency, {len(n)}")
        return _like(frequency, _renamed("", _pannier.clv_score_spend, self._values(), n, m))


def _numbers(given, name):
    array = np.asarray(given)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise InvalidArgument(name, f"is an array of {array.ndim} dimensions of {array.dtype}", "numbers in one dimension, one a customer")
    return np.ascontiguousarray(array, dtype=np.float64)


def _like(given, values):
    """A pandas Series of the same index where a Series was given."""
    return type(given)(values, index=given.index) if hasattr(given, "index") and hasattr(given, "iloc") else values


def _renamed(age, call, *arguments, horizon=""):
    """The call, its refusals under the names that these arguments have here."""
    ours = {"age": age, "counts": "weights", "purchases": "frequency", "averages": "monetary_value", "opportunities": horizon, "horizon": horizon, "customer.age": age, "customer.recency": "recency", "customer.frequency": "frequency"}
    try:
        return call(*arguments)
    except InvalidArgument as error:
        name, bracket, rest = error.where.partition("[")
        if ours.get(name):
            raise InvalidArgument(ours[name] + bracket + rest, error.what, error.allowed) from None
        raise
