"""Bisect by splice: nothing is watched, and what hides from a watcher is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pyonnxtool import Model, bisect
from pyonnxtool.divergence.probe import Side
from pyonnxtool.divergence.search.isolated import Apart, Failed
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.report import BisectReport, Step
from support.fused_fault import FusedFault, backend, both_or_none, registered, rough_gelu
from support.parsed import parsed

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
FEED = {"x": X}
NET = """g (float[N,8] x) => (float[N,8] y) {
  a = Softmax <axis = 1> (x)  b = Sub (a, x)  c = Tanh (b)  y = Neg (c) }"""
GELU = """g (float[3,8] x) => (float[3,8] y)
  <float r = {1.4142135}, float one = {1}, float half = {0.5}, float three = {3}> {
  p = Mul (x, three)  q = Tanh (p)
  d = Div (q, r)  e = Erf (d)  f = Add (e, one)  m = Mul (q, f)  g = Mul (m, half)
  s = Sin (g)  y = Neg (s) }"""


def spliced(reference: object, candidate: object, **options: object) -> BisectReport:
    return bisect(reference, candidate, by="splice", inputs=options.pop("inputs", FEED), **options)


def test_the_region_is_between_the_last_good_and_the_first_bad_frontier() -> None:
    report = spliced(parsed(NET), parsed(NET.replace("(a, x)", "(x, a)")))
    assert (report.verdict, report.method) == ("fault", "splice")
    (culprit,) = report.culprits
    assert (culprit.op_type, culprit.outputs, culprit.region) == ("Sub", ("b",), ())
    assert culprit.why.startswith("input 0 reads 'x'")
    assert culprit.introduced["max_abs"] > 1
    assert report.frontier is not None
    assert report.frontier.before == ("a",)
    assert report.frontier.after == ("b",)


def test_the_plan_comes_first_and_every_run_is_told() -> None:
    told: list[str | Step] = []
    report = spliced(parsed(NET), parsed(NET.replace("Tanh (b)", "Sqrt (b)")), tell=told.append)
    assert told[0] == "search space 4 nodes, 3 cuts, at most 8 runs"
    assert told[1:] == list(report.steps)
    assert report.plan == told[0]
    assert [step.number for step in report.steps] == list(range(1, len(report.steps) + 1))
    assert len(report.steps) <= 8
    assert {step.verdict for step in report.steps} == {"good", "bad"}


def test_a_long_chain_takes_no_more_runs_than_planned() -> None:
    body = "".join(f"v{i} = Tanh (v{i - 1})\n" for i in range(1, 200))
    text = f"g (float[N,8] x) => (float[N,8] v199) {{ v0 = Sin (x)\n{body} }}"
    report = spliced(parsed(text), parsed(text.replace("v77 = Tanh", "v77 = Cos")))
    assert report.culprits[0].outputs == ("v77",)
    planned = int(report.plan.rpartition("at most ")[2].split()[0])
    assert len(report.steps) <= planned <= 16


def test_with_all_each_fault_is_repaired_and_the_search_goes_on() -> None:
    bad = parsed(NET.replace("axis = 1", "axis = 0").replace("Tanh (b)", "Sigmoid (b)"))
    report = spliced(parsed(NET), bad, all_faults=True)
    assert [culprit.outputs for culprit in report.culprits] == [("a",), ("c",)]
    first = spliced(parsed(NET), bad)
    assert [culprit.outputs for culprit in first.culprits] == [("a",)]
    assert any("--all looks for the others" in note for note in first.notes)


def test_a_fault_that_watching_hides_is_found() -> None:
    model = parsed(GELU)
    with backend("rough", rough_gelu):
        watched = bisect(model, (model, "rough"), by="values", inputs=FEED)
        assert watched.verdict != "fault"
        assert watched.observer_effect == "changes the result"
        report = spliced(model, (model, "rough"))
    assert report.verdict == "fault"
    assert set(report.culprits[0].region) == set("defmg")
    assert "a fusion or a kernel is to blame" in report.culprits[0].why
    assert report.culprits[0].introduced["max_abs"] > 1e-5
    assert report.frontier is not None
    assert report.frontier.after == ("g",)


def test_auto_finds_what_watching_hides_and_says_by_which_way() -> None:
    renamed = GELU.replace("y)", "out)").replace("y =", "out =").replace("s = Sin", "other = Sin")
    renamed = renamed.replace("Neg (s)", "Neg (other)")
    with backend("rough", rough_gelu):
        report = bisect(parsed(GELU), (parsed(renamed), "rough"), inputs=FEED)
    assert (report.verdict, report.method) == ("fault", "splice")
    assert set(report.culprits[0].region) == set("defmg")
    assert report.observer_effect == "changes the result"
    assert report.optimizers == ("GeluFusionL2",)


def test_a_runtime_that_nobody_knows_may_fuse_as_well() -> None:
    """A backend of somebody's own: nothing tells whether and what it fuses."""

    class Stranger(FusedFault):
        levels = None
        optimized = None

    model = parsed(GELU)
    with registered(Stranger("stranger", rough_gelu)):
        report = bisect(model, (model, "stranger"), inputs=FEED)
    assert (report.verdict, report.method) == ("fault", "splice")
    assert set(report.culprits[0].region) == set("defmg")
    assert report.optimizers == ()


