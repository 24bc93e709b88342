"""Models with operators that torch's exporter did not know, and what torch computes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnx
from onnx import helper, numpy_helper

from support.lowered_op import Array

_FOLDER = Path(__file__).parents[2] / "fixtures" / "aten"
EXPORTED_AT = 11


@dataclass(frozen=True)
class Recorded:
    """A graph that was exported at opset 11, its inputs in their order, and the outputs."""

    graph: onnx.GraphProto
    given: Sequence[Array]
    made: Sequence[Array]

    @property
    def feeds(self) -> dict[str, Array]:
        """Name of each input to what it was given."""
        names = [one.name for one in self.graph.input]
        return dict(zip(names, self.given, strict=True))

    def model(self, *, open_sizes: bool = False) -> onnx.ModelProto:
        """The graph as a model; without sizes of its inputs if that is asked for."""
        graph = onnx.GraphProto()
        graph.CopyFrom(self.graph)
        if open_sizes:
            graph.ClearField("value_info")
            for info in (*graph.input, *graph.output):
                for axis, dim in enumerate(info.type.tensor_type.shape.dim):
                    dim.dim_param = f"{info.name}_{axis}"
        imports = [helper.make_opsetid("", EXPORTED_AT), helper.make_opsetid("org.pytorch.aten", 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


@cache
def recorded() -> dict[str, Recorded]:
    """All cases by their names; see fixtures/aten/record.py."""
    return dict(_read())


def _read() -> Iterator[tuple[str, Recorded]]:
    files = sorted(_FOLDER.glob("recorded_*.onnx"))
    for node in [node for file in files for node in onnx.load(file).graph.node]:
        parts = {one.name: one for one in node.attribute}
        given, made = (
            [numpy_helper.to_array(one) for one in parts[name].tensors]
            for name in ("given", "made")
        )
        yield node.name, Recorded(parts["graph"].g, given, made)
