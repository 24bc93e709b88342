"""Find the node that makes an exported ONNX model wrong, and rewrite graphs with proof."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pyonnxtool._core import Graph, Model, Node, Tensor, Value
from pyonnxtool.errors import BackendError, ModelError, PyonnxtoolError, Refused, UsageError
from pyonnxtool.model import as_model, from_proto, load, to_proto

if TYPE_CHECKING:
    from pyonnxtool.assertion import assert_close
    from pyonnxtool.bisection import bisect
    from pyonnxtool.conversion import opset
    from pyonnxtool.diffing import diff
    from pyonnxtool.reduction import reduce
    from pyonnxtool.relayout import layout
    from pyonnxtool.rewriting.match import Match
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.rule import Rule, rewrite
    from pyonnxtool.rewriting.tape import Tape
    from pyonnxtool.router import ShapeRouter
    from pyonnxtool.specialization import specialize
    from pyonnxtool.standardization import lower
    from pyonnxtool.surgery.edit import edit
    from pyonnxtool.surgery.extract import extract
    from pyonnxtool.surgery.insert import insert
    from pyonnxtool.surgery.merge import merge
    from pyonnxtool.surgery.metadata import metadata
    from pyonnxtool.surgery.outputs import outputs
    from pyonnxtool.surgery.remove import remove
    from pyonnxtool.surgery.rename import rename
    from pyonnxtool.surgery.set_io import set_io
    from pyonnxtool.surgery.weights import weights
    from pyonnxtool.symbolics._catalogue import symbolic
    from pyonnxtool.variants import specialize_variants

__version__ = "0.1.0"

__all__ = [
    "BackendError",
    "Graph",
    "Match",
    "Model",
    "ModelError",
    "Node",
    "NodeView",
    "PyonnxtoolError",
    "Refused",
    "Rule",
    "ShapeRouter",
    "Tape",
    "Tensor",
    "UsageError",
    "Value",
    "as_model",
    "assert_close",
    "bisect",
    "diff",
    "edit",
    "extract",
    "from_proto",
    "insert",
    "layout",
    "load",
    "lower",
    "merge",
    "metadata",
    "opset",
    "outputs",
    "reduce",
    "remove",
    "rename",
    "rewrite",
    "set_io",
    "specialize",
    "specialize_variants",
    "symbolic",
    "to_proto",
    "weights",
]

# What is in modules that load third parties.
_LATER = {
    "Match": "pyonnxtool.rewriting.match",
    "NodeView": "pyonnxtool.rewriting.node_view",
    "Rule": "pyonnxtool.rewriting.rule",
    "ShapeRouter": "pyonnxtool.router",
    "Tape": "pyonnxtool.rewriting.tape",
    "assert_close": "pyonnxtool.assertion",
    "bisect": "pyonnxtool.bisection",
    "diff": "pyonnxtool.diffing",
    "edit": "pyonnxtool.surgery.edit",
    "extract": "pyonnxtool.surgery.extract",
    "insert": "pyonnxtool.surgery.insert",
    "layout": "pyonnxtool.relayout",
    "lower": "pyonnxtool.standardization",
    "merge": "pyonnxtool.surgery.merge",
    "metadata": "pyonnxtool.surgery.metadata",
    "opset": "pyonnxtool.conversion",
    "outputs": "pyonnxtool.surgery.outputs",
    "reduce": "pyonnxtool.reduction",
    "remove": "pyonnxtool.surgery.remove",
    "rewrite": "pyonnxtool.rewriting.rule",
    "rename": "pyonnxtool.surgery.rename",
    "set_io": "pyonnxtool.surgery.set_io",
    "specialize": "pyonnxtool.specialization",
    "specialize_variants": "pyonnxtool.variants",
    "symbolic": "pyonnxtool.symbolics._catalogue",
    "weights": "pyonnxtool.surgery.weights",
}


def __getattr__(name: str) -> Any:
    if name == "torch":  # a module, and one that is not `torch` itself
        return import_module("pyonnxtool.torch")
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_LATER[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, "torch"})
