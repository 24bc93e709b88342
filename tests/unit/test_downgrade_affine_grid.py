"""AffineGrid as a product with a constant grid gives the numbers that onnxruntime gave."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.support.downgraded import check, source


@pytest.mark.parametrize("sizes", [(4, 5), (1, 7), (3, 2, 4), (2, 1, 1)])
@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("known", [True, False])
def test_grids(known: bool, align: int, sizes: tuple[int, ...]) -> None:
    """Images and volumes, of known size or not; three products to a sum, 8 ULP of the largest."""
    axes = len(sizes)
    size = np.array([2, 1, *sizes], np.int64)
    theta = np.random.default_rng(axes).uniform(-1, 1, (2, axes, axes + 1)).astype(np.float32)
    inputs = [helper.make_tensor_value_info("theta", TensorProto.FLOAT, theta.shape)]
    if not known:
        inputs.append(helper.make_tensor_value_info("size", TensorProto.INT64, size.shape))
    graph = helper.make_graph(
        [helper.make_node("AffineGrid", ["theta", "size"], ["grid"], align_corners=align)],
        "g",
        inputs,
        [helper.make_tensor_value_info("grid", TensorProto.FLOAT, [None] * (axes + 2))],
        [numpy_helper.from_array(size, "size")] if known else [],
    )
    imports = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=9)
    feeds = {"theta": theta} | ({} if known else {"size": size})
    for to in (19, 11):
        made = check(model, to, feeds, ulp=8, of="largest")
        assert len(made.graph.node) == 3 or not known


def test_how_many_grids_need_not_be_known() -> None:
    """A size that is computed from a shape of which the run tells how many images there are."""
    made = check(
        source(
            """g (float["n",2,3] theta, float["n",3,4,5] x) => (float["n",4,5,2] grid) {
                 size = Shape (x)
                 grid = AffineGrid (theta, size)
               }""",
            20,
        ),
        19,
        ulp=8,
        of="largest",
    )
    assert [node.op_type for node in made.graph.node] == ["Transpose", "MatMul", "Reshape"]


def test_how_many_axes_there_are_is_told_by_the_list_of_sizes() -> None:
    text = """g (float[N,M,L] theta, int64[4] size) => (float[?,?,?,2] grid) {
      grid = AffineGrid <align_corners = 1> (theta, size) }"""
    theta = np.random.default_rng(0).uniform(-1, 1, (2, 2, 3)).astype(np.float32)
    feeds = {"theta": theta, "size": np.array([2, 1, 1, 3], np.int64)}
    made = check(source(text, 20), 13, feeds, ulp=8, of="largest")
    assert "If" not in [node.op_type for node in made.graph.node]
