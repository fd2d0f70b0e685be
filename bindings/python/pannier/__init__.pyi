"""Types of the package; a test holds them against what runs."""

import datetime
import os
from typing import Any, Callable, Iterable, Literal, NamedTuple, Optional, Sequence, TypedDict, TypeVar, Union

import numpy as np
import numpy.typing as npt

__version__: str

_Path = Union[str, os.PathLike[str]]
_Matrix = Any
"""A SciPy sparse matrix of users by items, or an array of two dimensions."""
_Features = Any
"""A matrix of features, a pandas DataFrame or a list of dicts of attributes."""
_Frame = Any
"""A pandas DataFrame."""
_Progress = Union[bool, None, Callable[[str, int, int], Any]]
_Time = Union[None, str, int, datetime.datetime, np.datetime64]
_Clock = Optional[Callable[[], int]]
_Erased = TypedDict("_Erased", {"known": bool, "events": int, "attributes": int, "time": str, "overwritten": bool})
_Answers = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]
_Self = TypeVar("_Self", bound="Recommender")

class Error(Exception):
    code: str
    where: str
    what: str
    allowed: str
    def __init__(self, where: str, what: str, allowed: str = ...) -> None: ...

class InvalidArgument(Error, ValueError): ...
class NotFound(Error, FileNotFoundError): ...
class MalformedInput(Error, ValueError): ...
class IoFailure(Error, OSError): ...
class NumericalFailure(Error, ArithmeticError): ...
class Cancelled(Error): ...
class OutOfMemory(Error, MemoryError): ...
class Unsupported(Error, NotImplementedError): ...
class ReadOnly(Error, PermissionError): ...
class BufferTooSmall(Error): ...
class Internal(Error, RuntimeError): ...

class Recommender:
    threads: int
    report_: dict[str, Any]
    def get_params(self, deep: bool = ...) -> dict[str, Any]: ...
    def set_params(self: _Self, **settings: Any) -> _Self: ...
    def fit(self: _Self, X: _Matrix, *, progress: _Progress = ...) -> _Self: ...
    def recommend(self, rows: Union[int, npt.ArrayLike, _Matrix], n: int = ..., *, exclude_seen: bool = ...,
                  items: Optional[npt.ArrayLike] = ..., row_items: Optional[_Matrix] = ..., row_exclude: Optional[_Matrix] = ...) -> _Answers: ...
    def similar_items(self, items: npt.ArrayLike, n: int = ..., *, among: Optional[npt.ArrayLike] = ...) -> _Answers: ...
    def explain(self, row: Union[int, Any], items: npt.ArrayLike, n: int = ...) -> list[list[tuple[int, float, str]]]: ...
    def save(self, path: _Path) -> None: ...
    @property
    def n_items_(self) -> int: ...

class VectorIndex:
    threads: int
    def __init__(self, V: npt.ArrayLike, bias: Optional[npt.ArrayLike] = ..., *, threads: int = ...) -> None: ...
    def search(self, Q: npt.ArrayLike, n: int = ..., allowed: Optional[npt.ArrayLike] = ...) -> _Answers: ...
    @property
    def n_items(self) -> int: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def nbytes(self) -> int: ...

_Floats = npt.ArrayLike
"""One number a customer; a pandas Series gives a Series."""
_Priors = Optional[dict[str, tuple[float, float]]]

class BGNBD:
    priors: _Priors
    threads: int
    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: npt.NDArray[np.float64]
    log_likelihood_: float
    converged_: bool
    identified_: bool
    note_: str
    def __init__(self, *, priors: _Priors = ..., threads: int = ...) -> None: ...
    def fit(self, frequency: _Floats, recency: _Floats, T: _Floats, weights: Optional[_Floats] = ..., *, allow_new: bool = ...) -> "BGNBD": ...
    def expected_purchases(self, t: float, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., T: Optional[_Floats] = ...) -> Any: ...
    def probability_alive(self, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., T: Optional[_Floats] = ..., *, later: float = ...) -> Any: ...
    def expected_purchases_new_customer(self, t: float) -> float: ...

class MBGNBD:
    priors: _Priors
    threads: int
    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: npt.NDArray[np.float64]
    log_likelihood_: float
    converged_: bool
    identified_: bool
    note_: str
    def __init__(self, *, priors: _Priors = ..., threads: int = ...) -> None: ...
    def fit(self, frequency: _Floats, recency: _Floats, T: _Floats, weights: Optional[_Floats] = ..., *, allow_new: bool = ...) -> "MBGNBD": ...
    def expected_purchases(self, t: float, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., T: Optional[_Floats] = ...) -> Any: ...
    def probability_alive(self, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., T: Optional[_Floats] = ..., *, later: float = ...) -> Any: ...
    def expected_purchases_new_customer(self, t: float) -> float: ...

