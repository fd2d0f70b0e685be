"""What is known of items or people, as the library reads it: a matrix of features, or attributes by name."""

import numbers

from ._errors import InvalidArgument
from ._matrix import as_csr


def as_features(given, rows, name):
    """`given` for the library: None; a matrix of `rows` rows (SciPy, or an array of numbers); or, from a data frame or a sequence of dicts, a list a row of (attribute, text).

    A value that is None or NaN is not known; a list or a tuple of values is joined by "/", true and false are texts.
    """
    if given is None:
        return None
    if hasattr(given, "columns") and hasattr(given, "itertuples"):
        names = [str(column) for column in given.columns]
        out = [_attributes(zip(names, row), f"{name}[{i}]") for i, row in enumerate(given.itertuples(index=False, name=None))]
    elif isinstance(given, (list, tuple)) and (not given or hasattr(given[0], "items")):
        out = []
        for i, row in enumerate(given):
            if not hasattr(row, "items"):
                raise InvalidArgument(f"{name}[{i}]", f"is of type {type(row).__name__}", "a dict of attributes, as the rows before it")
            out.append(_attributes(row.items(), f"{name}[{i}]"))
    else:
        out = as_csr(given, name)
        if out.rows != rows:
            raise InvalidArgument(name, f"has {out.rows} rows", f"{rows}")
        return out
    if len(out) != rows:
        raise InvalidArgument(name, f"has {len(out)} rows", f"{rows}")
    return out


def _attributes(pairs, where):
    out = []
    for attribute, value in pairs:
        text = _text(value, f"{where}.{attribute}")
        if text:
            try:
                out.append((str(attribute).encode(), text.encode()))
            except UnicodeEncodeError:
                raise InvalidArgument(f"{where}.{attribute}", "holds what is no character", "Unicode text") from None
    return out


def _text(value, where):
    if value is None or value != value:  # NaN, NaT and NA-likes are not themselves.
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return "/".join(_text(each, where) for each in value)
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return "true" if value else "false"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        return format(float(value), ".12g") if abs(float(value)) < 1e15 else ""
    raise InvalidArgument(where, f"is of type {type(value).__name__}", "a text, a number, true or false, or a list of them")
