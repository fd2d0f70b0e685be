"""One class a code, deriving from Python's own where that fits."""

import pickle

import pytest

import pannier
from pannier import _errors, _pannier


def test_every_code_has_one_class():
    names = _pannier.error_names()
    assert [cls.code for cls in _errors.CLASSES] == [names[code] for code in range(1, len(names) + 1)]
    for code in names:
        error = _errors.of_code(code, "here", "was so", "may be so")
        assert isinstance(error, pannier.Error)
        assert str(error) == "here: was so; expected may be so"
        assert (error.where, error.what, error.allowed) == ("here", "was so", "may be so")


@pytest.mark.parametrize("ours, pythons", [
    ("InvalidArgument", ValueError), ("MalformedInput", ValueError), ("NotFound", FileNotFoundError), ("IoFailure", OSError),
    ("ReadOnly", PermissionError), ("OutOfMemory", MemoryError), ("NumericalFailure", ArithmeticError),
    ("Unsupported", NotImplementedError), ("Internal", RuntimeError)])
def test_errors_are_pythons_own_too(ours, pythons):
    with pytest.raises(pythons) as caught:
        raise getattr(pannier, ours)("here", "was so")
    assert str(caught.value) == "here: was so"


@pytest.mark.parametrize("cls", _errors.CLASSES)
def test_errors_can_be_pickled(cls):
    error = pickle.loads(pickle.dumps(cls("here", "was so", "may be so")))
    assert type(error) is cls and str(error) == "here: was so; expected may be so" and error.where == "here"


def test_an_error_of_the_library_arrives_whole(tmp_path):
    with pytest.raises(pannier.NotFound) as caught:
        pannier.Store(tmp_path / "missing")
    assert "missing" in caught.value.where and caught.value.what and caught.value.code == "not_found"


def test_text_that_is_no_unicode_is_refused():
    with pytest.raises(pannier.InvalidArgument, match="surrogate"):
        pannier.item_key("\ud800")
    with pytest.raises(pannier.InvalidArgument, match="int"):
        pannier.item_key(7)
