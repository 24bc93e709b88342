"""The activation that onnxruntime has fused into a Conv, Gemm or MatMul."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyonnxtool.rewriting.refusal import Refusal

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.tape import Tape


@dataclass(frozen=True)
class _Kind:
    """An operator of ai.onnx and the attributes that parameters are."""

    op_type: str
    parameters: Mapping[str, float]
    """Name to default, in the order of `activation_params`."""


_KINDS = {
    "Elu": _Kind("Elu", {"alpha": 1.0}),
    "HardSigmoid": _Kind("HardSigmoid", {"alpha": 0.2, "beta": 0.5}),
    "LeakyRelu": _Kind("LeakyRelu", {"alpha": 0.01}),
    "Relu": _Kind("Relu", {}),
    "Selu": _Kind("Selu", {"alpha": 1.6732632, "gamma": 1.0507010}),
    "Sigmoid": _Kind("Sigmoid", {}),
    "Softplus": _Kind("Softplus", {}),
    "Softsign": _Kind("Softsign", {}),
    "Tanh": _Kind("Tanh", {}),
    "ThresholdedRelu": _Kind("ThresholdedRelu", {"alpha": 1.0}),
    "HardSwish": _Kind("HardSwish", {}),
    "Gelu": _Kind("Gelu", {}),
}
_ALONG_AXIS = ("Softmax", "LogSoftmax", "Hardmax")


def activated(node: NodeView, tape: Tape, value: str) -> str | Refusal:
    """The value after the activation of the node's attributes, or the value when there is none.

    Parameters are the attribute `activation_params`, as of convolutions, or `activation_alpha`,
    `_beta` and `_gamma`, as of products; what is not given is the default of ai.onnx.
    """
    name = node.attr_str("activation", "")
    if not name:
        return value
    if name == "Clip":
        return _clipped(node, tape, value)
    if name == "Silu":
        return tape.op("Mul", value, tape.op("Sigmoid", value))
    if name in _ALONG_AXIS:
        return tape.op(name, value, axis=node.attr_int("activation_axis", -1))
    kind = _KINDS.get(name)
    if kind is None:
        return node.refuse(f"its activation {name!r} is not known")
    given: Sequence[float] = node.attr("activation_params", ())
    attributes: dict[str, Any] = {
        parameter: float(given[i]) if i < len(given) else _parameter(node, parameter, default)
        for i, (parameter, default) in enumerate(kind.parameters.items())
    }
    return tape.op(kind.op_type, value, **attributes)


def _parameter(node: NodeView, name: str, default: float) -> float:
    return node.attr_float(f"activation_{name}", default)


def _clipped(node: NodeView, tape: Tape, value: str) -> str | Refusal:
    bounds = node.attr("activation_params")
    if bounds is None or len(bounds) != 2:
        return node.refuse("its activation Clip has no two bounds in `activation_params`")
    dtype = next((one.dtype for one in (*node.inputs[:2], node.out()) if one.dtype), None)
    if dtype is None:
        return node.refuse("the type of its operands is not known, which the bounds of Clip need")
    return tape.op("Clip", value, *(tape.const(one, dtype) for one in bounds))