def test_what_only_shows_together_is_told_from_what_stands_between() -> None:
    between = "".join(f"v{i} = Mul (v{i - 1}, two)\n" for i in range(1, 20))
    text = f"""g (float[N,8] x) => (float[N,8] y) <float two = {{2}}, float far = {{1e9}}> {{
      s = Sin (x)  a = Abs (s)  v0 = FIRST (a)  {between}  b = SECOND  y = Tanh (b) }}"""
    good = parsed(text.replace("FIRST", "Identity").replace("SECOND", "Abs (v19)"))
    bad = parsed(text.replace("FIRST", "Neg").replace("SECOND", "Min (v19, far)"))
    report = spliced(good, bad)
    assert report.verdict == "fault"
    region = set(report.culprits[0].region)
    assert {"v0", "b"} <= region <= {"v0", "v1", "b", "y"}


def test_where_a_later_step_takes_a_difference_back_it_is_passed_over() -> None:
    text = """g (float[N,8] x) => (float[N,8] y) <float two = {2}, float half = {0.5}> {
      a = OP1 (x, two)  b = OP2 (a, two)  c = Tanh (b)  d = Sin (c)  y = OP3 (d) }"""
    good = text.replace("OP1", "Mul").replace("OP2", "Div").replace("OP3", "Neg")
    bad = text.replace("OP1", "Div").replace("OP2", "Mul").replace("OP3", "Abs")
    report = spliced(parsed(good), parsed(bad))
    assert report.culprits[0].outputs == ("y",)


def test_rounding_that_is_amplified_later_is_drift() -> None:
    text = """g (float[N,8] x) => (float[N,8] y) <float k = {K}, float s = {10000}>
      { a = OP (x, k)  b = Sub (a, x)  c = Add (b, x)  d = Sub (c, a)  y = Mul (d, s) }"""
    ours = parsed(text.replace("OP", "Div").replace("{K}", "{3}"))
    theirs = parsed(text.replace("OP", "Mul").replace("{K}", "{0.3333333432674408}"))
    report = spliced(ours, theirs)
    assert report.verdict == "drift"
    assert report.culprits == ()
    assert "no more than rounding explains" in report.reason


def test_a_candidate_in_float16_is_fed_and_feeds_in_its_own_dtype() -> None:
    half = """g (float[N,8] x) => (float[N,8] y) { h = Cast <to = 10> (x)
      a = Softmax <axis = 1> (h)  b = Sub (a, h)  c = Tanh (b)  n = Abs (c)
      y = Cast <to = 1> (n) }"""
    report = spliced(parsed(NET), parsed(half), atol=1e-2)
    assert report.verdict == "fault"
    assert report.culprits[0].op_type == "Abs"
    assert {step.verdict for step in report.steps} == {"good", "bad"}


