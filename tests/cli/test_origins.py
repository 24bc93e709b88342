"""What people read of NaN and Inf: once where both sides have it alike, per side otherwise."""

from __future__ import annotations

from typing import Any

from support.parsed import parsed

HEAD = "g (float[2] x) => (float[2] y) "
BAD = HEAD + "<float zero = {0}> { z = Mul (x, zero)  a = Div (z, z)  y = Neg (a) }"


def saved(path: Any, text: str) -> str:
    parsed(text).save(str(path), force=True)
    return str(path)


def test_both_sides_alike_are_told_once(run: Any, tmp_path: Any) -> None:
    result = run("diff", saved(tmp_path / "m.onnx", BAD))
    assert result.exit_code == 0
    assert "  both  NaN  a (Div): 0 / 0\n" in result.stdout
    assert "2 of 2 elements, the first at [0]; reaches `y`" in result.stdout


def test_each_side_has_its_own(run: Any, tmp_path: Any) -> None:
    good = saved(tmp_path / "good.onnx", HEAD + "{ a = Exp (x)  y = Neg (a) }")
    for command in ("diff", "bisect"):
        text = run(command, good, saved(tmp_path / "m.onnx", BAD)).stdout
        assert "  reference: nowhere, all values are finite\n" in text
        assert "  candidate  NaN  a (Div): 0 / 0\n" in text


def test_a_model_without_any_has_no_such_section(run: Any, tmp_path: Any) -> None:
    good = saved(tmp_path / "good.onnx", HEAD + "{ a = Exp (x)  y = Neg (a) }")
    assert "NaN" not in run("diff", good).stdout
