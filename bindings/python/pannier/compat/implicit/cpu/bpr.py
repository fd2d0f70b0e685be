"""implicit.cpu.bpr."""

from ..bpr import BayesianPersonalizedRanking

__all__ = ["BayesianPersonalizedRanking"]
