"""One custom operator, lowered at several opsets, beside what it gives by itself or should give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool.errors import Refused
from support.downgraded import run_ort

OPSETS = (11, 13, 17, 20, 23)
NEWEST = 26
"""The newest opset that every onnxruntime here runs."""
IR_VERSION = 8

Array = NDArray[Any]


def model_of(
    operator: str,
    inputs: Sequence[Array | None],
    outputs: int | Sequence[bool] = 1,
    *,
    opset: int = 17,
    constant: Sequence[int] = (),
    open_sizes: bool = False,
    types: Sequence[int] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """A model of "DOMAIN::OP" alone, whose inputs are x0, x1, ... and whose outputs are y0, y1, ...

    None is an omitted input. Those at the places `constant` are initializers. With `open_sizes` no
    size of an input is known. `types` are the element types of the outputs, float unless given.
    """
    domain, _, op_type = operator.rpartition("::")
    wanted = [True] * outputs if isinstance(outputs, int) else list(outputs)
    names = [f"x{i}" if one is not None else "" for i, one in enumerate(inputs)]
    made = [f"y{i}" if one else "" for i, one in enumerate(wanted)]
    node = helper.make_node(op_type, names, made, "op", domain=domain, **attributes)
    fed, weights = [], []
    for i, array in enumerate(inputs):
        if array is None:
            continue
        if i in constant:
            weights.append(numpy_helper.from_array(array, f"x{i}"))
            continue
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        sizes = [f"d{i}_{axis}" for axis in range(array.ndim)] if open_sizes else array.shape
        fed.append(helper.make_tensor_value_info(f"x{i}", kind, sizes))
    kinds = types or [TensorProto.FLOAT] * len(made)
    out = [
        helper.make_tensor_value_info(name, kind, None)
        for name, kind in zip(made, kinds, strict=True)
        if name
    ]
    imports = [helper.make_opsetid("", opset)]
    if domain not in ("", "ai.onnx"):
        imports.append(helper.make_opsetid(domain, 1))
    graph = helper.make_graph([node], "g", fed, out, weights)
    return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)


def feeds_of(inputs: Sequence[Array | None], constant: Sequence[int] = ()) -> Mapping[str, Array]:
    """What `model_of` of the same inputs is fed."""
    return {
        f"x{i}": array for i, array in enumerate(inputs) if array is not None and i not in constant
    }


def lowered(model: onnx.ModelProto, **options: Any) -> onnx.ModelProto:
    """The model in operators of ai.onnx, valid for the onnx checker. Raises Refused."""
    made = pot.to_proto(pot.lower(pot.from_proto(model), **options).model)
    onnx.checker.check_model(made, full_check=True)
    assert [one.domain for one in made.opset_import] == [""]
    return made


def refusal(model: onnx.ModelProto, **options: Any) -> str:
    """The text of the refusal; fails when it is not refused."""
    try:
        lowered(model, **options)
    except Refused as error:
        return str(error)
    raise AssertionError("it was not refused")


def check(
    operator: str,
    inputs: Sequence[Array | None],
    outputs: int | Sequence[bool] = 1,
    *,
    expected: Sequence[Array] | None = None,
    opsets: Sequence[int] = OPSETS,
    ulp: float = 8,
    expand: Sequence[str] = (),
    **options: Any,
) -> float:
    """Lower the operator at each opset and compare; the largest error, in units of `eps * scale`.

    Without `expected` onnxruntime runs the operator itself. Floats may differ by `ulp` times the
    dtype's epsilon, of the largest magnitude of the output; whatever is no float is equal. Shapes
    and dtypes are the same. `expand` are operators of ai.onnx that are not to be left.
    """
    worst = 0.0
    constant = options.get("constant", ())
    for opset in opsets:
        model = model_of(operator, inputs, outputs, opset=opset, **options)
        fed = feeds_of(inputs, constant)
        wanted = run_ort(model, fed) if expected is None else expected
        _declare(model, wanted, open_sizes=options.get("open_sizes", False))
        made = lowered(model, expand=expand)
        assert not {node.op_type for node in made.graph.node} & set(expand)
        found = run_ort(made, fed)
        for place, (ours, theirs) in enumerate(zip(wanted, found, strict=True)):
            apart = distance(np.asarray(ours), np.asarray(theirs))
            assert apart <= ulp, f"opset {opset}, output {place}: {apart:.3g} eps of its scale"
            worst = max(worst, apart)
    return worst


def _declare(model: onnx.ModelProto, values: Sequence[Array], *, open_sizes: bool) -> None:
    """The checker wants shapes of outputs: sizes where inputs have some, else the rank."""
    for info, value in zip(model.graph.output, values, strict=True):
        tensor = info.type.tensor_type
        tensor.shape.CopyFrom(onnx.TensorShapeProto())
        for size in np.shape(value):
            dim = tensor.shape.dim.add()
            if not open_sizes:
                dim.dim_value = size


def distance(expected: Array, found: Array) -> float:
    """Largest difference in units of the dtype's epsilon times the largest magnitude.

    Infinite where dtypes, shapes, places of NaN or values that are no floats differ.
    """
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return float("inf")
    if expected.dtype.kind != "f":
        return 0.0 if np.array_equal(expected, found) else float("inf")
    ours, theirs = expected.astype(np.float64), found.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    if same.all():
        return 0.0
    finite = np.isfinite(ours)
    if not (finite == np.isfinite(theirs)).all() or not same[~finite].all():
        return float("inf")
    scale = float(np.abs(ours[finite]).max())
    off = float(np.abs(ours[finite] - theirs[finite]).max())
    return off / (scale * float(np.finfo(expected.dtype).eps)) if scale else float("inf")
