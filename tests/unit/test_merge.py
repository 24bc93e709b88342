"""Two models become one: what is joined, what gives way, and what does not go together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import _core
from pyonnxtool.errors import BackendError, ModelError, UsageError
from support.parsed import parsed

FIRST = """
<ir_version: 8, opset_import: ["" : 17], metadata_props: ["who": "me", "left": "l"]>
encoder (float[n,3] input, float[n,3] mask) => (float[n,3] output, float[n,3] aux)
<float[3] w = {1, 2, 3}> {
   [mul] h = Mul (input, w)
   [relu] t = Relu (h)
   [add] output = Add (t, mask)
   [neg] aux = Neg (mask)
}
"""
SECOND = """
<ir_version: 8, opset_import: ["" : 17], metadata_props: ["who": "you", "right": "r"]>
head (float[m,3] input, float[m,3] bias) => (float[m,3] output)
<float[3] w = {4, 5, 6}> {
   [mul] h = Mul (input, w)
   [last] output = Sub (h, bias)
}
"""


def first() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(FIRST))


def second() -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(SECOND))


def ports(model: pot.Model) -> list[tuple[str, Any]]:
    graph = model.graph
    return [(one.name, one.shape) for one in [*graph.inputs, *graph.outputs]]


def checked(model: pot.Model) -> None:
    onnx.checker.check_model(pot.to_proto(model), full_check=True)
    assert not model.graph.verify()


def verified(*given: Any, **asked: Any) -> pot.Model:
    made = pot.merge(*given, verify=2, **asked)
    assert made.report.verification is not None
    assert {row.status for row in made.report.verification.outputs} == {"ok"}
    checked(made.model)
    return made.model


def test_an_output_goes_into_an_input() -> None:
    given = first()
    made = pot.merge(given, second(), {"output": "input"}, verify=2)
    checked(made.model)
    assert made.report.verification is not None
    assert {row.value for row in made.report.verification.outputs} == {"output", "aux"}
    assert ports(made.model) == [
        (name, ("n", 3)) for name in ("input", "mask", "bias", "aux", "output")
    ]
    assert made.model.graph.name == "encoder_head"
    assert made.model.metadata == {"who": "me", "left": "l", "right": "r"}
    report = made.report
    assert {one.rule: one.count for one in report.changes} == {
        "inputs joined": 1,
        "nodes added": 2,
        "values that got another name": 3,
        "outputs removed": 1,
    }
    assert [(one.value, one.old_value) for one in report.value_map] == [("output_1", "output")]
    assert {(one.value, one.old_value) for one in report.second_map} == {("w_1", "w"), ("h_1", "h")}
    assert report.notes == ("metadata 'who' is the first model's; the second had another text",)
    names = [node.name for node in made.model.graph.nodes]
    assert names == ["mul", "relu", "add", "neg", "mul_1", "last"]
    assert ports(given) == ports(first())


def test_without_a_map_by_name_or_the_only_ones() -> None:
    ours = parsed("g (float[2] x) => (float[2] y) { y = Relu (x) }")
    theirs = parsed("g (float[2] a) => (float[2] b) { b = Neg (a) }")
    assert [node.input_names for node in verified(ours, theirs).graph.nodes] == [["x"], ["y"]]
    named = parsed("g (float[2] y, float[2] z) => (float[2] b) { b = Sub (y, z) }")
    assert [value.name for value in verified(ours, named).graph.inputs] == ["x", "z"]
    told = (
        "say which output of the first model goes into which input of the second: the first makes "
        "'output' float32[n,3], 'aux' float32[n,3]; the second takes 'input' float32[m,3], 'bias' "
        "float32[m,3]; or put them side by side"
    )
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.merge(first(), second())


def test_inputs_are_shared_and_values_inside_are_read() -> None:
    pairs = [("h", "input"), ("mask", "bias")]
    made = verified(first(), second(), pairs, prefix_second="b/")
    assert [name for name, _ in ports(made)] == ["input", "mask", "output", "aux", "b/output"]
    assert made.graph.node("b/mul").input_names == ["h", "b/w"]
    both = verified(first(), second(), [("h", "input"), ("h", "bias")], drop=["*"])
    assert [node.name for node in both.graph.nodes] == ["mul", "mul_1", "last"]
    weight = parsed("g (float[3] a) => (float[3] b) { b = Neg (a) }")
    assert verified(first(), weight, {"w": "a"}).graph.nodes[-1].input_names == ["w"]


def test_many_are_joined_by_a_glob() -> None:
    text = """
    g (float[2] x, float[2] past.0, float[2] past.1) => (float[2] present.0, float[2] present.1)
    { present.0 = Add (x, past.0) present.1 = Mul (x, past.1) }
    """
    step = parsed(re.sub(r"(\w+\.\d)", r'"\1"', text))
    made = verified(step, step, {"present.*": "past.*", "x": "x"}, prefix_first="first/")
    assert [value.name for value in made.graph.inputs] == [
        "first/x",
        "first/past.0",
        "first/past.1",
    ]
    assert [value.name for value in made.graph.outputs] == ["present.0", "present.1"]
    with pytest.raises(UsageError, match="there is no input of the second model called 'q0'"):
        pot.merge(step, step, {"present.*": "q*"})


def test_outputs_are_kept_and_dropped() -> None:
    asked = {"output": "input", "aux": "bias"}
    kept = verified(first(), second(), asked, keep=["aux"], prefix_second="s.")
    assert [value.name for value in kept.graph.outputs] == ["aux", "s.output"]
    prefixed = pot.merge(first(), second(), asked, keep=["out*"], prefix_first="f.")
    assert [value.name for value in prefixed.model.graph.outputs] == ["f.output", "output"]
    assert ("f.h", "h") in [(one.value, one.old_value) for one in prefixed.report.value_map]
    dropped = verified(first(), second(), {"output": "input"}, drop=["aux"])
    assert [node.name for node in dropped.graph.nodes] == ["mul", "relu", "add", "mul_1", "last"]


def test_side_by_side() -> None:
    made = pot.merge(first(), second(), [], prefix_second="b_", verify=1)
    assert ports(made.model)[2:4] == [("b_input", ("m", 3)), ("b_bias", ("m", 3))]
    again = pot.merge(first(), first(), [], prefix_second="b_", verify=1)
    assert ports(again.model)[2:4] == [("b_input", ("n_1", 3)), ("b_mask", ("n_1", 3))]
    assert again.report.notes == (
        "nothing says that these sizes of the second model are the first's, so they have names of "
        "their own: 'n' is 'n_1'",
    )


def test_sizes_follow() -> None:
    ours = parsed("g (float[batch,4] x) => (float[batch,4] y) { y = Relu (x) }")
    theirs = parsed(
        """
        g (float[b,c] x2, float[batch] other) => (float[b,c] z, float[batch] o)
        <float[b,c] h, float[d,c] unread> {
          h = Neg (x2)
          z = If (cond) <then_branch = t () => (float[b,c] t1) <float[b,c] t0>
                           { t0 = Abs (h) t1 = Neg (t0) },
                         else_branch = e () => (float[b,c] e1) { e1 = Neg (h) }>
          cond = Constant <value = bool {1}> ()
          o = Exp (other)
        }
        """
    )
    theirs.graph.sort()
    made = verified(ours, theirs, {"y": "x2"})
    assert ports(made) == [
        ("x", ("batch", 4)),
        ("other", ("batch_1",)),
        ("z", ("batch", 4)),
        ("o", ("batch_1",)),
    ]
    assert made.graph.value("h").shape == ("batch", 4)
    body = made.graph.value("z").producer.subgraphs[0]  # type: ignore[union-attr]
    assert body.value("t0").shape == ("batch", 4)


def test_what_sizes_have_to_be_is_told() -> None:
    ours = parsed("g (float[n,k] x) => (float[n,k] y) { y = Relu (x) }")
    theirs = parsed("g (float[1,s] a, float[s] b) => (float[1,s] c) { c = Add (a, b) }")
    made = pot.merge(ours, theirs, [("y", "a"), ("x", "b")][:1])
    assert made.report.notes == ("the size 'n' of 'y' has to be 1",)
    square = parsed("g (float[s,s] a) => (float[s,s] c) { c = Neg (a) }")
    assert pot.merge(ours, square).report.notes == ("n and k have to be the same: both are 's'",)


def test_names_in_bodies_give_way() -> None:
    ours = parsed(
        """
        g (float[2] x, bool c) => (float[2] y) {
          y = If (c) <then_branch = t () => (float[2] u) { v = Abs (x) u = Neg (v) },
                      else_branch = e () => (float[2] w) { w = Neg (x) }>
        }
        """
    )
    theirs = parsed(
        """
        g (float[2] a, bool c2) => (float[2] z) {
          v = Exp (a)
          z = If (c2) <
            then_branch = t () => (float[2] y2) { x = Abs (v) u = Add (x, a) y2 = Neg (u) },
            else_branch = e () => (float[2] w) { w = Neg (v) }
          >
        }
        """
    )
    made = verified(ours, theirs, {"y": "a"})
    bodies = made.graph.value("z").producer.subgraphs  # type: ignore[union-attr]
    assert [node.input_names for node in bodies[0].nodes] == [["v_1"], ["x_1", "y"], ["u_1"]]
    assert [value.name for value in bodies[1].outputs] == ["w_1"]


def test_sparse_weights_and_texts_come_along() -> None:
    proto = onnx.parser.parse_model(SECOND)
    values = numpy_helper.from_array(np.array([2.0], np.float32), "w")
    indices = numpy_helper.from_array(np.array([1], np.int64), "w_indices")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3]))
    del proto.graph.initializer[:]
    proto.graph.output[0].doc_string = "the end"
    proto.graph.input[1].doc_string = "added"
    proto.graph.value_info.append(helper.make_tensor_value_info("h", 1, ["m", 3]))
    proto.graph.value_info[0].doc_string = "product"
    made = pot.merge(first(), pot.from_proto(proto), {"output": "input"}).model
    assert made.graph.value("w_1").producer is not None
    texts = {value.name: value.doc_string for value in made.graph.values if value.doc_string}
    assert texts == {"output": "the end", "bias": "added", "h_1": "product"}
    assert made.graph.value("h_1").shape == ("n", 3)


def test_an_input_that_is_an_output_too() -> None:
    theirs = parsed("g (float[n,3] p) => (float[n,3] p, float[n,3] q) { q = Neg (p) }")
    made = verified(first(), theirs, {"output": "p"})
    assert [value.name for value in made.graph.outputs] == ["aux", "p", "q"]
    assert made.graph.value("p").producer.op_type == "Identity"  # type: ignore[union-attr]


def test_sequences_are_joined() -> None:
    ours = parsed("g (float[4] x) => (seq(float[1]) s) { s = SplitToSequence <axis = 0> (x) }")
    theirs = parsed("g (seq(float[1]) t) => (float[k] y) { y = ConcatFromSequence <axis = 0> (t) }")
    assert [node.op_type for node in verified(ours, theirs).graph.nodes] == [
        "SplitToSequence",
        "ConcatFromSequence",
    ]


def test_half_precision_is_rounded_between_the_models() -> None:
    weight = numpy_helper.from_array(np.linspace(-1, 1, 4096).reshape(64, 64).astype(np.float16))
    weight.name = "w"
    models = []
    for name, op in (("x", "Relu"), ("h", "Sigmoid")):
        proto = onnx.parser.parse_model(
            f"""<ir_version: 8, opset_import: ["" : 17]>
            g (float16[8,64] {name}) => (float16[8,64] {name}2, float[8,64] {name}3)
            {{ m = MatMul ({name}, w) {name}2 = {op} (m) {name}3 = Cast <to = 1> ({name}2) }}"""
        )
        proto.graph.initializer.append(weight)
        models.append(pot.from_proto(proto))
    verified(*models, {"x2": "h"}, drop=["x3"])


def saved(folder: Path, name: str, size: int) -> Path:
    folder.mkdir(exist_ok=True)
    weight = numpy_helper.from_array(np.full((size, size), size, np.float32), "large")
    proto = onnx.parser.parse_model(
        f"<ir_version: 8, opset_import: ['' : 17]> g (float[{size}] x) => (float[{size}] y) "
        "{ h = Mul (x, x) y = MatMul (h, large) }".replace("'", '"')
    )
    proto.graph.initializer.append(weight)
    path = folder / f"{name}.onnx"
    onnx.save(proto, path, save_as_external_data=True, location=f"{name}.data", size_threshold=0)
    return path


def test_external_data_stays_where_it_is(tmp_path: Path) -> None:
    one, two = saved(tmp_path, "one", 64), saved(tmp_path, "two", 64)
    made = pot.merge(one, two, verify=1)
    made.model.save(str(tmp_path / "both.onnx"))
    assert {path.name for path in tmp_path.iterdir()} == {
        *("one.onnx", "one.data", "two.onnx", "two.data", "both.onnx"),
    }
    places = [tensor.location for tensor in pot.load(tmp_path / "both.onnx").graph.initializers]
    assert places == [(str(tmp_path / f"{name}.data"), 0, 64 * 64 * 4) for name in ("one", "two")]


def test_external_data_of_two_folders(tmp_path: Path) -> None:
    one, two = saved(tmp_path / "a", "net", 64), saved(tmp_path / "b", "net", 64)
    made = pot.merge(one, two, verify=1)
    assert made.report.verification is not None
    made.model.save(str(tmp_path / "a" / "both.onnx"), force=True)
    found = pot.load(tmp_path / "a" / "both.onnx").graph.initializers
    assert [tensor.numpy()[0, 0] for tensor in found] == [64, 64]


def test_a_model_that_does_not_run_cannot_be_verified() -> None:
    theirs = parsed("g (float[n,3] p) => (float[n,3] q) { q = custom.Some (p) }")
    with pytest.raises(BackendError, match="merge: the second model does not run here: "):
        pot.merge(first(), theirs, {"output": "p"}, verify=1)


def test_a_new_model_that_computes_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = _core.put_beside

    def wrong(*given: Any) -> Any:
        made, sizes = right(*given)
        made.graph.node("last").set_op_type("Add")
        return made, sizes

    monkeypatch.setattr(_core, "put_beside", wrong)
    with pytest.raises(pot.Refused, match="output 'output' differs: max abs"):
        pot.merge(first(), second(), {"output": "input"}, verify=1)


def head(text: str) -> pot.Model:
    return parsed(f"g ({text} p) => (q) {{ q = Identity (p) }}")


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (
            "float16[n,3]",
            "'output' (made by node 'add' (Add)) does not fit: it is float32[n,3], and the input "
            "'p' takes float16[n,3]; make them alike with `pyonnxtool set-io --dtype`",
        ),
        ("float[n,4]", "it is [n,3], and the input 'p' takes [n,4]"),
        ("float[n,3,1]", "it is [n,3], and the input 'p' takes [n,3,1]"),
        ("seq(float)", "it is float32[n,3], and the input 'p' takes sequence(float32)"),
    ],
)
def test_what_does_not_fit(theirs: str, told: str) -> None:
    with pytest.raises(pot.Refused, match=re.escape(told)):
        pot.merge(first(), head(theirs), {"output": "p"})


def test_all_that_does_not_fit_is_told() -> None:
    theirs = parsed("g (float[s] a, float[s] b, int64[2] c) => (float[s] d) { d = Add (a, b) }")
    ours = parsed(
        "g (float[4] x, float[5] y) => (float[4] u, float[5] v) { u = Neg (x) v = Neg (y) }"
    )
    with pytest.raises(pot.Refused) as caught:
        pot.merge(ours, theirs, {"u": "a", "v": "b", "x": "c"})
    assert len(caught.value.refusals) == 2
    assert "the size 's' of the second model would be 4 and 5" in str(caught.value)
    inside = parsed("g (float[r,c] a) => (z) <float[7,2] w> { z = MatMul (a, w) }")
    inside.graph.set_initializer(np.zeros((7, 2), np.float32), "w")
    with pytest.raises(pot.Refused, match=r"(?s)merge was refused for 1 reason.*MatMul"):
        pot.merge(first(), inside, {"output": "a"})


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"joined": {"outputs": "input"}}, "there is no value of the first model called 'outputs'"),
        ({"joined": {"output": "inputs"}}, "there is no input of the second model called 'inputs'"),
        (
            {"joined": [("output", "input"), ("aux", "input")]},
            "the input 'input' of the second model would be both 'output' and 'aux' of the first",
        ),
        (
            {"joined": {"output": "bias"}},
            "both models have an input 'input': join input=input to feed both with one, or give a "
            "prefix for the second model's names",
        ),
        (
            {"joined": {"output": "input"}, "keep": ["output"]},
            "the first model has an output 'output' and the second an output 'output': give a "
            "prefix for the second model's names, or drop the first's",
        ),
        ({"joined": {"output": "input"}, "keep": ["x"]}, "there is no output of the first model"),
        (
            {"joined": {"output": "input"}, "drop": ["*"], "keep": ["aux"]},
            "the output 'aux' is to be kept and to be dropped",
        ),
    ],
)
def test_what_cannot_be(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.merge(first(), second(), **asked)


def test_what_nothing_makes_is_not_found_in_the_other_model() -> None:
    theirs = parsed("g (float[n,3] p) => (float[n,3] q) { q = Add (p, h) }")
    with pytest.raises(ModelError, match="the second model reads 'h', which nothing in it makes"):
        pot.merge(first(), theirs, {"output": "p"})
