"""What bodies are fed turn by turn; sequences; what diff says of a bad Loop."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from pyonnxtool import from_proto
from pyonnxtool.bisection import bisect
from pyonnxtool.diffing import diff
from pyonnxtool.divergence.bodies.turns import branch_taken, turns_of
from pyonnxtool.errors import BackendError
from support.body_models import TEXTS, body_case, body_model
from support.parsed import parsed


def loop_of(text):
    graph = from_proto(body_model(text)).graph
    node = next(node for node in graph.nodes if node.op_type in ("Loop", "Scan"))
    return node, node.attributes["body"]


def fed(node, body, given, made):
    """The inputs of every turn, when the body makes `made` of each."""
    turns = turns_of(node, body, given)
    inputs, seen = next(turns, None), []
    while inputs is not None:
        seen.append(inputs)
        try:
            inputs = turns.send(made(inputs))
        except StopIteration:
            inputs = None
    return seen


def test_a_loop_hands_its_state_on_and_stops_at_its_condition():
    node, body = loop_of(TEXTS["early exit"])
    start = np.zeros((3, 4), np.float32)

    def made(inputs):
        return [np.asarray(int(inputs[0]) < 2), inputs[2] + 1, np.float32(0)]

    seen = fed(node, body, [np.array(30), np.array(True), start], made)
    assert [int(inputs[0]) for inputs in seen] == [0, 1, 2]
    assert [float(inputs[2][0, 0]) for inputs in seen] == [0, 1, 2]


@pytest.mark.parametrize(("count", "going"), [(0, True), (5, False)])
def test_a_loop_may_run_no_iteration_at_all(count, going):
    node, body = loop_of(TEXTS["early exit"])
    given = [np.array(count), np.array(going), np.zeros((3, 4), np.float32)]
    assert fed(node, body, given, lambda inputs: inputs) == []


def test_a_counter_has_the_rank_that_the_body_declares():
    text = TEXTS["early exit"].replace("int64 i, bool going", "int64[1] i, bool[1] going")
    node, body = loop_of(text)
    inputs = next(turns_of(node, body, [np.array([3]), None, np.zeros((3, 4), np.float32)]))
    assert [value.shape for value in inputs] == [(1,), (1,), (3, 4)]


def test_a_scan_slices_along_its_axis_and_backwards():
    node, body = loop_of(TEXTS["scan"])
    state, xs = np.zeros((3, 4), np.float32), np.arange(72, dtype=np.float32).reshape(3, 6, 4)
    seen = fed(node, body, [state, xs], lambda inputs: [inputs[0] + 1, inputs[1]])
    assert len(seen) == 6
    np.testing.assert_array_equal(seen[0][1], xs[:, 5])
    np.testing.assert_array_equal(seen[5][1], xs[:, 0])
    assert seen[5][0][0, 0] == 5


def test_a_scan_of_opset_8_is_refused():
    node, body = loop_of(TEXTS["scan"])
    given = [None, np.zeros((1, 3, 4)), np.zeros((1, 3, 6, 4))]
    with pytest.raises(BackendError, match="a Scan of opset 8 is not looked into"):
        next(turns_of(node, body, given))


def test_the_branch_is_told_by_a_single_element():
    assert branch_taken(np.array([True])) == "then_branch"
    assert branch_taken(np.array(False)) == "else_branch"


def test_diff_says_what_is_inside_a_bad_loop():
    case = body_case("loop")
    broken = body_model(TEXTS["loop"].replace("Where (late, n, m)", "Where (late, k, m)"))
    report = diff(from_proto(case.model), from_proto(broken), inputs=list(case.feeds))
    notes = {row.value: row.note for row in report.values if row.status == "bad"}
    told = "differs first in iteration 4 at `e` in main/n_h.body"
    assert notes == {"h": told, "s0": told}


def test_diff_says_what_differs_between_the_nodes_themselves():
    case = body_case("loop")
    broken = body_model(TEXTS["loop"].replace("trip = {10}", "trip = {9}"))
    report = diff(from_proto(case.model), from_proto(broken), inputs=list(case.feeds))
    notes = [row.note for row in report.values if row.value == "h"]
    assert notes == ["constant 'trip' (input 0) is 9 instead of 10"]


def optimized(model, tmp_path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    return onnx.load(tmp_path / "optimized.onnx")


def test_a_cast_that_an_optimizer_took_out_before_an_if_is_no_reason(tmp_path):
    text = """g (float[3,4] x, bool c) => (float[3,4] y) {
      b = Cast <to = 9> (c)
      y = If (b) <then_branch = t () => (float[3,4] a) { p = Exp (x)  a = Tanh (p) },
                  else_branch = e () => (float[3,4] n) { n = Neg (x) }> }"""
    faulty = optimized(body_model(text.replace("Tanh", "Sin")), tmp_path)
    assert [node.op_type for node in faulty.graph.node] == ["If"]
    feeds = {"x": np.ones((3, 4), np.float32), "c": np.array(True)}
    report = bisect(from_proto(body_model(text)), from_proto(faulty), inputs=feeds)
    assert [culprit.node for culprit in report.culprits] == ["n_a"]


SEQUENCE = """g (float[4,6] x) => (float[4,6] y) <int64 two = {2}, int64 one = {1}> {
  a = Tanh (x)  s = SplitToSequence <axis = 1> (a, two)  p = SequenceAt (s, one)  e = Exp (p)
  t = SequenceInsert (s, e, one)  n = SequenceErase (t, two)
  j = ConcatFromSequence <axis = 1> (n)  y = Neg (j) }"""
SEQUENCE_FAULTS = [
    ("Tanh", "Sin", "a"),
    ("SequenceAt (s, one)", "SequenceAt (s, two)", "p"),
    ("Insert (s, e, one)", "Insert (s, e, two)", "t"),
    ("Erase (t, two)", "Erase (t, one)", "n"),
    ("(n)", "(s)", "j"),
]


@pytest.mark.parametrize(("old", "new", "made"), SEQUENCE_FAULTS)
def test_errors_are_introduced_between_sequences_too(old, new, made):
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    report = bisect(parsed(SEQUENCE), parsed(SEQUENCE.replace(old, new)), inputs={"x": x})
    assert [culprit.outputs for culprit in report.culprits] == [(made,)]


def test_sequences_are_handed_from_chunk_to_chunk():
    text = SEQUENCE.replace("[4,6]", "[600,600]").replace("two = {2}", "two = {300}")
    text = text.replace("Erase (t, two)", "Erase (t, one)").replace("Tanh", "Sin", 0)
    x = np.random.default_rng(0).standard_normal((600, 600)).astype(np.float32)
    wrong = text.replace("Exp (p)", "Abs (p)").replace("Erase (t, one)", "Erase (t, zero)")
    text, wrong = (one.replace("one = {1}", "one = {1}, int64 zero = {0}") for one in (text, wrong))
    whole, cut = (
        diff(parsed(text), parsed(wrong), inputs={"x": x}, memory=memory)
        for memory in ("2GiB", "2MiB")
    )
    assert cut.runs["reference"] > whole.runs["reference"]
    assert [row.introduced for row in cut.values] == [row.introduced for row in whole.values]


def test_maps_are_compared_key_by_key():
    node = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_int64s=[3, 4])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 2])],
        [
            helper.make_value_info(
                "y",
                helper.make_sequence_type_proto(
                    helper.make_map_type_proto(
                        onnx.TensorProto.INT64,
                        helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, []),
                    )
                ),
            )
        ],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    other = onnx.ModelProto()
    other.CopyFrom(model)
    other.graph.node[0].attribute[0].ints[0] = 5
    feeds = {"x": np.ones((2, 2), np.float32)}
    assert diff(from_proto(model), from_proto(model), inputs=feeds).verdict == "same"
    report = diff(from_proto(model), from_proto(other), inputs=feeds)
    assert report.verdict == "different"
    assert "keys" in report.outputs[0].note