class ParetoNBD:
    priors: _Priors
    threads: int
    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: npt.NDArray[np.float64]
    log_likelihood_: float
    converged_: bool
    identified_: bool
    note_: str
    def __init__(self, *, priors: _Priors = ..., threads: int = ...) -> None: ...
    def fit(self, frequency: _Floats, recency: _Floats, T: _Floats, weights: Optional[_Floats] = ..., *, allow_new: bool = ...) -> "ParetoNBD": ...
    def expected_purchases(self, t: float, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., T: Optional[_Floats] = ...) -> Any: ...
    def probability_alive(self, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., T: Optional[_Floats] = ..., *, later: float = ...) -> Any: ...
    def expected_purchases_new_customer(self, t: float) -> float: ...

class BGBB:
    priors: _Priors
    threads: int
    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: npt.NDArray[np.float64]
    log_likelihood_: float
    converged_: bool
    identified_: bool
    note_: str
    def __init__(self, *, priors: _Priors = ..., threads: int = ...) -> None: ...
    def fit(self, frequency: _Floats, recency: _Floats, n_periods: _Floats, weights: Optional[_Floats] = ..., *, allow_new: bool = ...) -> "BGBB": ...
    def expected_purchases(self, t: float, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., n_periods: Optional[_Floats] = ...) -> Any: ...
    def probability_alive(self, frequency: Optional[_Floats] = ..., recency: Optional[_Floats] = ..., n_periods: Optional[_Floats] = ..., *, later: float = ...) -> Any: ...
    def expected_purchases_new_customer(self, t: float) -> float: ...

class GammaGamma:
    priors: _Priors
    threads: int
    params_: dict[str, float]
    standard_errors_: dict[str, float]
    covariance_: npt.NDArray[np.float64]
    log_likelihood_: float
    converged_: bool
    identified_: bool
    note_: str
    def __init__(self, *, priors: _Priors = ..., threads: int = ...) -> None: ...
    def fit(self, frequency: _Floats, monetary_value: _Floats, weights: Optional[_Floats] = ...) -> "GammaGamma": ...
    def expected_spend(self, frequency: _Floats, monetary_value: _Floats) -> Any: ...

class IALS(Recommender):
    factors: int
    unobserved_weight: float
    loss: str
    l2: float
    frequency_exponent: float
    epochs: int
    start_factors: int
    tolerance: float
    solver: str
    seed: int
    def __init__(self, *, factors: int = ..., unobserved_weight: float = ..., loss: Literal["added", "replaced"] = ..., l2: float = ..., frequency_exponent: float = ...,
                 epochs: int = ..., start_factors: int = ..., tolerance: float = ..., solver: Literal["auto", "exact", "cg", "subspace"] = ..., seed: int = ..., threads: int = ...) -> None: ...
    @property
    def item_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...
    @property
    def user_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...

class Hybrid(Recommender):
    factors: int
    unobserved_weight: float
    l2: float
    frequency_exponent: float
    feature_l2: float
    epochs: int
    solver: str
    seed: int
    def __init__(self, *, factors: int = ..., unobserved_weight: float = ..., l2: float = ..., frequency_exponent: float = ..., feature_l2: float = ...,
                 epochs: int = ..., solver: Literal["auto", "exact", "cg", "subspace"] = ..., seed: int = ..., threads: int = ...) -> None: ...
    def fit(self: _Self, X: _Matrix, *, item_features: Optional[_Features] = ..., user_features: Optional[_Features] = ..., progress: _Progress = ...) -> _Self: ...
    def recommend(self, rows: Union[int, npt.ArrayLike, _Matrix], n: int = ..., *, user_features: Optional[_Features] = ..., exclude_seen: bool = ...,
                  items: Optional[npt.ArrayLike] = ..., row_items: Optional[_Matrix] = ..., row_exclude: Optional[_Matrix] = ...) -> _Answers: ...
    @property
    def item_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...
    @property
    def user_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...

class BPR(Recommender):
    loss: str
    factors: int
    learning_rate: float
    user_l2: float
    item_l2: float
    epochs: int
    negatives: int
    max_samples: int
    popularity_exponent: float
    fold_in_unobserved: float
    fold_in_l2: float
    seed: int
    def __init__(self, *, loss: Literal["bpr", "warp"] = ..., factors: int = ..., learning_rate: float = ..., user_l2: float = ...,
                 item_l2: float = ..., epochs: int = ..., negatives: int = ..., max_samples: int = ..., popularity_exponent: float = ...,
                 fold_in_unobserved: float = ..., fold_in_l2: float = ..., seed: int = ..., threads: int = ...) -> None: ...
    @property
    def item_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...
    @property
    def user_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...

