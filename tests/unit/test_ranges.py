"""What fits a narrower float, what does not, and which nodes have to stay in float32."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyonnxtool.diffing import diff
from pyonnxtool.divergence.numbers.ranges_simulated import Rounded, Tried
from pyonnxtool.errors import UsageError
from pyonnxtool.subjects import sides
from support.parsed import parsed
from support.zoo import ZOO

X = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
HEAD = "g (float[N,8] x) => (float[N,8] y) "
SQUARES = HEAD + (
    "<float k = {30000}, float d = {1e-4}>"
    " { a = Mul (x, k)  b = Mul (a, k)  c = Mul (b, d)  e = Mul (c, d)  y = Neg (e) }"
)
SMALL = HEAD + "<float k = {1e-9}> { a = Mul (x, k)  b = Neg (a)  y = Div (b, k) }"
MASK = HEAD + (
    "<float m = {-3.4e38}, float z = {0}> { l = Less (x, z)  a = Where (l, m, x)  y = Softmax (a) }"
)


def ranges(text, wanted="fp16", **options):
    model = parsed(text, opset=options.pop("opset", 19))
    return diff(model, inputs={"x": X}, ranges=wanted, **options).ranges


def test_a_model_that_fits_needs_nothing():
    found = ranges(HEAD + "{ a = Exp (x)  y = Tanh (a) }")
    assert (found.format, found.keep, found.verified) == ("float16", (), True)
    assert 0 < found.error == found.error_plain < 1e-2
    assert all(row.overflow == row.vanish == 0 for row in found.rows)


def test_numbers_are_those_of_numpy():
    rows = {row.value: row for row in ranges(SQUARES).rows}
    b = np.abs(X * np.float32(30000) * np.float32(30000))
    assert rows["b"].max_abs == pytest.approx(float(b.max()))
    assert rows["b"].min_abs == pytest.approx(float(b.min()))
    assert rows["b"].overflow == int((b > 65504).sum()) == X.size
    assert rows["b"].headroom_bits == pytest.approx(np.log2(65504 / b.max()))
    assert rows["k"].kind == "weight"
    assert rows["x"].kind == "input"


def test_vanishing_and_subnormal_numbers_are_counted():
    rows = {row.value: row for row in ranges(SMALL).rows}
    a = np.abs(X * np.float32(1e-9))
    assert rows["a"].vanish == int(((a > 0) & (a < 2.0**-24)).sum()) == X.size
    near = HEAD + "<float k = {1e-5}> { a = Mul (x, k)  y = Neg (a) }"
    rows = {row.value: row for row in ranges(near).rows}
    a = np.abs(X * np.float32(1e-5))
    assert rows["a"].subnormal == int(((a >= 2.0**-24) & (a < 2.0**-14)).sum())


def test_the_worst_comes_first():
    rows = ranges(SQUARES).rows
    assert [row.value for row in rows[:2]] == ["b", "c"]
    bits = [row.headroom_bits for row in rows if row.overflow]
    assert bits == sorted(bits)


@pytest.mark.parametrize(("text", "keep"), [(SQUARES, ("b", "c")), (SMALL, ("a", "b", "y"))])
def test_the_fewest_nodes_are_kept_and_tried(text, keep):
    found = ranges(text)
    assert set(keep) <= set(found.keep)
    assert found.verified
    assert found.error <= 1e-2
    assert found.error_plain > 1e-2


def test_none_of_the_kept_nodes_can_be_spared():
    found = ranges(SQUARES)
    model = parsed(SQUARES, opset=19)
    names = {node.output_names[0]: node.id for node in model.graph.nodes}
    keep = [names[name] for name in found.keep]
    tried = Tried(sides(model)[0], [{"x": X}], "float16", {row.value for row in found.rows})
    with Rounded(tried, keep) as rounded:
        assert rounded.error(set(keep)) == found.error
        for spared in keep:
            assert not rounded.error(set(keep) - {spared}) <= 1e-2


def test_recorded_values_have_no_ranges(tmp_path):
    np.savez(tmp_path / "run.npz", x=X, y=np.tanh(X))
    model = parsed(HEAD + "{ y = Tanh (x) }")
    with pytest.raises(UsageError, match="is no ONNX model; give one as the reference"):
        diff(str(tmp_path / "run.npz"), model, inputs={"x": X}, ranges="fp16")
    found = diff(model, str(tmp_path / "run.npz"), inputs={"x": X}, ranges="fp16").ranges
    assert found.verified


def test_a_mask_that_overflows_to_infinity_does_no_harm():
    found = ranges(MASK)
    assert found.rows[0].value in ("a", "m")
    assert found.rows[0].overflow
    assert (found.keep, found.verified) == ((), True)


def test_bfloat16_has_the_range_but_not_the_bits():
    found = ranges(SQUARES, "bf16")
    assert not any(row.overflow for row in found.rows)
    assert found.error_plain > ranges(HEAD + "{ y = Neg (x) }").error_plain


@pytest.mark.parametrize(("wanted", "largest"), [("e4m3", 448), ("e5m2", 57344)])
def test_float8(wanted, largest):
    text = HEAD + "<float k = {1e6}> { a = Mul (x, k)  y = Div (a, k) }"
    rows = {row.value: row for row in ranges(text, wanted).rows}
    assert rows["a"].overflow == int((np.abs(X * np.float32(1e6)) > largest).sum())


def test_an_opset_without_the_type_is_said():
    found = ranges(HEAD + "{ y = Neg (x) }", "e4m3", opset=18)
    assert not found.verified
    assert found.note == "not tried in float8e4m3fn: opset 18 has no float8e4m3fn, it needs 19"


def test_another_format_is_refused():
    with pytest.raises(UsageError, match="--ranges fp12: use fp16, bf16, e4m3, e5m2"):
        ranges(SQUARES, "fp12")


def test_groups_and_samples_add_up():
    big = np.tile(X, (20_000, 1))
    model = parsed(SQUARES, opset=19)
    whole = diff(model, inputs={"x": big}, ranges="fp16").ranges
    cut = diff(model, inputs={"x": big}, ranges="fp16", memory="3MiB").ranges
    assert cut.rows == whole.rows
    two = diff(model, inputs=[{"x": X}, {"x": 2 * X}], ranges="fp16").ranges
    rows = {row.value: row for row in two.rows}
    assert rows["x"].count == 2 * X.size
    assert rows["x"].max_abs == pytest.approx(float(np.abs(2 * X).max()))


@pytest.mark.parametrize("name", ["resnet_17", "encoder_op_20", "decoder_17"])
def test_real_networks_run_rounded(name):
    case = ZOO[name]()
    found = diff(case.model, inputs=list(case.feeds), ranges="fp16").ranges
    assert found.verified
    assert len(found.rows) > 30


def test_json():
    text = diff(parsed(SQUARES, opset=19), inputs={"x": X}, ranges="fp16").to_json()
    found = json.loads(text)["ranges"]
    assert found["format"] == "float16"
    assert found["rows"][0]["value"] == "b"
