"""Operators as users write them on a command line: "Clip(_, 0, 6)", "vendor::Fence(_, level=2)"."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAME_ALONE = re.compile(r"[A-Za-z_][\w.]*(::[A-Za-z_]\w*)?")
_LITERALS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|::""")
_EDGE = "_"
_FILE = "npy"


@dataclass(frozen=True)
class Edge:
    """The value that something is put after: `_`."""


@dataclass(frozen=True)
class Named:
    """Another value of the graph, by its name."""

    name: str


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers; of no dtype yet, but for those of a file."""

    value: Any
    array: NDArray[Any] | None = None
    """The elements of a file."""


@dataclass(frozen=True)
class Call:
    """An operator on operands."""

    op_type: str
    domain: str
    operands: tuple[Operand, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """`vendor::Fence`, or `Clip`."""
        return f"{self.domain}::{self.op_type}" if self.domain else self.op_type

    @property
    def reads_edge(self) -> bool:
        """Whether the value that it is put after is an operand of it, or of one in it."""
        return any(
            one.reads_edge if isinstance(one, Call) else isinstance(one, Edge)
            for one in self.operands
        )


Operand: TypeAlias = Edge | Named | Constant | Call | None


def parsed(text: str) -> Call:
    """`Relu` alone is `Relu(_)`; `_` is the value, other names and texts are values of the graph.

    Numbers and lists are constants, `npy('mean.npy')` the array of a file, None an omitted operand;
    keywords are attributes. Raises UsageError for what is not of this form.
    """
    if _NAME_ALONE.fullmatch(text.strip()):
        text = f"{text}({_EDGE})"
    source = _LITERALS.sub(lambda found: "." if found[0] == "::" else found[0], text.strip())
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _strange(text) from error
    if not isinstance(tree, ast.Call):
        raise _strange(text)
    call = _call(tree, text)
    if not call.reads_edge:
        raise UsageError(
            f"{text!r} does not say where the value goes that it is put after: write _ for it, as "
            f"in {call.op_type}(_)"
        )
    return call


def _strange(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is no operator: write its type and operands, such as Relu, 'Clip(_, 0, 6)' or "
        "'vendor::Fence(_, level=2)', where _ is the value that it is put after"
    )


def _call(tree: ast.Call, text: str) -> Call:
    name = _dotted(tree.func)
    if name is None:
        raise _strange(text)
    domain, _, op_type = name.rpartition(".")
    attributes = {}
    for one in tree.keywords:
        if one.arg is None:
            raise _strange(text)
        attributes[one.arg] = _attribute(one.value, text)
    operands = tuple(_operand(one, text) for one in tree.args)
    return Call(op_type, "" if domain == "ai.onnx" else domain, operands, attributes)


def _operand(tree: ast.expr, text: str) -> Operand:
    if isinstance(tree, ast.Call):
        return _array_of(tree) if _dotted(tree.func) == _FILE else _call(tree, text)
    name = _dotted(tree)
    if name is not None:
        return Edge() if name == _EDGE else Named(name)
    found = _literal(tree, text)
    if isinstance(found, str):
        return Named(found)
    return None if found is None else Constant(found)


def _attribute(tree: ast.expr, text: str) -> Any:
    """A bare word is text: `mode=linear`, `to=float16`."""
    name = _dotted(tree)
    if name is not None:
        return name
    if isinstance(tree, ast.Call) and _dotted(tree.func) == _FILE:
        return _array_of(tree).array
    return _literal(tree, text)


def _literal(tree: ast.expr, text: str) -> Any:
    try:
        found = ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise _strange(text) from error
    if isinstance(found, dict | set | bytes | complex):
        raise _strange(text)
    return found


def _array_of(tree: ast.Call) -> Constant:
    path = _text(tree.args[0]) if len(tree.args) == 1 and not tree.keywords else None
    if path is None:
        raise UsageError(f"{_FILE}(...) takes the path of a file: {_FILE}('mean.npy')")
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"{path}: cannot be read as an array: {error}") from error
    if not isinstance(found, np.ndarray):
        raise UsageError(f"{path}: holds several arrays; save the one that is meant as .npy")
    return Constant(None, found)


def _text(tree: ast.expr) -> str | None:
    """A text, also without quotes where it is words and dots."""
    if isinstance(tree, ast.Constant):
        return tree.value if isinstance(tree.value, str) else None
    return _dotted(tree)


def _dotted(tree: ast.expr) -> str | None:
    """`a.b.c` as text."""
    if isinstance(tree, ast.Name):
        return tree.id
    if isinstance(tree, ast.Attribute):
        owner = _dotted(tree.value)
        return None if owner is None else f"{owner}.{tree.attr}"
    return None
