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
    from pyonnxtool.diffing import diff
    from pyonnxtool.reduction import reduce

__version__ = "0.1.0"

__all__ = [
    "BackendError",
    "Graph",
    "Model",
    "ModelError",
    "Node",
    "PyonnxtoolError",
    "Refused",
    "Tensor",
    "UsageError",
    "Value",
    "as_model",
    "assert_close",
    "bisect",
    "diff",
    "from_proto",
    "load",
    "reduce",
    "to_proto",
]

# Functions whose modules load third parties.
_LATER = {
    "assert_close": "pyonnxtool.assertion",
    "bisect": "pyonnxtool.bisection",
    "diff": "pyonnxtool.diffing",
    "reduce": "pyonnxtool.reduction",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_LATER[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
