"""What inference says of values, held against the arrays that really came out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from pyonnxtool import _core

Known = int | float | str | None


def _broadcast(*sizes: Fraction) -> Fraction:
    apart = {size for size in sizes if size != 1}
    assert len(apart) <= 1, f"{sizes} do not broadcast"
    return apart.pop() if apart else Fraction(1)


_FUNCTIONS = {
    "min": min,
    "max": max,
    "floor": lambda a: Fraction(math.floor(a)),
    "ceil": lambda a: Fraction(math.ceil(a)),
    "broadcast": _broadcast,
}


def evaluate(known: Known, sizes: Mapping[str, int]) -> Fraction | float | None:
    """The number that an expression of sizes stands for; None where nothing is known."""
    if known is None or isinstance(known, float):
        return known
    if isinstance(known, int):
        return Fraction(known)
    names = {name: Fraction(size) for name, size in sizes.items()}
    whole = re.sub(r"(?<![\w.])(\d+)(?![\w.])", r"F(\1)", known)
    value = eval(whole, {"__builtins__": {}, "F": Fraction, **_FUNCTIONS}, names)
    return Fraction(value)


def disagreements(fact: _core.Fact, real: Any, sizes: Mapping[str, int]) -> list[str]:
    """What `fact` says and the array does not show: dtype, rank, sizes, elements."""
    if real is None:
        return []
    if isinstance(real, list) or fact.kind == "sequence":  # the suite stacks the items of some
        return _of_sequence(fact, list(real), sizes)
    array = np.asarray(real)
    if fact.kind not in ("tensor", "unknown"):
        return [f"is said to be a {fact.kind}, came out as an array"]
    return _of_dtype(fact, array) + _of_dims(fact, array, sizes)


def _of_dims(fact: _core.Fact, array: NDArray[Any], sizes: Mapping[str, int]) -> list[str]:
    if fact.dims is None:
        return []
    if len(fact.dims) != array.ndim:
        return [f"has rank {len(fact.dims)}, came out as {array.shape}"]
    found = []
    for axis, (known, size) in enumerate(zip(fact.dims, array.shape, strict=True)):
        value = evaluate(known, sizes)
        if value is not None and value != size:
            found.append(f"size {axis} is {known} = {value}, came out as {array.shape}")
    return found or _of_elements(fact, array, sizes)


def _of_sequence(fact: _core.Fact, real: list[Any], sizes: Mapping[str, int]) -> list[str]:
    if fact.kind not in ("sequence", "optional", "unknown"):
        return [f"is said to be a {fact.kind}, came out as a sequence"]
    if fact.kind == "optional" and fact.items:  # its content
        return _of_sequence(fact.items[0], real, sizes)
    if fact.items is not None:
        if len(fact.items) != len(real):
            return [f"has {len(fact.items)} items, came out with {len(real)}"]
        pairs = zip(fact.items, real, strict=True)
        return [text for item, array in pairs for text in disagreements(item, array, sizes)]
    if fact.inner is None or fact.kind == "optional":
        return []
    return [text for array in real for text in disagreements(fact.inner, array, sizes)]


def _of_dtype(fact: _core.Fact, array: NDArray[Any]) -> list[str]:
    if fact.dtype is None:
        return []
    came = "string" if array.dtype.kind in "OUS" else array.dtype.name
    # onnxruntime and the suite hand float4, bfloat16 and the like out in types of their own.
    same = fact.dtype == came.replace("_", "") or (
        array.dtype.kind in "Vu" and array.dtype.itemsize <= 2
    )
    return [] if same else [f"is {fact.dtype}, came out as {came}"]


def _of_elements(fact: _core.Fact, array: NDArray[Any], sizes: Mapping[str, int]) -> list[str]:
    if fact.elements is None or array.dtype.kind not in "iufb":
        return []
    if len(fact.elements) != array.size:
        return [f"has {len(fact.elements)} elements, came out as {array.shape}"]
    for known, element in zip(fact.elements, array.ravel().tolist(), strict=True):
        value = evaluate(known, sizes)
        if value is None:
            continue
        single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
        if not math.isclose(value, element, rel_tol=1e-6 if single else 0.0):
            return [f"holds {known} = {float(value)}, came out as {element}"]
    return []


def wrong_for(declared: onnx.TypeProto, real: Any) -> bool:
    """Whether another inference says sizes that did not come out."""
    if not isinstance(real, np.ndarray) or not declared.tensor_type.HasField("shape"):
        return False
    dims = declared.tensor_type.shape.dim
    if len(dims) != real.ndim:
        return True
    pairs = zip(dims, real.shape, strict=True)
    return any(dim.HasField("dim_value") and dim.dim_value != size for dim, size in pairs)


def less_exact(fact: _core.Fact, declared: onnx.TypeProto) -> list[str]:
    """What another inference knows and `fact` does not, or says differently."""
    if not declared.HasField("tensor_type"):
        return []
    tensor = declared.tensor_type
    if not tensor.HasField("shape"):
        return []
    theirs = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    if fact.dims is None:
        return [f"nothing is known of it, onnx knows {theirs}"]
    if len(fact.dims) != len(theirs):
        return [f"is {fact.dims}, onnx says {theirs}"]
    pairs = zip(fact.dims, theirs, strict=True)
    worse = any(size is not None and known != size for known, size in pairs)
    return [f"is {fact.dims}, onnx says {theirs}"] if worse else []


def named_apart(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in which every size of every input has a name of its own, and nothing else a shape."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    defaults = {tensor.name for tensor in copy.graph.initializer}
    for at, info in enumerate(copy.graph.input):
        if info.name in defaults:
            continue
        for axis, dim in enumerate(info.type.tensor_type.shape.dim):
            dim.dim_param = f"s{at}_{axis}"
    for info in copy.graph.output:
        if info.type.HasField("tensor_type"):
            info.type.tensor_type.ClearField("shape")
    del copy.graph.value_info[:]
    return copy
