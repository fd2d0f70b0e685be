"""Store, Engine and train(): from a shop's events to answers."""

import datetime
import json
import os
import tempfile
from typing import NamedTuple

import numpy as np

from . import _pannier
from ._errors import Error, InvalidArgument, Unsupported
from ._progress import Progress

_MODES = ("create", "read_write", "read_only")
_AMOUNTS = ("quantity", "price", "value")
_PERSONS = {"user": 1, "visitor": 2, "session": 3}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

# Keywords of requests that later versions answer.
_LATER = ("filter", "boosts", "diversity", "pins", "exploration", "consent")


class Reason(NamedTuple):
    """Why an item is there.

    `kind` is because_of (an item of the history or session, and its share of the score), similar_to (the item asked about), bought_with (an item
    of the cart, and its share of the score), or buy_again,
    popular, trending, seasonal, recently_viewed (the item itself, with the model's score). `name` is the name of `item`.
    """

    item: str
    weight: float
    kind: str
    name: str


def _microseconds(time, name="time"):
    """A time as microseconds: ISO text, a datetime (without a zone: UTC), NumPy's datetime64, microseconds, or None for now (0)."""
    if time is None:
        return 0
    if isinstance(time, str):
        parsed = _pannier.parse_time(time)
        if parsed is None:
            raise InvalidArgument(name, f"is {time!r}", "ISO 8601, such as 2024-05-01T10:00:00Z")
        return parsed
    if isinstance(time, datetime.datetime):
        if time.tzinfo is None:
            time = time.replace(tzinfo=datetime.timezone.utc)
        return (time - _EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(time, np.datetime64):
        return int(time.astype("datetime64[us]").astype(np.int64))
    if isinstance(time, (int, np.integer)) and not isinstance(time, bool):
        return _in_range(int(time), -2**63, 2**63 - 1, name)
    raise InvalidArgument(name, f"is a {type(time).__name__}", "ISO text, a datetime, or microseconds")


def _flag(value, name):
    """A truth value; a text or a number is none."""
    if value is True or value is False:
        return value
    if type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise InvalidArgument(name, f"is {value!r}", "True or False")


def _in_range(number, low, high, name):
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not low <= number <= high:
        raise InvalidArgument(name, f"is {number!r}", f"a whole number from {low} to {high}")
    return int(number)


def _refuse(unknown, known):
    """Refuses keywords that no request has."""
    for name in unknown:
        if name in _LATER:
            raise Unsupported(name, "is not answered by this version", ", ".join(known))
        near = _pannier.nearest_name(name, list(known))
        raise InvalidArgument(name, "is no keyword of a request" + (f"; did you mean {near}?" if near else ""), ", ".join(known))


class Store:
    """A folder of published generations and of people's events.

    `mode` is "read_write" (default; the folder must exist), "create" (made when absent) or "read_only" (nothing is changed).
    """

    def __init__(self, path, mode="read_write"):
        if mode not in _MODES:
            raise InvalidArgument("mode", f"is {mode!r}", ", ".join(_MODES))
        self._native = _pannier.Store(os.fsencode(path), _MODES.index(mode))

    @property
    def path(self):
        """The folder."""
        return os.fsdecode(self._native.folder)

    @property
    def read_only(self):
        return self._native.read_only

    def generations(self):
        """The ids of all generations, ascending."""
        return self._native.generations()

    def current(self):
        """The id of the generation that is served, or None when nothing was published yet."""
        return self._native.current()

    def rollback(self, generation=None):
        """Makes an earlier generation current (default: the one before). Returns its id."""
        return self._native.rollback(generation)

    def prune(self, keep):
        """Removes all but the newest `keep` generations (1 or more), never the current one. Returns the ids removed."""
        return self._native.prune(_in_range(keep, 1, 2**31, "keep"))

    def attributes(self, user):
        """What users files said of a user: {attribute: {source: text}}; empty for a user nobody knows."""
        return self._native.attributes(user)

    def verify(self):
        """Checks every byte: {"generations": [{"id", "ok", "errors"}], "current": {"ok", "errors"}, "people": {"ok", "errors"}}."""
        return self._native.verify()

    def __repr__(self):
        return f"Store({self.path!r})"


class Engine:
    """Answers requests from a store's current generation and its people's events. Any number of threads may use one engine, before
    and after a fork.

    `clock` gives UTC microseconds (default: the system's); `history_limit` is how many last events of a person are read; `check`
    is "structure" (default) or "full": how much of a generation is checked when it is opened; `request_seed` is where request ids begin
    (default: drawn from the system).
    """

    def __init__(self, store, *, clock=None, history_limit=100_000, check="structure", request_seed=0):
        if isinstance(store, (str, os.PathLike)):
            store = Store(store)
        if not isinstance(store, Store):
            raise InvalidArgument("store", f"is a {type(store).__name__}", "a Store, or its path")
        self._store = store
        self._native = _pannier.Engine.open(store._native, clock, *_options(history_limit, check, request_seed))

    @classmethod
    def from_bytes(cls, generation, *, clock=None, history_limit=100_000, check="structure", request_seed=0):
        """Serves a generation file's bytes; people live in this process's memory."""
        engine = cls.__new__(cls)
        engine._store = None
        engine._native = _pannier.Engine.open_bytes(bytes(generation), clock, *_options(history_limit, check, request_seed))
        return engine

    def recommend(self, user=None, *, visitor=None, session=(), items=(), n=10, exclude_seen=True, exclude_bought=False,
                  time=None, explain=False, page=None, policy=None, category=None, **unknown):
        """Ranked items for a user, else a visitor, and for the anonymous `session` of item ids (oldest first).

        `n` from 1 to 10,000; `exclude_seen` leaves out items of the person's events and of the session, `exclude_bought`
        bought ones also where seen ones may return; `time` is ISO text, a datetime or microseconds (default: the engine's
        clock); `explain` fills in the reasons. `policy` is the step to begin with: personal (default), similar, popular, trending,
        seasonal, buy_again, recently_viewed; `category` keeps items whose category is this path or lies under it. A person nobody knows
        is no error: the page's policy says what answered.
        """
        if unknown:
            _refuse(unknown, _REQUEST)
        return self._native.recommend(user, visitor, session, items, n if type(n) is int and 1 <= n <= 10_000 else _in_range(n, 1, 10_000, "n"),
                                      _flag(exclude_seen, "exclude_seen"), _flag(exclude_bought, "exclude_bought"),
                                      0 if time is None else _microseconds(time), _flag(explain, "explain"), page, policy, category)

    def similar(self, item, n=10, *, time=None, explain=False, page=None, category=None, **unknown):
        """The items most similar to `item`, best first, of `category` where it is given. An unknown item is refused."""
        if unknown:
            _refuse(unknown, ("item", "n", "time", "explain", "page", "category"))
        return self._native.similar([item], _in_range(n, 1, 10_000, "n"), _microseconds(time), _flag(explain, "explain"), page, category)

    def together(self, items, n=10, *, time=None, explain=False, page=None, category=None, **unknown):
        """What is bought together with the cart `items` (a list of ids, or one id), best first, without the cart itself; of `category` where it is
        given. Unknown items of the cart are ignored."""
        if unknown:
            _refuse(unknown, ("items", "n", "time", "explain", "page", "category"))
        cart = [items] if isinstance(items, str) else items
        return self._native.together(cart, _in_range(n, 1, 10_000, "n"), _microseconds(time), _flag(explain, "explain"), page, category)

    def record(self, events):
        """Records one event (a dict of the fields of event files: time, kind, user, item, ...) or a list of them, all or none; the
        next request knows them. Returns {"recorded", "duplicates"}: an event whose id is known changes nothing."""
        if isinstance(events, dict):
            request = {"op": "record", "events": [_event(events, "event")]}
        elif isinstance(events, (list, tuple)):
            request = {"op": "record", "events": [_event(event, f"events[{i}]") for i, event in enumerate(events)]}
        else:
            raise InvalidArgument("events", f"is a {type(events).__name__}", "a dict, or a list of dicts")
        return json.loads(self._native.call_json(json.dumps(request, default=_plain, allow_nan=False)))

    def call_json(self, request):
        """One JSON request in, one JSON answer out, as every other face answers it."""
        return self._native.call_json(request)

    def reload(self):
        """Looks whether the store has a newer current generation, or changes of items that other processes made, and takes them in. Returns
        True when it has."""
        return self._native.reload()

    def erase(self, *, user=None, visitor=None, session=None):
        """Forgets a person: all events, attributes and state. Returns {"known", "events", "attributes", "time", "overwritten"}; `overwritten` is False where
        others went on reading, so that old pages stay in the log file until its next checkpoint."""
        given = [(sort, id) for sort, id in (("user", user), ("visitor", visitor), ("session", session)) if id is not None]
        if len(given) != 1:
            raise InvalidArgument("erase", f"names {len(given)} persons", "one of user, visitor or session")
        (sort, id), = given
        if id == "":
            raise InvalidArgument(sort, 'is ""', "a text that is not empty")
        return self._native.erase(_PERSONS[sort], id)

    def set_stock(self, item, units):
        """Says how many units of an item there are: at 0 or less it is in no answer from the next request on, whatever the policy. An item that
        nobody named before is refused (NotFound)."""
        self._native.set_stock(item, _amount(units, "units"))

    def upsert_items(self, items):
        """Changes or adds items: dicts of item (needed), name, category, brand, image, price, stock; other keys become attributes. What is absent, None
        or NaN stays as it was. Name, price and stock count from the next request on, the rest after the next training, which takes all of it over;
        a new item is known by its name at once and is recommended after the next training. Kept in the store; all or none."""
        if isinstance(items, dict):
            items = [items]
        self._native.upsert_items([_item(item, f"items[{i}]") for i, item in enumerate(items)])

    def item(self, item):
        """What is known of an item now: {"item", "name", "price", "stock", "trained"}, or None for an unknown item. `trained` is False for
        an item that was upserted since the last training."""
        return self._native.item(item)

    def item_name(self, item):
        """The name of an item, or None for an unknown item."""
        return self._native.item_name(item)

    @property
    def generation(self):
        """The id of the generation that answers now."""
        return self._native.generation

    def __repr__(self):
        return f"Engine(generation={self.generation!r}, items={self._native.item_count})"


_REQUEST = ("user", "visitor", "session", "items", "n", "page", "exclude_seen", "exclude_bought", "time", "explain", "policy", "category")


def _options(history_limit, check, request_seed):
    if check not in ("structure", "full"):
        raise InvalidArgument("check", f"is {check!r}", "structure or full")
    return (_in_range(history_limit, 0, 2**63 - 1, "history_limit"), check == "full",
            _in_range(request_seed, 0, 2**64 - 1, "request_seed"))


def _amount(number, name):
    if isinstance(number, bool) or not isinstance(number, (int, float, np.integer, np.floating)):
        raise InvalidArgument(name, f"is a {type(number).__name__}", "a number")
    return float(number)


def _item(item, name):
    """One item of upsert_items(), without what it does not say."""
    if not isinstance(item, dict):
        raise InvalidArgument(name, f"is a {type(item).__name__}", "a dict")
    if not item.get("item"):
        raise InvalidArgument(f"{name}.item", "is missing", "an item id")
    fields = {}
    for key, value in item.items():
        if not isinstance(key, str):
            raise InvalidArgument(name, f"has the key {key!r}", "texts")
        if value is None or value != value:
            continue
        if key in ("price", "stock"):
            fields[key] = _amount(value, f"{name}.{key}")
        elif isinstance(value, str):
            fields[key] = value
        else:
            raise InvalidArgument(f"{name}.{key}", f"is a {type(value).__name__}", "a text")
    return fields


def _event(event, name):
    """One event for JSON: times as microseconds, absent fields (None; NaN in a column of texts or places) left out. A number of
    the event that is not finite is refused."""
    if not isinstance(event, dict):
        raise InvalidArgument(name, f"is a {type(event).__name__}", "a dict")
    fields = {}
    for key, value in event.items():
        if isinstance(value, (float, np.floating)) and not np.isfinite(value):
            if key in _AMOUNTS or value == value:
                raise InvalidArgument(f"{name}.{key}", f"is {float(value)}", "a finite number, or None where unknown")
            continue
        if value is not None:
            fields[key] = value
    if "time" in fields:
        fields["time"] = _microseconds(fields["time"], f"{name}.time")
    return fields


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise InvalidArgument("events", f"hold a {type(value).__name__}", "texts and numbers")


def _pairs(value):
    """A dict as "key=value,key=value"; a text as it is."""
    return ",".join(f"{key}={entry}" for key, entry in value.items()) if isinstance(value, dict) else value or ""


def train(store, *, events=(), items=None, users=None, map=None, kind=None, kinds=None, time_unit=None, utc_offset=None, refund_prefix=None,
          drop_items=None, fold_case=None, rate=None, on_error="stop", vectors=None, config=None, threads=0, progress=False):
    """Ingests event files into a store, fits the configured models on all of its events, and publishes one generation.

    `store` is a Store or a path, which is made when absent; `events` a path, a pandas DataFrame or a list of them (none: the events
    that the store holds); `items` an items file or a DataFrame; `users` the same for what is known of people, or a list of them: a column user, perhaps source (who says
    it; default: the file's name, of a DataFrame users[0].csv), the others attributes. A DataFrame is written to a temporary CSV file without its index and read like any
    other file, so that everything said of files holds for it; messages name it events[0].csv, and a column that holds missing values
    should not turn ids into numbers with a ".0". `vectors` is an .npz file of item vectors
    trained elsewhere (ids, vectors, perhaps bias), for the model vectors. `config` is the train config, a dict or JSON text. How the files are read: `map` columns by
    field, as a dict or "user=customer_id,item=stock_code"; `kind` one kind for every line; `kinds` the file's words for
    kinds, as a dict or "view=view_item,buy=purchase"; `time_unit` iso, s, ms, us, dmy, mdy or none; `utc_offset` as "+02:00";
    `refund_prefix` as "order=C"; `drop_items` a file or a list of item ids; `fold_case` "item"; `rate` as a dict or "EUR=0.86";
    `on_error` stop or skip. docs/your-data.md explains them. Bad input publishes nothing. Returns what `pannier train --json` prints.
    """
    if on_error not in ("stop", "skip"):
        raise InvalidArgument("on_error", f"is {on_error!r}", "stop or skip")
    listed = [] if drop_items is None or isinstance(drop_items, (str, os.PathLike)) else [str(item) for item in drop_items]
    texts = {"map": _pairs(map), "kind": kind or "", "kinds": _pairs(kinds), "time_unit": time_unit or "", "utc_offset": utc_offset or "",
             "refund_prefix": _pairs(refund_prefix), "fold_case": fold_case or "", "rate": _pairs(rate), "on_error": on_error}
    if isinstance(drop_items, (str, os.PathLike)):
        texts["drop_items"] = os.fsencode(drop_items)
    with tempfile.TemporaryDirectory(prefix="pannier-") as folder:
        files = [_file_of(table, folder, f"events[{i}]") for i, table in enumerate(_as_list(events, "events"))]
        people = [_file_of(table, folder, f"users[{i}]") for i, table in enumerate(_as_list(users, "users"))]
        if items is not None and not _is_table(items):
            raise InvalidArgument("items", f"is of type {type(items).__name__}", "a path or a pandas DataFrame")
        table = _file_of("" if items is None else items, folder, "items")
        try:
            return _train(store, files, table, people, texts, listed, "" if vectors is None else vectors, config, threads, progress)
        except Error as error:  # A DataFrame has no folder.
            raise type(error)(*(text.replace(folder + os.sep, "") for text in (error.where, error.what, error.allowed))) from None


def _as_list(tables, name):
    """The tables of a list, or the one that is none; refuses elements that are neither a path nor a DataFrame."""
    if _is_table(tables):
        return [tables]
    allowed = "a path, a pandas DataFrame, or a list of them"
    try:
        tables = list(() if tables is None else tables)
    except TypeError:
        raise InvalidArgument(name, f"is of type {type(tables).__name__}", allowed) from None
    for i, table in enumerate(tables):
        if not _is_table(table):
            raise InvalidArgument(f"{name}[{i}]", f"is of type {type(table).__name__}", "a path or a pandas DataFrame")
    return tables


def _is_table(table):
    return isinstance(table, (str, bytes, os.PathLike)) or _is_frame(table)


def _is_frame(table):
    """A pandas DataFrame, or what writes itself as CSV like one."""
    return hasattr(table, "to_csv") and hasattr(table, "columns")


def _file_of(table, folder, name):
    """The path of a table: its own, or that of a CSV in `folder` that a DataFrame was written to; times are UTC with their microseconds."""
    if not _is_frame(table):
        return table
    path = os.path.join(folder, f"{name}.csv")
    table.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
    return path


def _train(store, files, items, people, texts, listed, vectors, config, threads, progress):
    text = config if isinstance(config, str) else "" if config is None else json.dumps(config)
    if not isinstance(store, Store):
        store = Store(store, mode="create")
    with Progress(progress) as told:
        return _pannier.train(store._native, [os.fsencode(file) for file in files], os.fsencode(items or ""),
                              [os.fsencode(file) for file in people], texts, listed, os.fsencode(vectors), text, threads, told)
