"""The onnx package is asked of a node that has no rule: what it is told, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, defs, helper, numpy_helper

from pyonnxtool import _core, from_proto
from pyonnxtool.onnx_inference import ask_onnx

DOMAIN = "tests.registered"
Parameter = defs.OpSchema.FormalParameter


def tile_of(context: Any) -> None:
    """Output 0: input 0's sizes in another order, and as many more as input 1 says."""
    given = context.get_input_type(0).tensor_type
    made = TensorProto.FLOAT
    dims = list(reversed(given.shape.dim))
    known = context.get_input_data(1)
    more = [] if known is None else numpy_helper.to_array(known).tolist()
    symbolic = context.get_symbolic_input(1)
    shape = onnx.TensorShapeProto()
    shape.dim.extend(dims)
    if known is not None:
        shape.dim.extend(onnx.TensorShapeProto.Dimension(dim_value=size) for size in more)
    elif symbolic is not None:
        shape.dim.extend(symbolic.dim)
    else:
        shape.dim.add()
    output = onnx.TypeProto()
    output.tensor_type.elem_type = made
    output.tensor_type.shape.CopyFrom(shape)
    context.set_output_type(0, output)


@pytest.fixture(autouse=True)
def schema() -> Iterator[None]:
    """An operator of a program that registers what it knows with onnx.defs."""
    made = defs.OpSchema(
        *("Turned", DOMAIN, 1, "Sizes turned around."),
        inputs=[Parameter("x", "T"), Parameter("sizes", "tensor(int64)")],
        outputs=[Parameter("y", "T")],
        type_constraints=[("T", ["tensor(float)"], "")],
    )
    made.set_type_and_shape_inference_function(tile_of)
    defs.register_schema(made)
    yield
    defs.deregister_schema("Turned", 1, DOMAIN)


def model(*before: onnx.NodeProto, sizes: list[int] | None = None) -> _core.Model:
    nodes = [*before, helper.make_node("Turned", ["x", "s"], ["y"], name="turn", domain=DOMAIN)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "h//2", 3])]
    made = {name for node in before for name in node.output}
    weights = [] if sizes is None else [numpy_helper.from_array(np.array(sizes, np.int64), "s")]
    if sizes is None and "s" not in made:
        inputs.append(helper.make_tensor_value_info("s", TensorProto.INT64, [2]))
    graph = helper.make_graph(nodes, "g", inputs, [onnx.ValueInfoProto(name="y")], weights)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return from_proto(helper.make_model(graph, opset_imports=imports, ir_version=8))


def test_names_and_expressions_survive() -> None:
    facts = _core.infer_shapes(model(sizes=[]), ask_onnx)
    assert facts.value("y").dims == [3, "h//2", "batch"]
    assert [node.name for node in facts.without_rule] == ["turn"]
    assert [node.name for node in facts.by_fallback] == ["turn"]


def test_without_a_fallback_nothing_is_known() -> None:
    facts = _core.infer_shapes(model(sizes=[]))
    assert facts.value("y").kind == "unknown"
    assert [node.name for node in facts.without_rule] == ["turn"]
    assert facts.by_fallback == []


def test_constants_are_handed_on() -> None:
    assert _core.infer_shapes(model(sizes=[7, 5]), ask_onnx).value("y").dims[3:] == [7, 5]  # type: ignore[index]


def test_sizes_that_were_computed_are_handed_on() -> None:
    shape = helper.make_node("Shape", ["x"], ["s"])
    facts = _core.infer_shapes(model(shape), ask_onnx)
    assert facts.value("y").dims == [3, "h//2", "batch", "batch", "h//2", 3]


def test_what_onnx_leaves_open_has_a_reason() -> None:
    fact = _core.infer_shapes(model(), ask_onnx).value("y")
    assert fact.dims == [3, "h//2", "batch", None]
    assert fact.reasons == ["node 'turn' (tests.registered.Turned): no rule for this operator"]


def test_a_size_of_the_data_is_the_same_behind_it() -> None:
    found = helper.make_node("NonZero", ["x"], ["places"], name="nz")
    spread = helper.make_node("Cast", ["places"], ["x2"], to=TensorProto.FLOAT)
    turn = helper.make_node("Turned", ["x2", "s"], ["z"], domain=DOMAIN)
    fact = _core.infer_shapes(model(found, spread, turn, sizes=[]), ask_onnx).value("z")
    assert fact.dims is not None
    assert fact.dims[:2] == [None, 3]
    assert fact.reasons == ["node 'nz' (NonZero): the data decides how many are not zero"]


def test_an_operator_that_nobody_knows() -> None:
    nodes = [helper.make_node("Magic", ["x"], ["s"], domain="nobody")]
    facts = _core.infer_shapes(model(*nodes), ask_onnx)
    assert facts.value("s").kind == "unknown"
    assert [node.op_type for node in facts.without_rule] == ["Magic", "Turned"]
    assert [node.op_type for node in facts.by_fallback] == ["Turned"]


def test_bytes_that_are_no_model() -> None:
    assert ask_onnx(b"\xff\xff") is None


def test_an_answer_that_is_no_model_says_nothing() -> None:
    facts = _core.infer_shapes(model(sizes=[]), lambda _: b"\xff\xff")
    assert facts.value("y").kind == "unknown"


def test_an_exception_of_the_fallback_is_the_callers() -> None:
    def fails(_: bytes) -> bytes:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        _core.infer_shapes(model(sizes=[]), fails)


def test_a_node_with_a_body_is_not_asked_of() -> None:
    body = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["n"])], "body", [], [onnx.ValueInfoProto(name="n")]
    )
    node = helper.make_node("Around", ["x"], ["s"], domain="nobody", body=body)
    asked: list[bytes] = []
    _core.infer_shapes(model(node), asked.append)
    assert len(asked) == 1  # of Turned alone
