"""The recommenders, named and shaped as the library `implicit` names and shapes its own: fit on a matrix of users by items,
then recommend for rows. Their settings are the library's own, read from it, so that they are written down once.
"""

import inspect
import json
import os
import tempfile

import numpy as np

from . import _pannier
from ._errors import InvalidArgument, MalformedInput
from ._features import as_features
from ._matrix import as_columns, as_csr, as_floats
from ._progress import Progress

LARGEST_COUNT = 2**31 - 1


def _as_setting(text):
    """A default of the library, which writes numbers and true and false as JSON and everything else as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plain(value):
    """NumPy's numbers as Python's, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a setting cannot be a {type(value).__name__}")


def _require_threads(threads):
    """`threads` as it is, or a refusal."""
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 0 <= threads <= 1024:
        raise InvalidArgument("threads", f"is {threads!r}", "a whole number from 0 (all) to 1024")
    return int(threads)


def _count(n, name):
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n <= LARGEST_COUNT:
        raise InvalidArgument(name, f"is {n!r}", f"a whole number from 1 to {LARGEST_COUNT}")
    return int(n)


class Recommender:
    """What every recommender has. Rows of a matrix are users, its columns are items."""

    _kind = None       # the library's name of the model
    _defaults = {}     # setting -> default, in the library's order
    _extra = {}        # further keywords of the class, that are no settings of the library

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        settings = _pannier.model_settings(cls._kind)
        cls._defaults = {name: _as_setting(default) for name, _, default, _, _ in settings}
        keyword = inspect.Parameter.KEYWORD_ONLY
        cls.__signature__ = inspect.Signature(
            [inspect.Parameter(name, keyword, default=default) for name, default in {**cls._defaults, "threads": 0, **cls._extra}.items()])
        lines = [f"    {name} : {kind}, default {default}" + (f", {range_}" if range_ else "") + f"\n        {help_}"
                 for name, kind, default, range_, help_ in settings]
        lines.append("    threads : whole number, default 0\n        Threads of fit and recommend; 0 takes every processor.")
        cls.__doc__ = (cls.__doc__ or "").rstrip() + "\n\n    Settings\n    --------\n" + "\n".join(lines) + "\n"

    def __init__(self, **settings):
        self.threads = _require_threads(settings.pop("threads", 0))
        for name in settings:
            self._require_setting(name)
        for name, default in self._defaults.items():
            setattr(self, name, settings.get(name, default))
        self._model = None
        self._events = None
        self._user_factors = None

    @classmethod
    def _require_setting(cls, name):
        known = [*cls._defaults, "threads", *cls._extra]
        if name not in known:
            near = _pannier.nearest_name(name, known)
            raise InvalidArgument(name, f"is no setting of {cls.__name__}" + (f"; did you mean {near}?" if near else ""),
                                  ", ".join(known))

    def get_params(self, deep=True):
        """The settings as a dict, as scikit-learn asks for them."""
        return {**{name: getattr(self, name) for name in self._defaults}, "threads": self.threads}

    def set_params(self, **settings):
        """Changes settings of the next fit. Returns self."""
        for name in settings:
            self._require_setting(name)
        for name, value in settings.items():
            setattr(self, name, value)
        return self

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"

    def fit(self, X, *, progress=False):
        """Fits on X, users by items: a SciPy CSR matrix, taken without a copy where it holds float32 in canonical order, or
        anything that can be turned into one. Values are weights, not negative; 0 is seen without evidence.

        `progress` is True (a bar, where tqdm is installed), or called as progress(stage, done, total). What it raises ends the
        fit, and so does Ctrl-C. Returns self; on an error, an earlier fit stays. X is kept and not copied for
        recommend(rows), so it must not be changed.
        """
        _require_threads(self.threads)
        try:
            models = [(kind, json.dumps(settings, default=_plain)) for kind, settings in self._requests()]
        except TypeError as error:
            raise InvalidArgument(type(self).__name__, str(error), "numbers, booleans and texts") from None
        events = as_csr(X, "X")
        with Progress(progress) as told:
            model, factors, report = _pannier.fit(models, events, self.threads, told, *self._vectors_of(events), *self._features_of(events))
        self._model, self._events, self._user_factors, self.report_ = model, events, factors, report
        return self

    def _requests(self):
        """(kind, settings) of what is fitted: this model, after those it is made of."""
        return [(self._kind, {name: getattr(self, name) for name in self._defaults})]

    def _vectors_of(self, events):
        """The vectors to be served and what the columns of `events` are called there; of no meaning for most models."""
        return None, []

    def _features_of(self, events):
        """What is known of the items and of the users; of no meaning for most models."""
        return None, None

    def recommend(self, rows, n=10, *, exclude_seen=True, items=None, row_items=None, row_exclude=None):
        """The `n` best items for each of `rows`: row numbers of the fitted X, or a matrix of any users' histories, whose columns are
        those of X. Everyone is folded in, so that a stranger and a fitted user of the same history get the same answer.

        `exclude_seen` leaves out a row's own items; `items` allows only these columns (numbers, or a mask of booleans). `row_items` and `row_exclude` are matrices with a row for
        each of `rows`: each is given only what its row of the one holds, and nothing of its row of the other, whatever the values.
        Returns two arrays (rows, n), best first: columns as int32, where -1 pads short rows, and scores as float32.
        """
        model, n = self._fitted(), _count(n, "n")
        allowed = None if items is None else as_columns(items, model.item_count, "items")
        histories, numbers = self._histories(rows)
        count = histories.rows if numbers is None else len(numbers)
        lists = [None if matrix is None else self._lists(matrix, count, name) for matrix, name in ((row_items, "row_items"), (row_exclude, "row_exclude"))]
        return model.recommend(histories, numbers, n, bool(exclude_seen), allowed, *lists, self.threads)

    def _lists(self, matrix, rows, name):
        lists = as_csr(matrix, name)
        if (lists.rows, lists.cols) != (rows, self._model.item_count):
            raise InvalidArgument(name, f"is {lists.rows} x {lists.cols}", f"a row for each of rows and a column an item, {rows} x {self._model.item_count}")
        return lists

    def explain(self, row, items, n=3):
        """Why the model gives `items` (columns) to `row`, a row number of the fitted X or a matrix of one history.

        Returns a list an item, of at most `n` reasons (column, share of the score, kind), largest share first: because_of a column of the
        history, or, where many people give the score, popular with the item itself. Empty where the model has none.
        """
        model, n = self._fitted(), _count(n, "n")
        histories, numbers = self._histories(row)
        count = histories.rows if numbers is None else len(numbers)
        if count != 1:
            raise InvalidArgument("row", f"names {count} rows", "one row number, or a matrix of one row")
        return model.explain(histories, 0 if numbers is None else int(numbers[0]), as_columns(items, model.item_count, "items"), n)

    def _histories(self, rows):
        """The matrix that `rows` are of, and their numbers in it; None for all of them."""
        model = self._fitted()
        if hasattr(rows, "indptr") or hasattr(rows, "tocsr") or np.ndim(rows) == 2:
            histories = as_csr(rows, "rows")
            if histories.cols != model.item_count:
                raise InvalidArgument("rows", f"has {histories.cols} columns", f"{model.item_count}, as the fitted matrix")
            return histories, None
        if self._events is None:
            raise InvalidArgument("rows", "are row numbers, and a loaded model knows no fitted users", "a matrix of histories")
        numbers = np.atleast_1d(np.asarray(rows))
        if numbers.ndim != 1 or (numbers.dtype.kind not in "iu" and numbers.size):
            raise InvalidArgument("rows", f"has type {numbers.dtype} and {numbers.ndim} dimensions",
                                  "row numbers, or a matrix of histories")
        return self._events, np.ascontiguousarray(numbers, dtype=np.int64)

    def similar_items(self, items, n=10, *, among=None):
        """The `n` items most similar to each of `items` (columns), never itself. `among` allows only these columns.
        Returns arrays as recommend()."""
        model, n = self._fitted(), _count(n, "n")
        allowed = None if among is None else as_columns(among, model.item_count, "among")
        return model.similar(as_columns(items, model.item_count, "items"), n, allowed, self.threads)

    def save(self, path):
        """Writes the fitted model as one file, which appears whole or not at all. The users are no part of it."""
        self._fitted().save(os.fspath(path))

    @property
    def n_items_(self):
        """How many columns the model knows."""
        return self._fitted().item_count

    def _fitted(self):
        if self._model is None:
            raise InvalidArgument(type(self).__name__, "is not fitted", "a call of fit() first")
        return self._model

    def __getstate__(self):
        state = {"settings": self.get_params(), "model": None}
        if self._model is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.pnr")
                self._model.save(path)
                with open(path, "rb") as file:
                    state["model"] = file.read()
        return state

    def __setstate__(self, state):
        self.__init__(**state["settings"])
        if state["model"] is not None:
            self._model = _pannier.load_bytes(state["model"])