SEQUENCES = """g (float[N,8] x) => (float[N,8] y) <int64 zero = {0}> {
  a = Sin (x)  b = Cos (x)  s = SequenceConstruct (a, b)  t = SequenceAt (s, zero)
  c = Tanh (t)  y = Neg (c) }"""
CAPTURED = """g (float[N,8] x, bool flag) => (float[N,8] y) {
  a = Sin (x)  b = Cos (a)
  c = If (flag) <then_branch = t () => (float[N,8] p) { p = Mul (a, b) },
                 else_branch = e () => (float[N,8] q) { q = Add (a, b) }>
  y = Tanh (c) }"""


def test_no_sequence_crosses_a_cut() -> None:
    report = spliced(parsed(SEQUENCES), parsed(SEQUENCES.replace("Tanh (t)", "Exp (t)")))
    assert report.culprits[0].outputs == ("c",)
    assert not any(step.verdict == "skip" for step in report.steps)
    assert not any(" s" in step.what[-3:] for step in report.steps)


def test_what_a_body_reads_crosses_the_cut() -> None:
    feeds = {"x": X, "flag": np.array(True)}
    bad = CAPTURED.replace("Mul (a, b)", "Sub (a, b)")
    report = spliced(parsed(CAPTURED), parsed(bad), inputs=feeds)
    assert report.culprits[0].op_type == "If"
    assert report.frontier is not None
    assert set(report.frontier.before) == {"a", "b"}


def test_recorded_values_are_where_the_candidate_starts(tmp_path: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    proto = onnx.ModelProto.FromString(parsed(NET).to_bytes())
    names = ["a", "b", "c", "y"]
    proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names[:3])
    values = dict(zip(["y", "a", "b", "c"], ReferenceEvaluator(proto).run(None, FEED), strict=True))
    run = tmp_path / "run.npz"
    np.savez(run, x=X, **values)
    report = spliced(str(run), parsed(NET.replace("Tanh (b)", "Sigmoid (b)")))
    assert report.culprits[0].outputs == ("c",)
    only = tmp_path / "outputs.npz"
    np.savez(only, x=X, y=values["y"])
    with pytest.raises(UsageError, match=r"outputs\.npz holds no value between inputs and outputs"):
        spliced(str(only), parsed(NET.replace("Tanh (b)", "Sigmoid (b)")))


def test_a_part_that_cannot_be_run_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Side.open

    def refuses(self: Side, model: Model) -> object:
        if model is not self.model and [v.name for v in model.graph.outputs] == ["b"]:
            raise BackendError("this runtime refuses the part")
        return opened(self, model)

    monkeypatch.setattr(Side, "open", refuses)
    report = spliced(parsed(NET), parsed(NET.replace("(a, x)", "(x, a)")))
    skipped = [step for step in report.steps if step.verdict == "skip"]
    assert skipped
    assert skipped[0].note.endswith("this runtime refuses the part")
    assert report.verdict == "fault"
    assert set(report.culprits[0].region) == {"b", "c"}