class ItemKNN(Recommender):
    similarity: str
    neighbours: int
    alpha: float
    beta: float
    k1: float
    b: float
    shrinkage: float
    longest_history: int
    def __init__(self, *, similarity: Literal["cosine", "tfidf", "bm25", "jaccard", "tversky", "asymmetric", "p3", "rp3"] = ...,
                 neighbours: int = ..., alpha: float = ..., beta: float = ..., k1: float = ..., b: float = ..., shrinkage: float = ...,
                 longest_history: int = ..., threads: int = ...) -> None: ...

class GraphFilter(Recommender):
    filter: str
    user_exponent: float
    item_exponent: float
    signal_exponent: float
    power: float
    neighbours: int
    sharpening: float
    rank: int
    low_rank_weight: float
    seed: int
    def __init__(self, *, filter: Literal["linear", "second_order"] = ..., user_exponent: float = ..., item_exponent: float = ...,
                 signal_exponent: float = ..., power: float = ..., neighbours: int = ..., sharpening: float = ..., rank: int = ...,
                 low_rank_weight: float = ..., seed: int = ..., threads: int = ...) -> None: ...

class EASE(Recommender):
    l2: float
    neighbours: int
    memory_mb: int
    def __init__(self, *, l2: float = ..., neighbours: int = ..., memory_mb: int = ..., threads: int = ...) -> None: ...

class SLIM(Recommender):
    l1: float
    l2: float
    non_negative: bool
    candidates: int
    neighbours: int
    sweeps: int
    def __init__(self, *, l1: float = ..., l2: float = ..., non_negative: bool = ..., candidates: int = ..., neighbours: int = ...,
                 sweeps: int = ..., threads: int = ...) -> None: ...

class Vectors(Recommender):
    ids: Optional[Sequence[str]]
    V: Optional[npt.ArrayLike]
    bias: Optional[npt.ArrayLike]
    fold_in: str
    l2: float
    def __init__(self, ids: Optional[Sequence[str]] = ..., V: Optional[npt.ArrayLike] = ..., bias: Optional[npt.ArrayLike] = ..., *,
                 fold_in: Literal["mean", "ridge"] = ..., l2: float = ..., threads: int = ...) -> None: ...
    def get_params(self, deep: bool = ...) -> dict[str, Any]: ...
    def fit(self: _Self, X: _Matrix, *, items: Optional[Sequence[str]] = ..., progress: _Progress = ...) -> _Self: ...
    @property
    def item_factors_(self) -> Optional[npt.NDArray[np.float32]]: ...

class Popular(Recommender):
    weighted: bool
    def __init__(self, *, weighted: bool = ..., threads: int = ...) -> None: ...

class Blend(Recommender):
    members: str
    weights: str
    scale: str
    people: int
    horizon_days: float
    rehearsal_epochs: int
    member_settings: Optional[dict[str, Union[dict[str, Any], Recommender]]]
    def __init__(self, *, members: str = ..., weights: str = ..., scale: Literal["largest", "spread"] = ..., people: int = ...,
                 horizon_days: float = ..., rehearsal_epochs: int = ..., threads: int = ...,
                 member_settings: Optional[dict[str, Union[dict[str, Any], Recommender]]] = ...) -> None: ...
    def get_params(self, deep: bool = ...) -> dict[str, Any]: ...
    def fit(self: _Self, X: _Matrix, *, items: Optional[Sequence[str]] = ..., progress: _Progress = ...) -> _Self: ...

def load(path: _Path) -> Recommender: ...

class TuneResult:
    trials: list[dict[str, Any]]
    best_config: dict[str, Any]
    best_model_name: str
    metric: float
    cut: str
    stopped: str
    def __init__(self, X: _Matrix, threads: int, found: dict[str, Any], vectors: Optional[Vectors] = ..., items: Optional[Sequence[str]] = ...) -> None: ...
    def model(self) -> Recommender: ...
    def fit(self, X: Optional[_Matrix] = ..., *, progress: _Progress = ...) -> Recommender: ...

def evaluate(model: Recommender, test: _Matrix, train: Optional[_Matrix] = ..., *, at: Union[int, Sequence[int]] = ..., exclude_seen: bool = ..., threads: int = ...,
             progress: _Progress = ...) -> dict[str, Any]: ...
