"""Markdown for issues and pull requests: tables that stay tables, names that stay names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.reports import CULPRIT, NAMELESS, VALUES, bisect_report, diff_report, row
from pyonnxtool.cli._markdown import block, cell, code
from pyonnxtool.findings import Origin, QuantizedRow, RangeRow, Ranges
from pyonnxtool.report import Frontier, Step
from pyonnxtool.report_parts import Baseline, Worse

Answers = Callable[[str, Any], list[dict[str, Any]]]
Golden = Callable[[str, str], None]


def markdown(run: Any, answers: Answers, command: str, report: Any) -> str:
    answers(command, report)
    result = run(command, "good.onnx", "bad.onnx", "--format", "markdown")
    assert not result.stderr, result.stderr
    return str(result.stdout)


@pytest.mark.parametrize("verdict", ["different", "same", "inconclusive"])
def test_diff(verdict: str, run: Any, answers: Answers) -> None:
    text = markdown(run, answers, "diff", diff_report(verdict))
    assert text.startswith("### ")
    assert f"pyonnxtool diff: {verdict}\n" in text
    assert "| reproduce | `pyonnxtool diff good.onnx bad.onnx` |" in text
    assert (
        "| coverage | 812 compared, 37 fused away, 5 ambiguous, 2 without a counterpart |" in text
    )
    proposed = "| to name the node | `pyonnxtool bisect good.onnx bad.onnx` |" in text
    assert proposed == (verdict == "different")


@pytest.mark.parametrize("verdict", ["fault", "drift", "same", "inconclusive"])
def test_bisect(verdict: str, run: Any, answers: Answers, markdown_golden: Golden) -> None:
    text = markdown(run, answers, "bisect", bisect_report(verdict, values=VALUES))
    shown, _, folded = text.partition("\n<details>")
    markdown_golden(f"bisect_{verdict}", shown)
    assert "<summary>The whole report</summary>" in folded
    assert "How this was found" in folded
    assert "onnxruntime" in folded


def test_the_command_is_the_one_that_was_typed(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    words = ("diff", "a.onnx", "b c.onnx", "--dim", "n=1", "--shape", "x=1,3", "--shape", "y=")
    more = ("--atol", "1e-4", "--atol", "y*=1e-3", "--no-introduced", "--only", "op:Conv")
    shown = ("--rows", "all", "-q", "--format", "markdown", "-o", "issue.md", "--force")
    run(*words, *more, *shown)
    assert (
        "`pyonnxtool diff a.onnx 'b c.onnx' --shape x=1,3 --shape y= --dim n=1 --atol 1e-4 "
        "--atol 'y*=1e-3' --only op:Conv --no-introduced`"
    ) in (tmp_path / "issue.md").read_text()


@pytest.fixture
def markdown_golden() -> Golden:
    """Compare with fixtures/golden/markdown/NAME.md; WRITE_GOLDEN=1 writes it instead."""
    import os

    def compare(name: str, text: str) -> None:
        folder = Path(__file__).resolve().parents[2] / "fixtures" / "golden" / "markdown"
        path = folder / f"{name}.md"
        if os.environ.get("WRITE_GOLDEN"):
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()

    return compare


def test_values_are_listed_worst_first_and_ok_ones_are_not(run: Any, answers: Answers) -> None:
    text = markdown(run, answers, "diff", diff_report())
    assert text.index("| bad | `holes`") < text.index("| bad | `bn_out`") < text.index("| noise |")
    assert "early_3" not in text.partition("<details>")[0]
    assert f"#### Values, worst first (12 of {len(VALUES)})" in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain", "`plain`"),
        ("a`b", "``a`b``"),
        ("`a``b`", "``` `a``b` ```"),
        ("line\nbreak\x1b[2J", r"`line\nbreak\x1b[2J`"),
        ("@someone <b> [a](b) #1 *x*", "`@someone <b> [a](b) #1 *x*`"),
        (" ", "`   `"),
        ("\u202eback", r"`\u202eback`"),
        ("", ""),
    ],
)
def test_names_are_code(name: str, shown: str) -> None:
    assert code(name) == shown


def test_a_pipe_does_not_split_a_cell(run: Any, answers: Answers) -> None:
    assert cell(code("a|b")) == r"`a\|b`"
    hostile = "a|b`c\nd"
    bad = row(hostile, "bad", 1.0, op_type=hostile, note=hostile)
    culprit = replace(CULPRIT, node=hostile, why=hostile, neighbourhood=f"```\n{hostile}\n````")
    worse = Baseline(hostile, (Worse("value", hostile, None, 1.0, hostile),), notes=(hostile,))
    report = bisect_report(
        outputs=(bad,), values=(bad,), culprits=(culprit,), notes=(hostile,), baseline=worse
    )
    text = markdown(run, answers, "bisect", report).partition("<details>")[0]
    columns = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            columns = 0
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        assert columns in (0, count), line
        columns = count
    assert text.count("`````") == 2, "a block is fenced by more ticks than it holds"


def test_a_block_cannot_be_closed_from_inside() -> None:
    assert block("a\n```\nb") == "````text\na\n```\nb\n````"
    assert block("a\x00b") == "```text\na\\x00b\n```"


MORE = {
    "origins": (
        Origin("candidate", "log|1", "Log", "v", "NaN", 2, 4, (0, 1), "Log of -1", (), ("y",)),
    ),
    "quantized": (
        QuantizedRow("layer", "conv", "Conv", "v", "r", "int8", 0.1, 0, 30.0, 31.5, 32.0, 0.25),
        QuantizedRow("weight", "conv", "Conv", "w", "w", "int8", 0.1, 0, None, 40.0, 41.0),
    ),
}
SEARCH = {
    "steps": (Step(1, "splice", "nodes 1 to 8", "bad", 0.1, 0.5), Step(2, "pass", "no X", "good")),
    "plan": "8 steps, at most 5 runs",
    "method": "splice",
    "frontier": Frontier(("a",), ("b",)),
    "optimizers": ("GeluFusion",),
}


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_what_only_some_reports_have(form: str, run: Any, answers: Answers) -> None:
    answers("bisect", bisect_report(**MORE, **SEARCH))
    found = re.sub(r"<[^>]*>|[`|]", " ", run("bisect", "a", "b", "--format", form).stdout)
    shown = re.sub(r"\s+", " ", found)
    for told in (
        "Where NaN or Inf starts",
        "candidate NaN Log of -1 2 of 4 y",
        "Quantization noise",
        "v Conv noise int8 30.0 31.5 32.0 25 %",
        "Quantized weights",
        "Runs of the search",
        "8 steps, at most 5 runs",
        "nodes 1 to 8 1 splice bad",
        "frontier after b",
        "GeluFusion",
    ):
        assert told in shown, told


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_ranges_of_a_narrower_float(form: str, run: Any, answers: Answers) -> None:
    rows = (RangeRow("v", "value", "exp", "Exp", 8, 1e6, 0.5, -4.2, 3, 0, 0),)
    answers("diff", diff_report(ranges=Ranges("float16", rows, ("exp",), note="it was tried")))
    found = re.sub(r"<[^>]*>|[`|]", " ", run("diff", "a", "b", "--format", form).stdout)
    shown = re.sub(r"\s+", " ", found)
    assert "Range of float16" in shown
    assert "it was tried; to keep in float32: exp" in shown
    assert "v exp Exp value 1.00e+06 -4.2 3 0" in shown


def test_a_long_table_is_cut(run: Any, answers: Answers) -> None:
    steps = tuple(Step(n, "splice", f"part {n}", "bad") for n in range(40))
    text = markdown(run, answers, "bisect", bisect_report(steps=steps)).partition("<details>")[0]
    assert "#### Runs of the search (12 of 40)" in text
    assert "part 12" not in text


def test_nodes_without_names(run: Any, answers: Answers) -> None:
    text = markdown(run, answers, "bisect", bisect_report(culprits=(NAMELESS,)))
    assert "the unnamed com.microsoft::FusedConv that makes `y` introduces the difference" in text
    assert "- **inside**: `loop_body`" in text


@pytest.mark.parametrize("form", ["markdown", "html", "junit"])
def test_a_culprit_of_torch_has_its_module_and_line(form: str, run: Any, answers: Answers) -> None:
    culprit = replace(CULPRIT, module="encoder.layer.3", source="model.py:31: x = self.fc(x)")
    answers("bisect", bisect_report(culprits=(culprit,)))
    text = run("bisect", "net.py:make@torch", "net.onnx", "--format", form).stdout
    assert "encoder.layer.3" in text.partition("The whole report")[0].partition("<system-out>")[0]
    assert text.count("model.py:31: x = self.fc(x)") >= 2


def test_the_baseline_comes_first(run: Any, answers: Answers) -> None:
    worse = Baseline("old.json", (Worse("value", "v", 1.0, 3.0, "error is 3.00 times"),))
    text = markdown(run, answers, "diff", diff_report(baseline=worse))
    assert "**1 value got worse than in `old.json`**" in text
    assert "- value `v`: `error is 3.00 times`" in text
    calm = markdown(run, answers, "diff", diff_report(baseline=Baseline("old.json")))
    assert "**nothing got worse than in `old.json`**" in calm


def test_a_file_by_its_ending(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("bisect", bisect_report())
    assert run("bisect", "good.onnx", "bad.onnx", "-o", "issue.md").exit_code == 1
    assert (tmp_path / "issue.md").read_text().startswith("### ")
