"""What old IR versions ask of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewrite import Refusal
from pyonnxtool.rewrite.placing import graphs_of

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Value

_IR_WITH_FREE_INITIALIZERS = 4
"""Before, initializers are default values of inputs, and a body has none."""
_IR_WITH_SPARSE = 5


def ir_version_of(opset: int) -> int:
    """The IR version that came with an opset of ai.onnx (onnx.helper.VERSION_TABLE)."""
    from onnx import helper  # noqa: PLC0415 - loaded when it is needed

    return max(row[1] for row in helper.VERSION_TABLE if row[2] <= opset)


def restated(model: Model, ir_version: int) -> list[Refusal]:
    """Bring the model to the IR version, in place; what it cannot say is refused."""
    model.set_ir_version(ir_version)
    if ir_version < _IR_WITH_FREE_INITIALIZERS:
        for graph in graphs_of(model):
            _bind_initializers(graph)
    if ir_version >= _IR_WITH_SPARSE:
        return []
    return [
        Refusal("", "", f"sparse initializer {value.name!r}: IR version {ir_version} has none")
        for graph in graphs_of(model)
        for value in graph.values
        if _is_sparse(value)
    ]


def _is_sparse(value: Value) -> bool:
    """Defined, but neither by a node nor by a dense tensor."""
    defined = value.graph.defines(value.name) and not value.is_input
    return defined and value.producer is None and value.initializer is None


def _bind_initializers(graph: Graph) -> None:
    inputs = {value.name for value in graph.inputs}
    for tensor in graph.initializers:
        if tensor.name in inputs:
            continue
        if graph.parent is None:
            graph.add_input(tensor.name, tensor.dtype, tensor.shape)
            continue
        graph.remove_initializer(tensor.name)
        graph.add_node("Constant", [], [tensor.name], name=tensor.name).set_attribute(
            "value", tensor
        )
    graph.sort()
