"""What a typed stub promises and what a pybind11 module has, in the same words.

Both are described as lines: `Model: class`, `Model.path: property`, `load(path)`,
`Model.save(path, weights=, force=)`, where `=` marks a parameter with a default.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import Enum
from types import ModuleType, WrapperDescriptorType
from typing import Any

# What Python or pybind11 gives to every class or module; no stub writes it down.
_GIVEN = frozenset(
    {
        *("__doc__", "__module__", "__new__", "__qualname__", "__dict__", "__weakref__"),
        *("__getstate__", "__setstate__", "__annotations__", "__static_attributes__"),
        *("__repr__", "__firstlineno__"),
        *("__name__", "__file__", "__loader__", "__package__", "__spec__", "__path__"),
    }
)
_UNNAMED = re.compile(r"^arg\d+$")


def of_stub(text: str) -> set[str]:
    """Every public thing that the text of a .pyi file promises."""
    return set(_stub_lines(ast.parse(text).body, ""))


def _stub_lines(body: list[ast.stmt], owner: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef) and _public(node.name):
            yield f"{owner}{node.name}: class"
            yield from _stub_lines(node.body, f"{owner}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and _public(node.name):
            marks = {ast.unparse(mark) for mark in node.decorator_list}
            if "property" in marks:
                yield f"{owner}{node.name}: property"
            elif not any(mark.endswith(".setter") for mark in marks):
                bound = bool(owner) and "staticmethod" not in marks
                yield f"{owner}{node.name}({_stub_parameters(node, bound)})"
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if _public(node.target.id):
                yield f"{owner}{node.target.id}: {'property' if owner else 'value'}"
        elif isinstance(node, ast.Assign) and owner:  # the members of an enum
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            yield from (f"{owner}{name}: member" for name in names if _public(name))


def _stub_parameters(node: ast.FunctionDef, bound: bool) -> str:
    spec = node.args
    places = [*spec.posonlyargs, *spec.args]
    keyword_only = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
    optional = {arg.arg for arg in places[len(places) - len(spec.defaults) :]}
    optional |= {arg.arg for arg, default in keyword_only if default}
    names = [arg.arg for arg in places[int(bound) :]]
    names += [f"*{spec.vararg.arg}"] if spec.vararg else []
    names += [arg.arg for arg in spec.kwonlyargs]
    names += [f"**{spec.kwarg.arg}"] if spec.kwarg else []
    return _listed(node.name, [name + "=" * (name in optional) for name in names])


def of_module(module: ModuleType) -> set[str]:
    """Every public thing that a built pybind11 module has."""
    return {line for name, item in vars(module).items() for line in _module_lines(name, item, "")}


def _module_lines(name: str, item: Any, owner: str) -> Iterator[str]:
    inherited = item is None or isinstance(item, WrapperDescriptorType)
    if not _public(name) or isinstance(item, ModuleType) or (owner and inherited):
        return
    if isinstance(item, type):
        yield f"{owner}{name}: class"
        if issubclass(item, Enum):
            yield from (f"{owner}{name}.{member}: member" for member in item.__members__)
            return
        for inner, thing in vars(item).items():
            yield from _module_lines(inner, thing, f"{owner}{name}.")
    elif isinstance(item, property) or type(item).__name__ == "pybind11_static_property":
        yield f"{owner}{name}: property"
    elif callable(item) or isinstance(item, staticmethod):
        bound = bool(owner) and not isinstance(item, staticmethod)
        for signature in _signatures(name, item.__doc__ or ""):
            parameters = _split(signature)[int(bound) :]
            yield f"{owner}{name}({_listed(name, [_parameter(one) for one in parameters])})"
    else:
        yield f"{owner}{name}: {'property' if owner else 'value'}"


def _signatures(name: str, doc: str) -> list[str]:
    """The parameter texts in a pybind11 docstring: "name(self: X, size: int = 3) -> Y"."""
    numbered = re.findall(rf"^\d+\. {re.escape(name)}\((.*)\) -> ", doc, re.MULTILINE)
    first = re.match(rf"{re.escape(name)}\((.*)\) -> ", doc)
    return numbered or ([first[1]] if first else ["no signature"])


def _split(parameters: str) -> list[str]:
    """At the commas that are not inside brackets or quotes."""
    depth, parts, quote = 0, [""], ""
    for char in parameters:
        if quote or char in "'\"":
            quote = "" if char == quote else quote or char
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip() not in {"", "*", "/"}]


def _parameter(text: str) -> str:
    name = text.partition(":")[0].partition("=")[0].strip()
    return name + "=" * bool(re.search(r"[^=!<>]=[^=]", text))


def _listed(function: str, names: list[str]) -> str:
    """Parameters of an operator have no names that a caller could use: only their number."""
    operator = function.startswith("__") and function != "__init__"
    if operator and all(_UNNAMED.match(name) or not name.endswith("=") for name in names):
        return ", ".join("_" for _ in names)
    return ", ".join(names)


def _public(name: str) -> bool:
    dunder = name.startswith("__") and name.endswith("__")
    return name not in _GIVEN and (dunder or not name.startswith("_"))
