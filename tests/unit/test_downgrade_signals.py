"""DFT, STFT, windows and MelWeightMatrix below opset 20 and 17.

A product with sines is not summed as a fast transform is: results may be off by a few ULP of the
largest number, which is what tolerances here are of. The fast transform is numpy's: onnxruntime's
is off by 20 ULP for lengths that are no power of two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from support.downgraded import check, lowered, refusal, run_ort, source

RNG = np.random.default_rng(17)


def off(model: str, to: int, feeds: dict[str, Any]) -> float:
    """The largest difference, in ULP of the largest number of the original."""
    given = onnx.parser.parse_model(model)
    made = lowered(given, to)
    ours = ReferenceEvaluator(given).run(None, feeds)[0]
    theirs = (ReferenceEvaluator(made).run(None, feeds) if to > 16 else run_ort(made, feeds))[0]
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    apart = np.abs(ours.astype(np.float64) - theirs)
    return float(apart.max() / np.spacing(np.abs(ours).max()))


def dft(axis: str, rest: str, shape: str, dtype: str = "float", opset: int = 20) -> str:
    text = f"""g ({dtype}[{shape}] x) => ({dtype}[{",".join("?" * len(shape.split(",")))}] y)
      <int64 n = {{6}}, int64 longer = {{13}}, int64 a = {{{axis}}}> {{ y = DFT {rest} }}"""
    return source(text, opset)


FORMS = [
    "(x, , a)",
    "<onesided = 1> (x, , a)",
    "<inverse = 1> (x, , a)",
    "(x, n, a)",
    "<onesided = 1> (x, longer, a)",
    "<inverse = 1> (x, longer, a)",
]


@pytest.mark.parametrize("to", [19, 16, 13, 9])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("axis", ["1", "-2"])
def test_a_transform(to: int, form: str, axis: str) -> None:
    parts = 2 if "inverse" in form else 1
    feeds = {"x": RNG.normal(size=(2, 8, 9, parts)).astype(np.float32)}
    assert off(dft(axis, form, f"2,8,9,{parts}"), to, feeds) <= 8


@pytest.mark.parametrize("length", ["", "n", "longer"])
def test_the_inverse_of_a_onesided_one_is_real(length: str) -> None:
    x = RNG.normal(size=(2, 5, 2)).astype(np.float32)
    text = dft("1", f"<inverse = 1, onesided = 1> (x, {length}, a)", "2,5,2")
    made = lowered(text, 16)
    size = {"": 8, "n": 6, "longer": 13}[length]
    expected = np.fft.irfft(x[..., 0] + 1j * x[..., 1], n=size, axis=1)[..., None]
    np.testing.assert_allclose(run_ort(made, {"x": x})[0], expected, atol=2e-6)


@pytest.mark.parametrize("dtype", ["double", "float16"])
def test_other_floats(dtype: str) -> None:
    numpy = {"double": np.float64, "float16": np.float16}[dtype]
    x = RNG.normal(size=(2, 8, 1)).astype(numpy)
    made = lowered(dft("1", "(x, , a)", "2,8,1", dtype), 15)
    found = run_ort(made, {"x": x})[0]
    exact = np.fft.fft(x[..., 0].astype(np.float64), axis=1)
    assert found.dtype == numpy
    parts = np.stack([exact.real, exact.imag], -1)
    assert np.abs(found - parts).max() <= 2 * np.spacing(numpy(np.abs(parts).max()))


def test_a_batch_that_is_not_known() -> None:
    text = dft("1", "(x, , a)", "N,8,1")
    feeds = {"x": RNG.normal(size=(3, 8, 1)).astype(np.float32)}
    assert off(text, 9, feeds) <= 8


def test_what_is_not_known_is_refused() -> None:
    assert "how long its signal is" in refusal(dft("1", "(x, , a)", "2,N,1"), 16)
    text = "g (float[2,8,1] x, int64 a) => (float[?,?,?] y) { y = DFT (x, , a) }"
    assert "`axis` is only known" in refusal(source(text, 20), 19)
    text = "g (float[2,8,1] x, int64 n) => (float[?,?,?] y) { y = DFT (x, n) }"
    assert "`dft_length` is only known" in refusal(source(text, 20), 16)


def stft(rest: str, shape: str, dtype: str = "float") -> str:
    text = f"""g ({dtype}[{shape}] x, {dtype}[8] w) => ({dtype}[?,?,?,2] y)
      <int64 step = {{3}}, int64 n = {{8}}, {dtype}[8] c = {{1, 2, 3, 4, 4, 3, 2, 1}}>
      {{ y = STFT {rest} }}"""
    return source(text, 17)


@pytest.mark.parametrize("to", [16, 13, 9])
@pytest.mark.parametrize(
    ("form", "parts"),
    [
        ("(x, step, , n)", 1),
        ("(x, step, c)", 1),
        ("(x, step, w, n)", 1),
        ("<onesided = 0> (x, step, c, n)", 1),
        ("<onesided = 0> (x, step, w)", 2),
    ],
)
@pytest.mark.parametrize("size", ["30", "N"])
def test_frames(to: int, form: str, parts: int, size: str) -> None:
    feeds = {
        "x": RNG.normal(size=(2, 30, parts)).astype(np.float32),
        "w": RNG.normal(size=8).astype(np.float32),
    }
    assert off(stft(form, f"2,{size},{parts}"), to, feeds) <= 8


def test_frames_of_float64() -> None:
    feeds = {"x": RNG.normal(size=(2, 30, 1)), "w": RNG.normal(size=8)}
    assert off(stft("(x, step, w)", "2,30,1", "double"), 9, feeds) <= 8
    assert "the length of its signal" in refusal(stft("(x, step, w)", "2,N,1", "double"), 16)


def test_frames_that_are_not_known_are_refused() -> None:
    text = "g (float[2,30,1] x, int64 s, float[8] w) => (float[?,?,?,2] y) { y = STFT (x, s, w) }"
    assert "the step or the length of its frames" in refusal(source(text, 17), 16)
    assert "whether its signal is complex" in refusal(stft("(x, step, w)", "2,30,N"), 16)
    assert "its signal has no frames of 8" in refusal(stft("(x, step, w)", "2,7,1"), 16)


@pytest.mark.parametrize("op", ["HannWindow", "HammingWindow", "BlackmanWindow"])
@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("dtype", [1, 10, 11])
def test_windows(op: str, periodic: int, dtype: int) -> None:
    name = {1: "float", 10: "float16", 11: "double"}[dtype]
    how = f"<periodic = {periodic}, output_datatype = {dtype}>"
    text = f"g () => ({name}[10] y) <int64 n = {{10}}> {{ y = {op} {how} (n) }}"
    made = lowered(source(text, 17), 9)
    assert not made.graph.node or made.graph.node[0].op_type == "Identity"
    reference = ReferenceEvaluator(onnx.parser.parse_model(source(text, 17)))
    ours, theirs = reference.run(None, {})[0], run_ort(made, {})[0]
    np.testing.assert_allclose(ours, theirs, atol=2 * np.finfo(ours.dtype).eps)


@pytest.mark.parametrize("op", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_windows_of_a_size_that_is_not_known(op: str) -> None:
    text = f"g (int64 n) => (float[N] y) {{ y = {op} (n) }}"
    given = onnx.parser.parse_model(source(text, 17))
    feeds = {"n": np.array(10)}
    ours, theirs = run_ort(given, feeds)[0], run_ort(lowered(given, 15), feeds)[0]
    np.testing.assert_allclose(ours, theirs, atol=2e-7)


@pytest.mark.parametrize("bins", [1, 5, 8])
@pytest.mark.parametrize("length", [16, 33])
def test_a_mel_matrix(bins: int, length: int) -> None:
    text = f"""g () => (float[?,?] y) <int64 b = {{{bins}}}, int64 l = {{{length}}},
      int64 r = {{8192}}, float low = {{0}}, float high = {{4096}}>
      {{ y = MelWeightMatrix (b, l, r, low, high) }}"""
    check(source(text, 17), 9, {}, ulp=1)


def test_a_mel_matrix_that_is_not_known_is_refused() -> None:
    text = """g (int64 b) => (float[?,?] y) <int64 l = {16}, int64 r = {8192}, float low = {0},
      float high = {4096}> { y = MelWeightMatrix (b, l, r, low, high) }"""
    assert "what it is made of" in refusal(source(text, 17), 16)
    text = text.replace("4096}", "9000}").replace("(int64 b)", "()").replace("<", "<int64 b = {3},")
    assert "its bounds are none" in refusal(source(text, 17), 16)
