"""A node as a small model of its own, to be rewritten there, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from onnx import GraphProto, ModelProto, numpy_helper

from pyonnxtool import _core
from pyonnxtool.rewriting.operand import Operand, home_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node, Tensor
    from pyonnxtool.rewriting.operand import Dim, Facts
    from pyonnxtool.rewriting.tape import Names


def isolated(node: Node, facts: Facts, *, only_read: bool = False) -> Model:
    """A model of this node: what it reads are inputs, or initializers where it is constant.

    Types are declared as far as they are known. Weights are shared, not copied. With `only_read`
    outputs are omitted that nothing reads, as long as something reads another one.
    """
    island = node.alone()
    graph = island.graph
    made_names = _read_outputs(node) if only_read else node.output_names
    if only_read:
        island.graph.nodes[0].set_outputs(made_names)
    read = [*node.input_names, *(value.name for value in node.captured)]
    for name in dict.fromkeys(filter(None, read)):
        operand = Operand(name, node.graph, facts)
        tensor = _constant(operand)
        if tensor is not None:
            graph.set_initializer(tensor, name)
            continue
        graph.add_input(name, operand.dtype, _declarable(operand.dims))
    for name in filter(None, made_names):
        graph.add_output(name)
        made = Operand(name, node.graph, facts)
        if made.dtype is not None:
            graph.declare(name, made.dtype, _declarable(made.dims))
    return island


def _read_outputs(node: Node) -> list[str]:
    """Names of the outputs, "" for those that nothing reads."""
    values = [None if not name else node.graph.value(name) for name in node.output_names]
    read = [one.name if one and (one.consumers or one.is_output) else "" for one in values]
    return read if any(read) else list(node.output_names)


def _constant(operand: Operand) -> Tensor | None:
    home = home_of(str(operand), operand.graph)
    if home is None:
        return None
    value = home.value(str(operand))
    if value.initializer is not None:
        return None if value.is_input else value.initializer
    known = operand.const
    if known is None:
        return None
    proto = GraphProto(initializer=[numpy_helper.from_array(known, str(operand))])
    model = _core.from_bytes(ModelProto(ir_version=10, graph=proto).SerializeToString())
    return model.graph.initializers[0]


def _declarable(dims: Sequence[Dim] | None) -> list[int | str | None] | None:
    if dims is None:
        return None
    return [size if isinstance(size, int | str) else None for size in dims]


def put_back(island: Model, node: Node, names: Names) -> list[Node]:
    """Put the island's nodes in the place of the node that it was made of; these are returned.

    `names` are those of the node's whole model: what the island has made gets new ones. Its
    constants become initializers of the main graph, which bodies can read.
    """
    graph, made = node.graph, island.graph
    main = graph
    while main.parent is not None:
        main = main.parent
    kept = {*node.input_names, *node.output_names, *(value.name for value in node.captured)}
    defined = [name for each in made.order() for name in each.output_names if name]
    renamed = {name: names.fresh(name) for name in defined if name not in kept}
    for tensor in made.initializers:
        if tensor.name not in kept:
            renamed[tensor.name] = names.fresh(tensor.name)
            main.set_initializer(tensor, renamed[tensor.name])
    node.set_outputs([])
    added = [graph.adopt(each, renamed, node) for each in made.order()]
    graph.remove_node(node)
    return added
