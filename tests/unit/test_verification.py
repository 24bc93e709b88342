"""verify: models that agree pass, and whatever does not is refused with the node, or told."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pyonnxtool import Model, mismatch
from pyonnxtool.errors import BackendError, Refused, UsageError
from pyonnxtool.feeds.sizes import resolve_shapes
from pyonnxtool.proof import Check
from pyonnxtool.rewriting import Verification
from pyonnxtool.verdict import Tolerances
from pyonnxtool.verification import drawn_outputs, verify
from support.parsed import parsed

NET = """g (float[{dims},4] x) => (float[{dims},4] y) <float[4] w = {{1.5, 2.0, -1.0, 0.25}}> {{
  [scaled] s = {op} (x, w)
  [act] r = {act} (s)
  [out] y = Add (r, x)
}}"""


def net(op: str = "Mul", act: str = "Relu", dims: str = "n") -> Model:
    return parsed(NET.format(op=op, act=act, dims=dims))


def check(original: Model, rewritten: Model, **how: object) -> Verification:
    return verify("specializing", original, rewritten, Check(**how))  # type: ignore[arg-type]


def refusal(original: Model, rewritten: Model, **how: object) -> str:
    with pytest.raises(Refused) as caught:
        check(original, rewritten, **how)
    assert caught.value.refusals
    return str(caught.value)


def test_equal_models_pass() -> None:
    found = check(net(), net(dims="2"), samples=3)
    assert found.samples == 3
    assert found.sizes == ({"x": (2, 4)},), "the sizes that the rewritten model is bound to"
    assert [(row.value, row.status) for row in found.outputs] == [("y", "ok")]
    assert found.tolerance == "1e-05 of the output's scale (float32)"
    assert found.notes == ()


def test_a_wrong_node_is_named() -> None:
    told = refusal(net(), net(act="Abs", dims="2"))
    assert told.startswith("specializing was refused for 2 reasons; nothing is written\n  - output")
    assert re.search(r"output 'y' differs: max abs \S+, allowed \S+e-0\d", told)
    assert "\n  - node 'act' (Abs): " in told


def test_a_wrong_constant_is_named_with_the_rule() -> None:
    original = parsed(
        "g (float[2] x) => (float[2] y) <float[2] a = {1.0, 2.0}> "
        "{ [twice] k = Add (a, a)\n [last] y = Mul (x, k) }"
    )
    rewritten = parsed(
        "g (float[2] x) => (float[2] y) <float[2] k = {2.0, 5.0}> { [last] y = Mul (x, k) }"
    )
    assert "node 'last' (Mul)" in (told := refusal(original, rewritten))
    assert "[folded constant 'k']" in told


def test_a_wrong_node_that_looks_like_another_one_is_no_drift() -> None:
    """Its twin in the original is right, so it is for its place that it is wrong."""
    text = "g (float[2] x) => (float[2] y, float[2] z) { [n] y = %s (x)\n [m] z = Abs (x) }"
    models = parsed(text % "Neg"), parsed(text % "Abs")
    with pytest.raises(Refused, match=r"node '[nm]' \(Abs\): operator differs: Abs instead of Neg"):
        verify("specializing", *models, Check(), drifts=True)


def test_the_rule_that_made_a_value_is_named() -> None:
    with pytest.raises(Refused, match=r"node 'act' \(Abs\): .*\[Relu 14: without its sign\]"):
        verify("opset 13", net(), net(act="Abs"), Check(), rules={"r": "Relu 14: without its sign"})


def test_what_rules_made_on_the_way_is_paired_with_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A shape with -1 in it, instead of the size, looks just like the old shape.
    asked: list[object] = []
    bisect = mismatch.bisect

    def seen(*models: object, **how: object) -> object:
        asked.append(how["skip"])
        return bisect(*models, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(mismatch, "bisect", seen)
    made = parsed(
        "g (float[n,4] x) => (float[n,4] y) <float[4] w = {1.5, 2, -1, 0.25}, float one = {1}> {"
        ' "s[0]" = Mul (x, w)  s = Sub ("s[0]", one)  r = Relu (s)  y = Add (r, x) }'
    )
    with pytest.raises(Refused, match=r"'scaled' .* computes something else .a rule."):
        verify("x", net(), made, Check(), rules={"s": "a rule", "s[0]": "a rule"}, drifts=True)
    with pytest.raises(Refused):
        verify("x", net(), made, Check())
    assert asked == [["s[[]0]"], ()]


def test_a_model_that_is_newer_than_onnxruntime_runs_on_the_reference() -> None:
    text = "g (float[n] x) => (float[n] y) { [act] y = %s (x) }"
    new, old = parsed(text % "Relu", opset=17, ir_version=99), parsed(text % "Relu", opset=17)
    for models, backends in (
        ((new, old), ("reference", "onnxruntime")),
        ((old, new), ("onnxruntime", "reference")),
        ((old, old), ("onnxruntime", "onnxruntime")),
    ):
        found = check(*models)
        assert found.backends == backends
        assert found.samples == 2
        assert [row.status for row in found.outputs] == ["ok"]
        assert len(found.notes) == backends.count("reference")
    assert found.notes == ()
    assert check(new, old).notes == (
        "the original model ran on the reference evaluator: onnxruntime takes none of opset 17 and "
        "IR version 99 here",
    )
    assert "node 'act' (Neg)" in refusal(new, parsed(text % "Neg", opset=17))


def test_a_model_that_is_older_than_onnxruntime_runs_on_the_reference() -> None:
    text = "g (float[n] x) => (float[n] y) { [act] y = Relu (x) }"
    found = check(parsed(text, opset=5, ir_version=3), parsed(text, opset=13))
    assert found.backends == ("reference", "onnxruntime")


def test_what_onnxruntime_lacks_at_an_opset_that_it_takes_is_not_run_elsewhere() -> None:
    model = parsed("g (bfloat16[2] x) => (bfloat16[2] y) { y = Erf (x) }", opset=18)
    with pytest.raises(BackendError, match="could not be verified: the original model does not"):
        check(model, model)


def test_integers_are_equal_or_not() -> None:
    text = "g (int64[2] x) => (int64[2] y) <int64[1] one = {%d}> { y = Add (x, one) }"
    assert "output 'y' differs: max abs 1" in refusal(parsed(text % 1), parsed(text % 2))


def test_another_type_is_a_difference() -> None:
    graph = "g (float[2] x) => (%s[2] y) { y = Cast <to = %d> (x) }"
    inputs = {"x": np.array([1.0, 2.0], np.float32)}
    told = refusal(parsed(graph % ("float", 1)), parsed(graph % ("double", 11)), inputs=inputs)
    assert "output 'y' differs: equal; dtype float32 vs float64" in told


def test_tolerances_are_those_of_diff() -> None:
    text = "g (float[2] x) => (float[2] y) <float[1] w = {%s}> { y = Mul (x, w) }"
    models = parsed(text % "1.0"), parsed(text % "1.001")
    assert "output 'y' differs" in refusal(*models)
    found = check(*models, tolerances=Tolerances.parse(rtol=0.01))
    assert [row.status for row in found.outputs] == ["noise"]


def test_a_tolerance_that_is_smaller_than_the_usual_one_is_told() -> None:
    text = "g (float[2] x) => (float[2] y) <float[1] w = {%s}> { y = Mul (x, w) }"
    models = parsed(text % "1.0"), parsed(text % "1.000001")
    told = refusal(*models, tolerances=Tolerances.parse(rtol=1e-9))
    assert "no node is wrong by the usual tolerance; the one that was given is smaller" in told
    assert check(*models).outputs[0].status == "noise"


def test_open_sizes_are_tried_at_two_values() -> None:
    found = check(net(), net())
    assert [sizes["x"][0] for sizes in found.sizes] == [1, 2]
    assert found.samples == 2
    right_for_one = parsed(
        "g (float[n,4] x) => (float[m,4] y) <int64[2] s = {1, 4}> "
        "{ [fold] r = Reshape (x, s)\n y = Relu (r) }"
    )
    original = parsed("g (float[n,4] x) => (float[n,4] y) { y = Relu (x) }")
    told = refusal(original, right_for_one)
    assert "the rewritten model does not run at x[2,4], and the original does: " in told
    assert "node 'fold' (Reshape)" in told


def test_other_sizes_differ_from_the_first_and_among_each_other() -> None:
    model = parsed(
        "g (float[batch,3,height,width] x, int64[batch,past_len] p, int64[batch,seq_len] s,"
        " float[total_len] t) => (float[batch,3,height,width] y) { y = Relu (x) }"
    )
    assert resolve_shapes(model, {}, {}) == {
        **{"x": (1, 3, 128, 128), "p": (1, 4), "s": (1, 8)},
        "t": (12,),
    }
    assert resolve_shapes(model, {}, {}, other=True) == {
        **{"x": (2, 3, 192, 256), "p": (2, 6), "s": (2, 12)},
        "t": (18,),
    }
    assert resolve_shapes(model, {}, {"batch": 7}, other=True)["x"] == (7, 3, 192, 256)


def test_sizes_that_the_original_cannot_have() -> None:
    original = parsed(
        "g (float[n,4] x) => (float[n,4] y) <float[3,1] w = {1.0, 1.0, 1.0}> { y = Mul (x, w) }"
    )
    rewritten = parsed("g (float[2,4] x) => (float[2,4] y) { y = Relu (x) }")
    with pytest.raises(BackendError) as caught:
        check(original, rewritten)
    told = str(caught.value)
    assert told.startswith(
        "specializing could not be verified: the original model does not run here: onnxruntime"
    )
    assert told.endswith("; give real inputs with --inputs, or skip the check with --no-verify")


def test_open_sizes_that_do_not_fit_together_are_tried_alone() -> None:
    graph = "g (float[n,4] x, float[m,4] z) => (float[n,4] y) { y = Mul (x, z) }"
    found = check(parsed(graph), parsed(graph))
    assert [(sizes["x"][0], sizes["z"][0]) for sizes in found.sizes] == [(1, 1), (2, 2)]
    graph = (
        "g (float[n,4] x, float[n2,4] z) => (float[p,4] y) <int64[2] s = {1, 4}> "
        "{ r = Reshape (x, s)\n y = Concat <axis = 0> (r, z) }"
    )
    found = check(parsed(graph), parsed(graph))
    assert [(sizes["x"][0], sizes["z"][0]) for sizes in found.sizes] == [(1, 1), (1, 2)]
    assert [note.partition(":")[0] for note in found.notes] == [
        "not checked at x[2,4], z[2,4]",
        "not checked at x[2,4], z[1,4]",
    ]


def test_a_second_size_that_does_not_run_is_a_note() -> None:
    model = parsed(
        "g (float[n,4] x) => (float[n,4] y) <int64[2] s = {1, 4}> "
        "{ r = Reshape (x, s)\n y = Relu (r) }"
    )
    found = check(model, model)
    assert found.samples == 1
    assert len(found.notes) == 1
    assert found.notes[0].startswith("not checked at x[2,4]: the original model does not run: ")


def test_an_operator_that_the_runtime_lacks() -> None:
    model = parsed("g (float[2] x) => (float[2] y) { y = custom.Magic (x) }")
    with pytest.raises(BackendError, match=r"not be verified.*Magic.*--custom-ops FILE; skip the"):
        check(model, model)


def test_random_outputs_are_not_compared() -> None:
    model = parsed(
        "g (float[8] x) => (float[8] y, float[8] z) "
        "{ n = RandomNormalLike (x)\n m = Add (n, x)\n y = Relu (m)\n z = Neg (x) }"
    )
    assert drawn_outputs(model) == {"y"}
    found = check(model, model)
    assert [row.value for row in found.outputs] == ["z"]
    assert found.notes == (
        "of output 'y' only type and shape were compared: random numbers decide it",
    )
    shorter = parsed(
        "g (float[8] x) => (float[1,8] y, float[8] z) <int64[1] first = {0}> "
        "{ n = RandomNormalLike (x)\n y = Unsqueeze (n, first)\n z = Neg (x) }"
    )
    assert "output 'y' differs" in refusal(model, shorter)


def test_given_inputs_have_to_fit() -> None:
    inputs = {"x": np.zeros((3, 4), np.float32)}
    with pytest.raises(UsageError, match=r"has shape \[3,4\]; the model expects \[2,4\]"):
        check(net(), net(dims="2"), inputs=inputs)
    found = check(net(), net(dims="3"), inputs=inputs)
    assert found.sizes == ({"x": (3, 4)},)


def test_outputs_that_are_held_keep_to_the_budget() -> None:
    graph = "g (float[n] x) => (float[n] y) { y = Relu (x) }"
    found = check(parsed(graph), parsed(graph), inputs=[{"x": np.ones(1 << 17, "f4")}] * 5)
    assert found.samples == 5
    tight = check(
        parsed(graph), parsed(graph), inputs=[{"x": np.ones(1 << 17, "f4")}] * 5, memory="1MiB"
    )
    assert tight == found
