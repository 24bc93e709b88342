"""Files list their nodes in any order that they like; what is written lists producers first."""

from __future__ import annotations

import onnx

from support.downgraded import check


def test_nodes_of_a_file_that_is_not_sorted_are_listed_in_order() -> None:
    text = """
    <ir_version: 10, opset_import: ["" : 18]>
    g (float[2,3] x) => (float[2,3] y) { a = HardSwish (x)  y = Relu (a) }
    """
    model = onnx.parser.parse_model(text)
    first, second = model.graph.node
    del model.graph.node[:]
    model.graph.node.extend([second, first])
    made = check(model, 13, ulp=1)
    assert [node.op_type for node in made.graph.node][-1] == "Relu"