class IALS(Recommender):
    """Matrix factorisation of implicit feedback by alternating least squares (Hu, Koren & Volinsky 2008, with the loss of Rendle
    et al. 2021: an observed cell weighs its own value, an empty one `unobserved_weight`)."""

    _kind = "ials"

    @property
    def item_factors_(self):
        """The items' vectors (items, factors); cannot be written."""
        return None if self._model is None else self._model.item_vectors()

    @property
    def user_factors_(self):
        """The fitted users' vectors (users, factors); cannot be written. A loaded model has none."""
        return self._user_factors


class Hybrid(Recommender):
    """IALS whose vectors are drawn to what the items' and the users' features say: for items and people that few events tell of, or none (the priors of
    Agarwal & Chen 2009, fitted jointly)."""

    _kind = "hybrid"
    _given = None, None
    item_factors_ = IALS.item_factors_
    user_factors_ = IALS.user_factors_

    def fit(self, X, *, item_features=None, user_features=None, progress=False):
        """Fits on X, users by items, and features of its columns, of its rows, or of both: a matrix of features, not negative (SciPy, or an array; rows of length 1 where some have
        many), or attributes by name, which features are learned from: a pandas data frame, or a list of dicts (texts by word or by value, "category" by level, numbers by
        quantiles). Otherwise as fit() of every recommender."""
        self._given = item_features, user_features
        try:
            return super().fit(X, progress=progress)
        finally:
            self._given = None, None

    def _features_of(self, events):
        items, users = self._given
        return as_features(items, events.cols, "item_features"), as_features(users, events.rows, "user_features")

    def recommend(self, rows, n=10, *, user_features=None, exclude_seen=True, items=None, row_items=None, row_exclude=None):
        """As recommend() of every recommender. `user_features` tells what is known of each of `rows`, as fit() took it (a matrix, or attributes by name): a person without a
        history is ranked by that alone."""
        if user_features is None:
            return super().recommend(rows, n, exclude_seen=exclude_seen, items=items, row_items=row_items, row_exclude=row_exclude)
        for name, lists in (("row_items", row_items), ("row_exclude", row_exclude)):
            if lists is not None:
                raise InvalidArgument(name, "stands beside user_features", "one of them alone")
        model, n = self._fitted(), _count(n, "n")
        allowed = None if items is None else as_columns(items, model.item_count, "items")
        histories, numbers = self._histories(rows)
        known = as_features(user_features, histories.rows if numbers is None else len(numbers), "user_features")
        return model.recommend_known(histories, numbers, known, n, bool(exclude_seen), allowed, self.threads)


