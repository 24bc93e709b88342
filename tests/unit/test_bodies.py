"""Inside If, Loop and Scan: the node, the path of its body, and the first iteration."""

from __future__ import annotations

import numpy as np
import pytest

from pyonnxtool import _core, from_proto
from pyonnxtool.bisection import bisect
from pyonnxtool.errors import BackendError, ModelError
from support.body_models import TEXTS, body_case, body_model
from support.disguise import disguise


def found(name, *change, sample=None):
    """The report for a model of TEXTS against itself with one text replaced by another."""
    case = body_case(name)
    text = TEXTS[name]
    for old, new in change:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    feeds = list(case.feeds) if sample is None else [case.feeds[sample]]
    return bisect(from_proto(case.model), from_proto(body_model(text)), inputs=feeds)


def only_culprit(report):
    assert report.verdict == "fault", report.reason
    (culprit,) = report.culprits
    return culprit


LOOP_FAULTS = [
    (("k = Mul (h_in, half)", "k = Div (h_in, half)"), "n_k", 0, "Div instead of Mul"),
    (("half = {0.5}", "half = {0.6}"), "n_k", 0, "constant 'half' (input 1) is 0.6"),
    (("l = Add (k, d)", "l = Add (k, c)"), "n_l", 0, "input 1 reads 'c', which is the reference"),
    (("Softmax <axis = 1>", "Softmax <axis = 0>"), "n_h_out", 0, "attribute axis differs: 0"),
    (("Where (late, n, m)", "Where (late, k, m)"), "n_e", 4, "input 1 reads 'k', which is the"),
    (("three = {3}", "three = {5}"), "n_late", 4, "constant 'three' (input 1) is 5 instead of 3"),
    (("Sub (h_out, k)", "Sub (k, h_out)"), "n_scanned", 0, "input 0 reads 'k'"),
]


@pytest.mark.parametrize(("change", "node", "iteration", "why"), LOOP_FAULTS)
def test_the_node_and_the_first_iteration_of_a_loop(change, node, iteration, why):
    culprit = only_culprit(found("loop", change))
    assert (culprit.node, culprit.graph) == (node, "main/n_h.body")
    assert culprit.iteration == iteration
    assert why in culprit.why
    assert f"first in iteration {iteration} of 10 (counted from 0)" in culprit.why


def test_it_says_how_many_iterations_differ():
    culprit = only_culprit(found("loop", ("Where (late, n, m)", "Where (late, k, m)")))
    assert culprit.why.endswith("first in iteration 4 of 10 (counted from 0), 6 of them differ")


NODES_THEMSELVES = [
    ("loop", ("trip = {10}", "trip = {9}"), "n_h", "constant 'trip' (input 0) is 9 instead of 10"),
    ("loop", ("(trip, t, x)", "(trip, t, d)"), "n_h", "input 2 reads 'd', which is the reference"),
    (
        "scan",
        ("scan_input_directions = [1]", "scan_input_directions = [0]"),
        "n_y0",
        "attribute scan_input_directions differs: [0] instead of [1]",
    ),
]


@pytest.mark.parametrize(("name", "change", "node", "why"), NODES_THEMSELVES)
def test_what_is_wrong_with_the_node_itself_is_not_looked_for_inside(name, change, node, why):
    culprit = only_culprit(found(name, change))
    assert (culprit.node, culprit.graph, culprit.iteration) == (node, "main", None)
    assert culprit.why.startswith(why)
    assert culprit.why.endswith("given the reference's values, its body computes the same")


OTHER_BODIES = [
    ("early exit", ("v = Sin (z)", "v = Cos (z)"), "n_v", "main/n_y0.body", 0),
    ("early exit", ("most = {40.0}", "most = {20.0}"), "n_go", "main/n_y0.body", 2),
    ("scan", ("u = Mul (x, a)", "u = Mul (x, w)"), "n_u", "main/n_y0.body", 0),
    ("scan", ("v = Sub (u, h)", "v = Sub (h, u)"), "n_v", "main/n_y0.body", 0),
    ("branches", ("p = Exp (d)", "p = Exp (z)"), "n_p", "main/n_r.then_branch", None),
    ("branches", ("ey = Sin (q2)", "ey = Cos (q2)"), "n_ey", "main/n_r.else_branch", None),
    (
        "nested",
        ("iw = Div (u, h)", "iw = Div (u, x)"),
        "n_iw",
        "main/n_y0.then_branch/n_ty.body/n_w.then_branch",
        1,
    ),
    ("nested", ("Sub (w, d)", "Sub (w, h)"), "n_h_out", "main/n_y0.then_branch/n_ty.body", 0),
    ("sequences", ("last = {-1}", "last = {0}"), "n_p", "main/n_s.body", 1),
    ("sequences", ("q = Tanh (p)", "q = Sin (p)"), "n_q", "main/n_s.body", 0),
]


