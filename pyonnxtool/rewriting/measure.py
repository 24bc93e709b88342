"""How large a model is, for reports of what a rewrite made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.rewriting.graphs import graphs_under
from pyonnxtool.rewriting.report import Measure

if TYPE_CHECKING:
    from pyonnxtool._core import Model

_SHAPE_OPS = frozenset({"Shape", "Size", "ConstantOfShape", "Range", "If", "Loop"})


def measured(model: Model) -> Measure:
    """Nodes of the model with its bodies and functions, and the bytes of its weights."""
    roots = [model.graph, *(function.graph for function in model.functions)]
    graphs = [graph for root in roots for graph in graphs_under(root)]
    ops = [node.op_type for graph in graphs for node in graph.nodes]
    weights = sum(tensor.nbytes for graph in graphs for tensor in graph.initializers)
    return Measure(len(ops), sum(op in _SHAPE_OPS for op in ops), weights)