class BPR(Recommender):
    """Matrix factorisation by pairwise ranking: what a person has is to score above what they do not have (Rendle et al. 2009;
    `loss="warp"`: Weston et al. 2011)."""

    _kind = "bpr"

    @property
    def item_factors_(self):
        """The items' vectors (items, factors); cannot be written."""
        return None if self._model is None else self._model.item_vectors()

    @property
    def user_factors_(self):
        """The fitted users' vectors (users, factors), as their histories fold in to; cannot be written. A loaded model has none."""
        return self._user_factors


class ItemKNN(Recommender):
    """Nearest neighbours of items by co-occurrence (Sarwar et al. 2001; Deshpande & Karypis 2004)."""

    _kind = "item_knn"


class GraphFilter(Recommender):
    """Linear filters on the graph of items: Turbo-CF (Park et al. 2024), GF-CF (Shen et al. 2021), BSPM (Choi et al. 2023)."""

    _kind = "graph_filter"


class EASE(Recommender):
    """Item-to-item weights by ridge regression in closed form (Steck 2019). Takes items squared * 4 bytes, and says so before it begins."""

    _kind = "ease"


class SLIM(Recommender):
    """Sparse item-to-item weights by coordinate descent under an L1 and an L2 penalty (Ning & Karypis 2011)."""

    _kind = "slim"


def _texts(values, name):
    """Item ids as UTF-8."""
    out = []
    for i, value in enumerate(np.asarray(values, dtype=object).ravel().tolist() if isinstance(values, np.ndarray) else values):
        if not isinstance(value, str):
            raise InvalidArgument(f"{name}[{i}]", f"is of type {type(value).__name__}", "a text: 007 and 7 are two items")
        try:
            out.append(value.encode())
        except UnicodeEncodeError:
            raise InvalidArgument(f"{name}[{i}]", "holds what is no character", "Unicode text") from None
    return out


