"""Logistic matrix factorisation, which pannier does not have."""

from ..._errors import Unsupported


class LogisticMatrixFactorization:
    """Raises Unsupported, which is a NotImplementedError."""

    def __init__(self, *args, **kwargs):
        raise Unsupported("LogisticMatrixFactorization", "is none of pannier's models, and another one under its name would be no drop-in",
                          "AlternatingLeastSquares or BayesianPersonalizedRanking")


__all__ = ["LogisticMatrixFactorization"]
