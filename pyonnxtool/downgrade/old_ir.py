"""What old IR versions ask of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import helper

from pyonnxtool.rewriting import Refusal
from pyonnxtool.rewriting.graphs import graphs_of

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Value

_IR_WITH_FREE_INITIALIZERS = 4
"""Before, initializers are default values of inputs, and a body has none."""
_IR_WITH_SPARSE = 5


def ir_version_of(opset: int) -> int:
    """The IR version that came with an opset of ai.onnx (onnx.helper.VERSION_TABLE)."""
    return max(row[1] for row in helper.VERSION_TABLE if row[2] <= opset)


def restated(model: Model, ir_version: int) -> list[Refusal]:
    """Bring the model to the IR version, in place; what it cannot say is refused."""
    model.set_ir_version(ir_version)
    if ir_version < _IR_WITH_FREE_INITIALIZERS:
        for graph in graphs_of(model):
            if graph.parent is not None:
                _lift_initializers(graph, model.graph)
        _declare_initializers(model.graph)
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


def _lift_initializers(body: Graph, main: Graph) -> None:
    """Those of a body become the main graph's, which bodies can read.

    A Constant would be no way: that of old opsets is of floats.
    """
    inputs = {value.name for value in body.inputs}
    for tensor in [one for one in body.initializers if one.name not in inputs]:
        name = main.fresh_name(tensor.name)
        main.set_initializer(tensor, name)
        if body.value(tensor.name).is_output:
            body.remove_initializer(tensor.name)
            body.add_node("Identity", [name], [tensor.name], name=tensor.name)
        else:
            body.replace_uses(tensor.name, name)
            body.remove_initializer(tensor.name)
    body.sort()


def _declare_initializers(main: Graph) -> None:
    inputs = {value.name for value in main.inputs}
    for tensor in main.initializers:
        if tensor.name not in inputs:
            main.add_input(tensor.name, tensor.dtype, tensor.shape)
