from typing import Any

import numpy as np
import numpy.typing as npt

from ._factors import MatrixFactorizationBase

class BayesianPersonalizedRanking(MatrixFactorizationBase):
    factors: int
    learning_rate: float
    regularization: float
    dtype: np.dtype[Any]
    iterations: int
    verify_negative_samples: bool
    random_state: Any
    def __init__(self, factors: int = ..., learning_rate: float = ..., regularization: float = ..., dtype: npt.DTypeLike = ..., iterations: int = ..., use_gpu: bool = ...,
                 num_threads: int = ..., verify_negative_samples: bool = ..., random_state: Any = ...) -> None: ...
