"""demo: it finds what it planted, says so, and would notice if it did not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx

from cli.reports import bisect_report, diff_report
from pyonnxtool.cli._demo_model import PLANTED, reference_model, spoiled_copy

Answers = Callable[[str, Any], list[dict[str, Any]]]


def test_it_finds_the_planted_node(run: Any, tmp_path: Path) -> None:
    started = time.perf_counter()
    result = run("demo")
    assert result.exit_code == 0, result.output
    assert time.perf_counter() - started < 5
    assert (
        f"fault: node `{PLANTED}` (BatchNormalization) introduces the difference" in result.stdout
    )
    assert "epsilon" in result.stdout
    assert "$ pyonnxtool diff good.onnx bad.onnx --dim batch=1" in result.stdout
    assert "$ pyonnxtool bisect good.onnx bad.onnx --dim batch=1" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert not list(tmp_path.iterdir())


def test_the_kept_pair_can_be_compared_as_it_says(run: Any, tmp_path: Path) -> None:
    assert run("demo", "--keep", "pair").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "pair").iterdir()) == ["bad.onnx", "good.onnx"]
    told = run("diff", "pair/good.onnx", "pair/bad.onnx", "--dim", "batch=1")
    assert told.exit_code == 1
    told = run("bisect", "pair/good.onnx", "pair/bad.onnx", "--dim", "batch=1")
    assert told.exit_code == 1
    assert PLANTED in told.stdout


def test_models_that_are_there_are_kept(run: Any, tmp_path: Path) -> None:
    (tmp_path / "good.onnx").write_text("mine")
    result = run("demo", "--keep", ".")
    assert result.exit_code == 2
    assert "good.onnx exists; give --force to replace it" in result.stderr
    assert (tmp_path / "good.onnx").read_text() == "mine"
    (tmp_path / "file").touch()
    result = run("demo", "--keep", "file/folder")
    assert result.exit_code == 2
    assert "cannot be made" in result.stderr


def test_another_node_named_is_our_bug(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    answers("bisect", bisect_report())
    result = run("demo")
    assert result.exit_code == 255
    assert "This is wrong: the defect is in `layer2.bn`" in result.stdout


def test_the_pair_differs_in_one_attribute() -> None:
    good = reference_model()
    bad = spoiled_copy(good)
    onnx.checker.check_model(bad, full_check=True)
    changed = [
        one.name for one, two in zip(good.graph.node, bad.graph.node, strict=True) if one != two
    ]
    assert changed == [PLANTED]
    assert good.graph.initializer == bad.graph.initializer
    assert len(good.graph.node) == 20
    assert reference_model() == good, "the same on every run"
