"""The classes and calls of the package implicit (0.7), answered by pannier: `from pannier.compat.implicit.als import AlternatingLeastSquares`.

What differs is said in each class, and in docs/python.md.
"""

from . import als, approximate_als, bpr, cpu, gpu, lmf, nearest_neighbours

__all__ = ["als", "approximate_als", "bpr", "cpu", "gpu", "nearest_neighbours", "lmf"]