class Vectors(Recommender):
    """Item vectors that were trained anywhere. `ids` are the items' ids, texts; `V` their vectors (items, d); `bias` a number an item, or None.
    A person's vector is the weighted mean of their history's, or a ridge regression on them; the score of an item is the product of both, and its bias."""

    _kind = "vectors"
    _extra = {"ids": None, "V": None, "bias": None}

    def __init__(self, ids=None, V=None, bias=None, **settings):
        super().__init__(**settings)
        self.ids, self.V, self.bias = ids, V, bias
        self._columns = None

    def get_params(self, deep=True):
        """The settings as a dict, with the arrays as they were given."""
        return {"ids": self.ids, "V": self.V, "bias": self.bias, **super().get_params(deep)}

    def fit(self, X, *, items=None, progress=False):
        """Arranges the vectors by the columns of X; nothing is learnt. `items` are the columns' ids; None: `ids`, in their order. A column without a vector is
        never recommended. X may have no rows. Otherwise as fit() of every recommender."""
        self._columns = None if items is None else _texts(items, "items")
        return super().fit(X, progress=progress)

    def _vectors_of(self, events):
        return self._arrays(events, self._columns)

    def _arrays(self, events, items):
        """What is served, and what the columns of `events` are called: `items`, or None for `ids` in their order."""
        if self.ids is None or self.V is None:
            raise InvalidArgument("Vectors", "has no ids and vectors", "Vectors(ids, V)")
        ids = _texts(self.ids, "ids")
        columns = ids if items is None else items
        if len(columns) != events.cols:
            raise InvalidArgument("ids" if items is None else "items", f"are {len(columns)}, and X has {events.cols} columns",
                                  "one a column" + (", or `items` with the columns' ids" if items is None else ""))
        return (ids, as_floats(self.V, 2, "V"), None if self.bias is None else as_floats(self.bias, 1, "bias")), columns

    @property
    def item_factors_(self):
        """The vectors of the columns (columns, d), zeros where there is none, with the bias behind them where there is one; cannot be written."""
        return None if self._model is None else self._model.item_vectors()


Vectors.__signature__ = inspect.Signature(
    [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None) for name in Vectors._extra]
    + [parameter for name, parameter in Vectors.__signature__.parameters.items() if name not in Vectors._extra])


class Popular(Recommender):
    """The most popular items for everyone: the floor that every personal model has to beat."""

    _kind = "popular"


class Blend(Recommender):
    """A weighted sum of other models. Their settings are given as a dict by name, `member_settings={"ials": {"factors": 256}}`, or as a model that is set up so,
    `{"vectors": pannier.Vectors(ids, V)}`; a model with settings is a member, and `members` may name more. With neither, the members are the library's own choice.
    A loaded blend does not know its members' settings."""

    _kind = "blend"
    _extra = {"member_settings": None}

    def __init__(self, *, member_settings=None, **settings):
        super().__init__(**settings)
        self.member_settings = member_settings
        self._columns = None

    def get_params(self, deep=True):
        return {**super().get_params(deep), "member_settings": self.member_settings}

    def fit(self, X, *, items=None, progress=False):
        """Fits the members on X and weighs them. `items` are the columns' ids, by which a member of Vectors finds its own; None: that member's `ids`, in their
        order. Otherwise as fit() of every recommender."""
        self._columns = None if items is None else _texts(items, "items")
        return super().fit(X, progress=progress)

    def _vectors_of(self, events):
        vectors = (self.member_settings or {}).get(Vectors._kind)
        return vectors._arrays(events, self._columns) if isinstance(vectors, Vectors) else (None, [])

    def _requests(self):
        given = {} if self.member_settings is None else self.member_settings
        if not isinstance(given, dict) or not all(isinstance(settings, (dict, Recommender)) for settings in given.values()):
            raise InvalidArgument("member_settings", f"is {given!r}", "a dict of dicts, or of models, by the members' names")
        for name, member in given.items():
            if isinstance(member, Recommender) and (member._kind != name or name == Blend._kind):
                raise InvalidArgument(f"member_settings[{name!r}]", f"is a {type(member).__name__}", "a model of that name, and none that is a blend")
        given = {name: {key: getattr(member, key) for key in member._defaults} if isinstance(member, Recommender) else member for name, member in given.items()}
        own = super()._requests()
        names = [name for name in self.members.split(",") if name] if isinstance(self.members, str) else []
        names += [name for name in given if name not in names]
        if not names:
            return own
        own[0][1]["members"] = ",".join(names)
        return [*((name, given.get(name, {})) for name in names), *own]


_CLASSES = {cls._kind: cls for cls in (IALS, Hybrid, BPR, ItemKNN, GraphFilter, EASE, SLIM, Vectors, Popular, Blend)}


def load(path):
    """Reads what save() wrote. The model knows no fitted users: it recommends for matrices of histories only."""
    model = _pannier.load(os.fspath(path))
    if model.kind not in _CLASSES:
        raise MalformedInput(os.fspath(path), f"holds a model of kind {model.kind}", ", ".join(_CLASSES))
    cls = _CLASSES[model.kind]
    config = json.loads(model.config_json)
    loaded = cls(**{name: value for name, value in config.items() if name in cls._defaults})
    loaded._model = model
    return loaded