def tune(X: _Matrix, model: str = ..., *, trials: Optional[int] = ..., budget: Optional[float] = ...,
         cut: Literal["random", "user"] = ..., share: float = ..., metric: str = ..., people: int = ..., seed: int = ...,
         threads: int = ..., vectors: Optional[Vectors] = ..., items: Optional[Sequence[str]] = ..., progress: _Progress = ...) -> TuneResult: ...

_Policy = Literal["personal", "similar", "popular", "trending", "seasonal", "buy_again", "recently_viewed"]

class Reason(NamedTuple):
    item: str
    weight: float
    kind: str
    name: str

class Page:
    @property
    def items(self) -> list[str]: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def scores(self) -> npt.NDArray[np.float32]: ...
    @property
    def keys(self) -> npt.NDArray[np.uint64]: ...
    @property
    def reasons(self) -> list[list[Reason]]: ...
    @property
    def policy(self) -> Union[_Policy, Literal["together", "none"]]: ...
    @property
    def fallback(self) -> bool: ...
    @property
    def generation(self) -> str: ...
    @property
    def request_id(self) -> str: ...
    @property
    def microseconds(self) -> float: ...
    def __len__(self) -> int: ...

class Store:
    def __init__(self, path: _Path, mode: Literal["create", "read_write", "read_only"] = ...) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def read_only(self) -> bool: ...
    def generations(self) -> list[str]: ...
    def current(self) -> Optional[str]: ...
    def rollback(self, generation: Optional[str] = ...) -> str: ...
    def prune(self, keep: int) -> list[str]: ...
    def attributes(self, user: str) -> dict[str, dict[str, str]]: ...
    def verify(self) -> dict[str, Any]: ...

class Engine:
    def __init__(self, store: Union[Store, _Path], *, clock: _Clock = ..., history_limit: int = ...,
                 check: Literal["structure", "full"] = ..., request_seed: int = ...) -> None: ...
    @classmethod
    def from_bytes(cls, generation: bytes, *, clock: _Clock = ..., history_limit: int = ...,
                   check: Literal["structure", "full"] = ..., request_seed: int = ...) -> Engine: ...
    def recommend(self, user: Optional[str] = ..., *, visitor: Optional[str] = ..., session: Sequence[str] = ...,
                  items: Sequence[str] = ..., n: int = ..., exclude_seen: bool = ..., exclude_bought: bool = ..., time: _Time = ...,
                  explain: bool = ..., page: Optional[str] = ..., policy: Optional[_Policy] = ..., category: Optional[str] = ...,
                  **unknown: Any) -> Page: ...
    def similar(self, item: str, n: int = ..., *, time: _Time = ..., explain: bool = ..., page: Optional[str] = ...,
                category: Optional[str] = ..., **unknown: Any) -> Page: ...
    def together(self, items: Union[str, Sequence[str]], n: int = ..., *, time: _Time = ..., explain: bool = ..., page: Optional[str] = ...,
                 category: Optional[str] = ..., **unknown: Any) -> Page: ...
    def record(self, events: Union[dict[str, Any], Sequence[dict[str, Any]]]) -> dict[str, int]: ...
    def call_json(self, request: str) -> str: ...
    def reload(self) -> bool: ...
    def erase(self, *, user: Optional[str] = ..., visitor: Optional[str] = ..., session: Optional[str] = ...) -> _Erased: ...
    def set_stock(self, item: str, units: float) -> None: ...
    def upsert_items(self, items: Union[dict[str, Any], Iterable[dict[str, Any]]]) -> None: ...
    def item(self, item: str) -> Optional[dict[str, Any]]: ...
    def item_name(self, item: str) -> Optional[str]: ...
    @property
    def generation(self) -> str: ...

def train(store: Union[Store, _Path], *, events: Union[_Path, _Frame, Iterable[Union[_Path, _Frame]]] = ..., items: Union[_Path, _Frame, None] = ...,
          users: Union[_Path, _Frame, Iterable[Union[_Path, _Frame]], None] = ..., map: Union[str, dict[str, str], None] = ..., kind: Optional[str] = ..., kinds: Union[str, dict[str, str], None] = ...,
          time_unit: Optional[Literal["iso", "s", "ms", "us", "none", "dmy", "mdy"]] = ..., utc_offset: Optional[str] = ...,
          refund_prefix: Union[str, dict[str, str], None] = ..., drop_items: Union[_Path, Iterable[str], None] = ...,
          fold_case: Optional[Literal["item"]] = ..., rate: Union[str, dict[str, float], None] = ...,
          on_error: Literal["stop", "skip"] = ..., vectors: Optional[_Path] = ..., config: Union[str, dict[str, Any], None] = ..., threads: int = ...,
          progress: _Progress = ...) -> dict[str, Any]: ...
def item_key(id: str) -> int: ...