@pytest.mark.parametrize(("name", "change", "node", "graph", "iteration"), OTHER_BODIES)
def test_scans_branches_and_bodies_in_bodies(name, change, node, graph, iteration):
    culprit = only_culprit(found(name, change))
    assert (culprit.node, culprit.graph, culprit.iteration) == (node, graph, iteration)


@pytest.mark.parametrize("look", ["renamed", "reordered", "noops", "to_weights", "all_renamed"])
@pytest.mark.parametrize("name", [name for name in TEXTS if name != "functions"])
def test_a_disguised_copy_is_the_same_and_its_fault_is_found(name, look):
    case = body_case(name)
    copy = disguise(case.model, look, np.random.default_rng(0)).model
    assert bisect(from_proto(case.model), from_proto(copy), inputs=list(case.feeds)).verdict == (
        "same"
    )


def test_a_node_that_runs_in_another_iteration_is_found_in_a_disguise():
    case = body_case("loop")
    broken = body_model(TEXTS["loop"].replace("Where (late, n, m)", "Where (late, k, m)"))
    worn = disguise(broken, "all_renamed", np.random.default_rng(0))
    culprit = only_culprit(
        bisect(from_proto(case.model), from_proto(worn.model), inputs=list(case.feeds))
    )
    assert (culprit.node, culprit.iteration) == (worn.node("n_e"), 4)


def test_another_branch_is_blamed_on_what_makes_the_condition():
    change = ("c = Greater (m, zero)", "c = Less (m, zero)")
    culprit = only_culprit(found("branches", change))
    assert culprit.node == "n_c"
    assert culprit.why.endswith("so 'n_r' takes another branch")


def test_rounding_that_a_loop_amplifies_is_drift():
    """Dividing by 3 and multiplying by a third round otherwise; the logistic map is chaotic."""
    text = """g (float[3,4] x) => (float[3,4] y) <int64 trip = {60}, bool t = {1}> {
      h = Loop (trip, t, x) <body = b (int64 i, bool going, float[3,4] h_in)
        => (bool go, float[3,4] h_out)
        <float three = {3.0}, float third = {0.3333333432674408}, float r = {3.9},
         float one = {1.0}> {
          go = Identity (going)  a = OP  b = Mul (a, three)  c = Sub (one, b)  d = Mul (b, c)
          h_out = Mul (d, r) }>
      y = Relu (h) }"""
    ours = body_model(text.replace("OP", "Div (h_in, three)"))
    theirs = body_model(text.replace("OP", "Mul (h_in, third)"))
    x = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4)).astype(np.float32)
    report = bisect(from_proto(ours), from_proto(theirs), inputs={"x": x})
    assert report.verdict == "drift"
    assert report.outputs[0].accumulated["max_abs"] > 0.1


def test_nan_inside_a_body_starts_where_it_is_made():
    change = ("l = Add (k, d)", "z = Sub (d, d)  q = Div (z, z)  l = Add (k, q)")
    culprit = only_culprit(found("loop", change))
    assert culprit.node in ("n_z", "n_q", "n_l")
    assert (culprit.graph, culprit.iteration) == ("main/n_h.body", 0)


def test_two_faults_of_one_body_are_both_named():
    report = found("loop", ("m = Tanh (l)", "m = Sin (l)"), ("(h_out, k)", "(k, h_out)"))
    assert {culprit.node for culprit in report.culprits} == {"n_m", "n_scanned"}
    assert {culprit.iteration for culprit in report.culprits} == {0}


def test_another_number_of_loop_values_is_the_reason():
    text = TEXTS["loop"].replace("Loop (trip, t, x)", "Loop (trip, t, x, d)")
    text = text.replace("h, s0 =", "h, more, s0 =").replace("h_in)\n", "h_in, float[3,4] w)\n")
    text = text.replace("h_out, float[3,4] sc", "h_out, float[3,4] w_out, float[3,4] sc")
    text = text.replace("m = Tanh (l)", "w_out = Sin (w)  m = Tanh (w)")
    case = body_case("loop")
    report = bisect(from_proto(case.model), from_proto(body_model(text)), inputs=list(case.feeds))
    assert report.verdict == "fault"
    assert "its body takes 4 values and makes 4, the reference's takes 3 and makes 3" in (
        report.culprits[0].why
    )


def test_an_unrolled_loop_is_one_region_with_a_reason():
    unrolled = """g (float[3,4] x) => (float[3,4] y) <float half = {0.5}> {
      a = Mul (x, half)  b = Tanh (a)  c = Mul (b, half)  d = Tanh (c)  y = Neg (d) }"""
    looped = """g (float[3,4] x) => (float[3,4] y) <int64 trip = {2}, bool t = {1}> {
      d = Loop (trip, t, x) <body = b (int64 i, bool going, float[3,4] h)
        => (bool go, float[3,4] h_out) <float half = {0.6}> {
          go = Identity (going)  k = Mul (h, half)  h_out = Tanh (k) }>
      y = Neg (d) }"""
    feeds = {"x": np.ones((3, 4), np.float32)}
    report = bisect(from_proto(body_model(unrolled)), from_proto(body_model(looped)), inputs=feeds)
    assert only_culprit(report).why == "the reference has no counterpart of this Loop"