def test_a_run_that_crashes_or_hangs_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a timeout every run is done in a child, and what kills it ends one run only."""
    run = Apart.run

    def dies(self: Apart, side: Side, model: Model, feeds: dict[str, object]) -> object:
        names = [value.name for value in model.graph.outputs]
        if names == ["b"]:
            raise Failed("crash", "the process was killed by SIGSEGV", "-11")
        return run(self, side, model, feeds)

    monkeypatch.setattr(Apart, "run", dies)
    report = spliced(parsed(NET), parsed(NET.replace("(a, x)", "(x, a)")), timeout=60.0)
    skipped = {step.note for step in report.steps if step.verdict == "skip"}
    assert skipped == {"the process was killed by SIGSEGV"}
    assert set(report.culprits[0].region) == {"b", "c"}


def test_in_a_child_the_search_comes_to_the_same() -> None:
    good, bad = parsed(NET), parsed(NET.replace("(a, x)", "(x, a)"))
    apart, here = spliced(good, bad, timeout=60.0), spliced(good, bad)
    assert [(s.what, s.verdict, s.error) for s in apart.steps] == [
        (s.what, s.verdict, s.error) for s in here.steps
    ]
    assert apart.culprits == here.culprits
    model = parsed(GELU)
    report = bisect(model, (model, "ort:all"), by="pass", inputs=FEED, rtol=1e-12, timeout=60.0)
    assert report.method in ("pass", "")


def test_weights_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No part of a model holds more than a link to the weights, and no file is written."""
    weight = numpy_helper.from_array(np.eye(512, dtype=np.float32), "w")
    layers = "".join(f"v{i} = MatMul (v{i - 1}, w)\n" for i in range(1, 10))
    good = f"g (float[2,512] x) => (float[2,512] y) {{ v0 = Sin (x)\n{layers} y = Neg (v9) }}"
    bad = good.replace("v5 = MatMul (v4, w)", "v5 = Cos (v4)")
    paths = []
    for name, body in (("good", good), ("bad", bad)):
        proto = onnx.ModelProto.FromString(parsed_bytes(body))
        proto.graph.initializer.append(weight)
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(proto.SerializeToString())
    sizes = []
    opened = Side.open

    def measured(self: Side, model: Model) -> object:
        sizes.append(len(model.to_bytes(weights="link", folder=model.folder)))
        return opened(self, model)

    monkeypatch.setattr(Side, "open", measured)
    before = set(tmp_path.iterdir())
    feed = {"x": np.ones((2, 512), np.float32)}
    report = spliced(str(paths[0]), str(paths[1]), inputs=feed)
    assert report.culprits[0].outputs == ("v5",)
    assert len(sizes) > 10
    assert max(sizes) < 4096
    assert set(tmp_path.iterdir()) == before


def parsed_bytes(text: str) -> bytes:
    head = '<ir_version: 10, opset_import: ["" : 18]>\n'
    return bytes(onnx.parser.parse_model(head + text).SerializeToString())


def test_models_with_nothing_in_common_cannot_be_cut() -> None:
    other = "g (float[N,8] x) => (float[N,8] y) { y = Exp (x) }"
    with pytest.raises(UsageError, match="--by splice: the models have no values in common"):
        spliced(parsed(other.replace("Exp", "Sin")), parsed(other))


def test_a_difference_of_the_whole_only_is_left_to_pass() -> None:
    """Wherever it is cut, the scale or the Gelu is not fused with the other any more."""
    text = GELU.replace("s = Sin (g)", "h = MatMul (g, w)  s = Mul (h, three)").replace(
        "<float r", "<float[8,8] w = {" + ", ".join(["0.1"] * 64) + "}, float r"
    )
    model = parsed(text)
    with backend("both", both_or_none):
        report = spliced(model, (model, "both"))
    assert report.verdict == "fault"
    assert {"d", "s"} <= set(report.culprits[0].region)


def test_a_small_fault_behind_a_large_one_is_found_as_well() -> None:
    """After each repair the search looks for what is left, however small it is."""
    text = """g (float[N,8] x) => (float[N,8] y) <float big = {BIG}, float little = {LITTLE}> {
      a = Tanh (x)  b = Mul (a, big)  c = Sin (b)  d = Cos (c)  e = Add (d, little)
      y = Neg (e) }"""
    good = parsed(text.replace("{BIG}", "{2}").replace("{LITTLE}", "{2}"))
    bad = parsed(text.replace("{BIG}", "{3}").replace("{LITTLE}", "{2.001}"))
    report = spliced(good, bad, all_faults=True)
    assert [culprit.outputs for culprit in report.culprits] == [("b",), ("e",)]
    assert "repaired; the outputs are still off by" in report.plan
