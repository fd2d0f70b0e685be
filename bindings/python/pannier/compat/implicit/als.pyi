from typing import Any, Callable, Optional

import numpy as np
import numpy.typing as npt

from ._factors import MatrixFactorizationBase
from .recommender_base import _Matrix

class AlternatingLeastSquares(MatrixFactorizationBase):
    factors: int
    regularization: float
    alpha: float
    dtype: np.dtype[Any]
    use_native: bool
    use_cg: bool
    cg_steps: int
    iterations: int
    calculate_training_loss: bool
    fit_callback: Optional[Callable[..., Any]]
    random_state: Any
    def __init__(self, factors: int = ..., regularization: float = ..., alpha: float = ..., dtype: npt.DTypeLike = ..., use_native: bool = ..., use_cg: bool = ...,
                 use_gpu: bool = ..., iterations: int = ..., calculate_training_loss: bool = ..., num_threads: int = ..., random_state: Any = ...) -> None: ...
    def partial_fit_users(self, userids: npt.ArrayLike, user_items: _Matrix) -> None: ...
    def partial_fit_items(self, itemids: npt.ArrayLike, item_users: _Matrix) -> None: ...
    def explain(self, userid: int, user_items: _Matrix, itemid: int, user_weights: Any = ..., N: int = ...) -> tuple[float, list[tuple[int, float]], Any]: ...
    @property
    def YtY(self) -> npt.NDArray[np.float64]: ...
    @property
    def XtX(self) -> npt.NDArray[np.float64]: ...

def calculate_loss(Cui: _Matrix, X: npt.ArrayLike, Y: npt.ArrayLike, regularization: float, num_threads: int = ...) -> float: ...
