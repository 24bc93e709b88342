"""What diff prints of --ranges and of quantized candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx

from support.parsed import parsed
from support.quantizing import quantized
from support.zoo import ZOO

TEXT = (
    "g (float[4] x) => (float[4] y) <float k = {1e6}>"
    " { a = Mul (x, k)  b = Mul (a, k)  c = Div (b, k)  y = Div (c, k) }"
)


def test_a_table_and_the_nodes_to_keep(run: Any, tmp_path: Path) -> None:
    parsed(TEXT).save(str(tmp_path / "m.onnx"))
    result = run("diff", "m.onnx", "--ranges", "fp16")
    assert result.exit_code == 0
    assert "Ranges for float16  of the reference: 4 overflow" in result.stdout
    assert "keep in float32  4 nodes: a, b, c, y\n" in result.stdout
    assert "tried: with them the outputs are off by" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_a_model_that_fits(run: Any, tmp_path: Path) -> None:
    parsed("g (float[4] x) => (float[4] y) { y = Tanh (x) }").save(str(tmp_path / "m.onnx"))
    text = run("diff", "m.onnx", "--ranges", "bf16").stdout
    assert "Ranges for bfloat16  of the reference: 0 overflow, 0 lose numbers to zero" in text
    assert "float32  no node needs it\n" in text
    assert "tried: every node can be in bfloat16: the outputs are off by" in text


def test_a_format_that_there_is_not(run: Any, tmp_path: Path) -> None:
    parsed(TEXT).save(str(tmp_path / "m.onnx"))
    result = run("diff", "m.onnx", "--ranges", "fp12")
    assert result.exit_code == 2
    assert "'fp12' is not one of 'fp16', 'bf16', 'e4m3', 'e5m2'" in result.stderr


def test_a_quantized_candidate_has_its_tables(run: Any, tmp_path: Path) -> None:
    case = ZOO["resnet_17"]()
    onnx.save(quantized(case, "qdq", tmp_path), tmp_path / "int8.onnx")
    result = run("diff", "float.onnx", "int8.onnx")
    assert result.exit_code == 1
    assert "Quantization noise  SQNR; what adds most noise by itself comes first\n" in result.stdout
    assert "Quantized weights  dequantized, against the float weights\n" in result.stdout
    assert "Weights that differ" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    text = run("bisect", "float.onnx", "int8.onnx").stdout
    assert text.startswith("drift: ")
    assert "Quantization noise" in text
