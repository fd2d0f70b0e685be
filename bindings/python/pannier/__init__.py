"""pannier: recommendations from a shop's own events, in-process.

Recommenders on SciPy matrices (IALS, Hybrid, BPR, ItemKNN, GraphFilter, EASE, SLIM, Vectors, Popular, Blend) and a search of their settings, a VectorIndex over vectors of one's own, models of lifetime value (BGNBD, MBGNBD, ParetoNBD, BGBB, GammaGamma), and a Store with an Engine that answers requests.
"""

from . import _errors, _pannier
from ._clv import BGBB, BGNBD, MBGNBD, GammaGamma, ParetoNBD
from ._errors import *  # noqa: F403
from ._evaluate import evaluate
from ._models import BPR, EASE, IALS, SLIM, Blend, GraphFilter, Hybrid, ItemKNN, Popular, Recommender, Vectors, load
from ._retrieval import VectorIndex
from ._serving import Engine, Reason, Store, train
from ._tune import TuneResult, tune

__version__ = _pannier.version

Page = _pannier.Page


def item_key(id):
    """The 64-bit key of an item's id, the same in every process and language."""
    return _pannier.item_key(id)


__all__ = ["IALS", "Hybrid", "BPR", "ItemKNN", "GraphFilter", "EASE", "SLIM", "Vectors", "Popular", "Blend", "Recommender", "load", "tune", "TuneResult", "evaluate", "VectorIndex", "BGNBD", "MBGNBD", "ParetoNBD", "BGBB", "GammaGamma", "Store", "Engine", "Page", "Reason", "train", "item_key", "Error",
           *(cls.__name__ for cls in _errors.CLASSES)]
