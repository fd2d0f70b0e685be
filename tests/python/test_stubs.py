"""The stubs name exactly what the package has, with the parameters that it takes."""

import ast
import inspect
from pathlib import Path

import pytest

import pannier

STUB = ast.parse((Path(pannier.__file__).parent / "__init__.pyi").read_text(encoding="utf-8"))
CLASSES = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}


def decorators(node):
    return {name.id for name in node.decorator_list if isinstance(name, ast.Name)}


def parameters_of_stub(node, bound):
    """name -> (kind, has a default), without self or cls."""
    arguments, result = node.args, {}
    positional = [*arguments.posonlyargs, *arguments.args]
    first_default = len(positional) - len(arguments.defaults)
    for place, argument in enumerate(positional):
        result[argument.arg] = ("positional", place >= first_default)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
        result[argument.arg] = ("keyword", default is not None)
    if arguments.kwarg:
        result[arguments.kwarg.arg] = ("rest", False)
    if bound:
        result.pop(positional[0].arg)
    return result


def parameters_of(function):
    kinds = {inspect.Parameter.KEYWORD_ONLY: "keyword", inspect.Parameter.VAR_KEYWORD: "rest"}
    return {name: (kinds.get(p.kind, "positional"), p.default is not inspect.Parameter.empty)
            for name, p in inspect.signature(function).parameters.items() if name not in ("self", "cls")}


def test_every_public_name_is_typed_and_nothing_else():
    typed = {name for name in [*CLASSES, *FUNCTIONS] if not name.startswith("_")}
    assert typed == set(pannier.__all__)
    assert (Path(pannier.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions_take_what_the_stubs_say(name):
    assert parameters_of(getattr(pannier, name)) == parameters_of_stub(FUNCTIONS[name], bound=False)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_classes_have_what_the_stubs_say(name):
    cls, members = getattr(pannier, name), {}
    for node in CLASSES[name].body:
        if isinstance(node, ast.FunctionDef):
            members[node.name] = node
    for member, node in members.items():
        if member == "__init__":
            assert parameters_of(cls) == parameters_of_stub(node, bound=True)
        elif "property" in decorators(node):
            assert isinstance(inspect.getattr_static(cls, member), property), member
        elif not member.startswith("__"):
            assert parameters_of(getattr(cls, member)) == parameters_of_stub(node, bound=True), member
    public = {member for member, value in vars(cls).items()
              if not member.startswith("_") and (callable(value) or isinstance(value, (property, classmethod)))}
    if not issubclass(cls, tuple):
        assert public <= set(members), f"{name} has {sorted(public - set(members))} without types"


def test_settings_have_types():
    for name in ("IALS", "Hybrid", "BPR", "ItemKNN", "GraphFilter", "EASE", "SLIM", "Vectors", "Popular", "Blend"):
        annotated = {node.target.id for node in CLASSES[name].body if isinstance(node, ast.AnnAssign)}
        assert annotated == {*getattr(pannier, name)._defaults, *getattr(pannier, name)._extra}


def test_bases_are_those_of_the_stubs():
    for name, node in CLASSES.items():
        bases = [base.id for base in node.bases]
        if bases and bases != ["NamedTuple"]:
            assert [base.__name__ for base in getattr(pannier, name).__bases__] == bases
