"""Defaults that the onnx checker does not know, written out.

The function body of MeanVarianceNormalization reads `axes` from the node itself, and the inference
of STFT's shape reads `onesided` from there: without them the checker of onnx 1.23 refuses the
operator, or the shape that its output is declared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.steps import default_of
from pyonnxtool.op_schemas import plain_domain, schema_at
from pyonnxtool.rewriting.graphs import graphs_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model

_READ_BY_THE_CHECKER = {"MeanVarianceNormalization": "axes", "STFT": "onesided"}


def write_defaults(model: Model, opset: int) -> None:
    """Give the nodes that need it their attribute, in the main graph and in bodies."""
    for graph in graphs_of(model):
        for node in graph.nodes:
            name = _READ_BY_THE_CHECKER.get(node.op_type)
            if name is None or plain_domain(node.domain) or name in node.attributes:
                continue
            schema = schema_at(node.op_type, opset)
            if schema is not None and name in schema.attributes:
                node.set_attribute(name, default_of(schema, name))
