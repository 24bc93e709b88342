"""What people read, on 100 columns without a terminal; and what a terminal adds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from cli.reports import LONG, OUTPUTS, VALUES, bisect_report, diff_report, row
from pyonnxtool import wording
from pyonnxtool.cli import _text
from pyonnxtool.cli._diff_text import View
from pyonnxtool.cli._rows import chosen, hidden, introduces

Answers = Callable[[str, Any], list[dict[str, Any]]]
Golden = Callable[[str, str], None]


@pytest.mark.parametrize("verdict", ["different", "same", "inconclusive"])
def test_diff_text(verdict: str, run: Any, answers: Answers, golden: Golden) -> None:
    more = {} if verdict != "inconclusive" else {"notes": ("the reference is not deterministic",)}
    answers("diff", diff_report(verdict, **more))
    golden(f"diff_{verdict}", run("diff", "good.onnx", "bad.onnx", "--dim", "batch=1").stdout)


@pytest.mark.parametrize("verdict", ["fault", "drift", "same", "inconclusive"])
def test_bisect_text(verdict: str, run: Any, answers: Answers, golden: Golden) -> None:
    answers("bisect", bisect_report(verdict))
    golden(f"bisect_{verdict}", run("bisect", "good.onnx", "bad.onnx").stdout)


def test_diff_without_introduced_errors_has_no_column_for_them(run: Any, answers: Answers) -> None:
    values = tuple(row(f"v{index}", introduced={}, gain=None) for index in range(3))
    calls = answers("diff", diff_report("same", values=values))
    text = run("diff", "a.onnx", "b.onnx", "--no-introduced").stdout
    assert calls[0]["introduced"] is False
    assert "introd." not in text
    assert "gain" not in text


def test_every_row_is_shown_on_request_and_in_order(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    text = run("diff", "a.onnx", "b.onnx", "--rows", "all").stdout
    places = [text.index(f"\n{row.value[:9]}") for row in VALUES if row.value != LONG]
    assert places == sorted(places)
    assert "more values" not in text


def test_worst_first(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    text = run("diff", "a.onnx", "b.onnx", "--sort", "worst", "--rows", "4").stdout
    assert text.index("\nholes") < text.index("\nbn_out")
    assert "41 more values (21 noise, 20 ok); --rows all shows every one" in text


def test_a_single_value_between_two_rows_is_shown() -> None:
    rows = tuple(row(f"v{index}", "bad" if index in (1, 3, 6) else "ok") for index in range(8))
    shown = [row.value for row in chosen(rows, 3, "graph")]
    assert shown == ["v1", "v2", "v3", "v6"]


def test_values_whose_nodes_introduce_most_are_shown() -> None:
    rows = tuple(
        row(f"v{index}", "noise", introduced={"max_abs": off})
        for index, off in enumerate((0.0, 1e-7, 2e-6, 0.0, 1e-9))
    )
    assert [row.value for row in chosen(rows, 1, "graph")] == ["v2"]


def test_no_rows_at_all(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    text = run("diff", "a.onnx", "b.onnx", "--rows", "0").stdout
    assert "45 more values" in text
    assert "accum." not in text


def test_values_that_introduce_an_error_are_always_among_the_rows() -> None:
    late = (*VALUES, row("last", "bad", 1.0, introduced={"max_abs": 0.5}))
    assert [row.value for row in chosen(late, 3, "graph")] == ["bn_out", "holes", "last"]
    assert hidden(late, late) == ""


def test_a_nan_that_a_node_introduces_counts() -> None:
    assert introduces(row("v", introduced={"max_abs": float("nan")}))
    assert introduces(row("v", introduced={"max_abs": 0.0, "nan_mismatch": 1}))
    assert not introduces(row("v", introduced={"max_abs": 0.0}))
    assert not introduces(row("v", introduced={}))
    assert not introduces(row("v", introduced={"max_abs": 1.0}, tolerance=None))


def test_quiet_leaves_the_verdict(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    assert run("diff", "a.onnx", "b.onnx", "-q").stdout.splitlines() == [
        "different: output `logits` is off by 3.20e-02, 7,805 times what is allowed",
        "To name the node that is to blame:",
        "  pyonnxtool bisect a.onnx b.onnx",
    ]
    answers("bisect", bisect_report())
    told = run("bisect", "a.onnx", "b.onnx", "-q").stdout
    assert told == (
        "fault: node `bn2` (BatchNormalization) introduces the difference, and 1 other node too\n"
    )


def test_the_next_command_repeats_the_options(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    text = run(
        *("diff", "a b.onnx", "c.onnx", "--seed", "3", "--atol", "y*=1e-3", "--dim", "batch=2"),
        *("--shape", "x=1,3", "-q"),
    ).stdout
    assert (
        "\n  pyonnxtool bisect 'a b.onnx' c.onnx --seed 3 --atol 'y*=1e-3' --shape x=1,3 "
        "--dim batch=2\n"
    ) in text


def test_verbose_tells_whole_names(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    assert LONG not in run("diff", "a.onnx", "b.onnx").stdout
    lines = run("diff", "a.onnx", "b.onnx", "-v").stdout.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("/model/"))
    folded = "".join(line.split()[0] for line in lines[first : first + 4])
    assert folded.startswith(LONG)
    assert max(map(len, lines)) <= 100


def test_verbose_tells_the_names_of_both_sides(run: Any, answers: Answers) -> None:
    answers("diff", diff_report(values=(row("v24", reference_value="bn.out"), row("same"))))
    text = run("diff", "a.onnx", "b.onnx", "-v").stdout
    assert "v24 (reference: bn.out)" in text
    assert "same (" not in text
    assert "bn.out" not in run("diff", "a.onnx", "b.onnx").stdout


def test_of_many_outputs_the_bad_ones_are_shown(run: Any, answers: Answers) -> None:
    outputs = tuple(row(f"y{index}", "bad" if index == 40 else "ok") for index in range(50))
    answers("diff", diff_report(outputs=outputs))
    text = run("diff", "a.onnx", "b.onnx", "--rows", "0").stdout
    assert "bad  y40" in text
    assert "y7" not in text
    assert "42 more (42 ok); -v shows all" in text
    assert "y49" in run("diff", "a.onnx", "b.onnx", "-v").stdout


def test_verbose_tells_the_runs(run: Any, answers: Answers) -> None:
    answers("diff", diff_report())
    assert "runs" not in run("diff", "a.onnx", "b.onnx").stdout
    assert "reference 3, candidate 4" in run("diff", "a.onnx", "b.onnx", "-v").stdout


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            row("y", "bad", accumulated={"max_abs": 1e-9, "nan_mismatch": 2}, note="NaN at 2"),
            "different: output `y` is off: NaN at 2\n",
        ),
        (
            row("y", "bad", accumulated={"mismatched": 3}),
            "different: output `y` is off: 3 elements not equal\n",
        ),
        (
            row("y", "bad", accumulated={}, note="shape (1, 8) vs (1, 9)"),
            "different: output `y` is off: shape (1, 8) vs (1, 9)\n",
        ),
        (
            row("y", "bad", accumulated={"max_abs": 3}, tolerance=0.0),
            "different: output `y` is off by 3\n",
        ),
    ],
)
def test_what_is_off(output: Any, told: str, run: Any, answers: Answers) -> None:
    answers("diff", diff_report(outputs=(output, OUTPUTS[1])))
    assert run("diff", "a.onnx", "b.onnx", "-q").stdout.startswith(told)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def drawn_on_terminal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    from pyonnxtool.cli._diff_text import print_diff

    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "100", **environment}.items():
        monkeypatch.setenv(name, value)
    screen = Terminal()
    print_diff(_text.console(screen), diff_report(), View(rows=24))
    return screen.getvalue()


def test_a_terminal_gets_colour_and_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn_on_terminal(monkeypatch)
    assert "\x1b[1;31mbad" in text
    assert "────" in text


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31" not in drawn_on_terminal(monkeypatch, NO_COLOR="1")
    assert ";31m" not in drawn_on_terminal(monkeypatch, NO_COLOR="1")


@pytest.mark.parametrize("columns", [72, 80, 100, 140])
def test_tables_fit_the_screen(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    text = drawn_on_terminal(monkeypatch, COLUMNS=str(columns), NO_COLOR="1")
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert max(map(len, text.splitlines())) <= columns
    assert "3.2e-02" in text, "numbers are never cut"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (3, "3"),
        (12345, "12,345"),
        (1.234e-5, "1.23e-05"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers(value: float | None, text: str) -> None:
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.984, "0.98"),
        (1.0, "1.00"),
        (0.004, "4.0e-03"),
        (0.0, "0.00"),
        (12.34, "12.3"),
        (7805.0, "7,805"),
        (3.3e7, "3.3e+07"),
        (float("inf"), "inf"),
    ],
)
def test_ratios(value: float | None, text: str) -> None:
    assert wording.ratio(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 40, "5120.0 GiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert _text.size(count) == text


def test_long_names_lose_their_middle() -> None:
    assert wording.middle("abcdefghij", 10) == "abcdefghij"
    assert wording.middle("abcdefghij", 7) == "abc…hij"
    assert wording.middle("abcdefghij", 6) == "ab…hij"


def test_a_name_cannot_move_the_cursor() -> None:
    assert wording.middle("a\x1b[2Jb\n", 20) == r"a\x1b[2Jb\n"


def test_types() -> None:
    assert wording.typed("float32", (1, "batch", None)) == "float32[1,batch,?]"
    assert wording.typed("int64", ()) == "int64[]"
    assert wording.typed(None, None) == "? of any shape"