def test_a_body_is_a_model_of_its_own():
    model = from_proto(body_case("nested").model)
    branch = next(node for node in model.graph.nodes if node.op_type == "If")
    body, inputs, captured, outputs = _core.body_model(model, branch.id, "then_branch")
    assert (inputs, captured, outputs) == ([], ["x", "d"], ["ty", "to"])
    assert [value.name for value in body.graph.inputs] == ["x", "d"]
    assert {tensor.name for tensor in body.graph.initializers} == {"trip", "t", "two"}
    assert body.verify() == []
    loop = body.graph.nodes[-1]
    assert [value.name for value in loop.captured] == ["two", "d"]


def test_outputs_that_nothing_makes_get_an_identity():
    text = """g (float[2] x, bool c) => (float[2] y, float[2] z) {
      y, z = If (c) <then_branch = t () => (float[2] a, float[2] b) { a = Neg (x)  b = Abs (x) },
                     else_branch = e () => (float[2] x, float[2] x) { }> }"""
    model = from_proto(body_model(text))
    node = model.graph.nodes[0]
    body, _, captured, outputs = _core.body_model(model, node.id, "else_branch")
    assert captured == ["x"]
    assert outputs == ["output:x", "output:x_1"]
    assert [node.op_type for node in body.graph.nodes] == ["Identity", "Identity"]


def test_errors_of_body_model():
    model = from_proto(body_case("loop").model)
    loop = next(node for node in model.graph.nodes if node.op_type == "Loop")
    with pytest.raises(ModelError, match="the node has no body 'then_branch'"):
        _core.body_model(model, loop.id, "then_branch")
    with pytest.raises(ModelError, match="value 'x': no dtype is called 'float33'"):
        _core.body_model(model, loop.id, "body", {"x": "float33"})
    with pytest.raises(ModelError, match="the graph has no value 'nothing'"):
        _core.body_model(model, loop.id, "body", {}, ["nothing"])


def test_a_fault_in_a_chaotic_loop_is_found_all_the_same():
    """The Loop as a whole is ill-conditioned; the node that narrows is wrong in any case."""
    text = """g (float[3,4] x) => (float[3,4] y) <int64 trip = {60}, bool t = {1}> {
      h = Loop (trip, t, x) <body = b (int64 i, bool going, float[3,4] h_in)
        => (bool go, float[3,4] h_out) <float r = {3.9}, float one = {1.0}> {
          go = Identity (going)  c = Sub (one, h_in)  d = Mul (h_in, c)  h_out = Mul (r, d) }>
      y = Relu (h) }"""
    narrowed = text.replace("Mul (r, d)", "Mul (r, w)").replace(
        "h_out =", "n = Cast <to = 10> (d)  w = Cast <to = 1> (n)  h_out ="
    )
    x = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4)).astype(np.float32)
    report = bisect(from_proto(body_model(text)), from_proto(body_model(narrowed)), inputs={"x": x})
    culprit = only_culprit(report)
    assert (culprit.node, culprit.iteration) == ("n_n", 0)


def test_only_so_many_iterations_are_run(monkeypatch):
    monkeypatch.setattr("pyonnxtool.divergence.bodies.descent._MOST_TURNS", 3)
    culprit = only_culprit(found("loop", ("Where (late, n, m)", "Where (late, k, m)")))
    assert (culprit.node, culprit.graph) == ("n_h", "main")
    assert culprit.why == (
        "given the reference's values, its body computes the same in the first 3 iterations"
    )


def test_a_body_that_cannot_go_on_is_searched_where_it_could():
    """The second turn does not fit the candidate's body; the first is wrong already."""
    text = """g (float[N] x) => (float[N] y) <int64 trip = {4}, bool t = {1}> {
      y = Loop (trip, t, x) <body = b (int64 i, bool going, float[N] h)
        => (bool go, float[N] h_out) <float two = {2.0}> {
          go = Identity (going)  h_out = Concat <axis = 0> (h, h) }> }"""
    stuck = text.replace("h_out = Concat <axis = 0> (h, h)", "h_out = Add (h, x)")
    feeds = {"x": np.ones(3, np.float32)}
    report = bisect(from_proto(body_model(text)), from_proto(body_model(stuck)), inputs=feeds)
    culprit = only_culprit(report)
    assert (culprit.node, culprit.iteration) == ("n_h_out", 0)
    assert culprit.why.startswith("operator differs: Add instead of Concat")
    assert "first in iteration 0 of more than 1" in culprit.why


def test_a_body_that_cannot_be_run_at_all_is_the_reason(monkeypatch):
    def refuse(body, feeds):
        raise BackendError("no such kernel")

    monkeypatch.setattr("pyonnxtool.divergence.bodies.descent._Body.run", refuse)
    culprit = only_culprit(found("loop", ("m = Tanh (l)", "m = Sin (l)")))
    assert (culprit.node, culprit.graph) == ("n_h", "main")
    assert culprit.why == "its body could not be run on its own: no such kernel"
