"""The HTML page: complete without network or scripts, and no name in a model is markup."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cli.reports import CULPRIT, VALUES, bisect_report, diff_report, row
from pyonnxtool.cli._drawing import drawing_of
from pyonnxtool.cli._layers import GAP, Box, lay_out
from pyonnxtool.cli._plot import HEIGHT, MOST_POINTS, WIDTH, plot_of
from pyonnxtool.report_parts import Baseline, GraphEdge, GraphNode, Surroundings, Worse
from pyonnxtool.wording import TIMES

Answers = Callable[[str, Any], list[dict[str, Any]]]

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></svg></style><script>alert(2)</script>",
    "line\nbreak\r\x00\x1b[2J",
    "\u202eright\u202c to left \u05d0\u05d1",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &amp;",
    "`ticks` | pipes",
]

AROUND = Surroundings(
    nodes=(
        GraphNode("s0", "weight", "around", "bn.scale", "", ""),
        GraphNode("n1", "node", "around", "conv", "Conv", "", 0.0, 1e-5, "ok"),
        GraphNode("n2", "node", "culprit", "bn2", "BatchNormalization", "", 3e-2, 1e-5, "bad"),
        GraphNode("n3", "node", "region", "relu", "Relu", "com.example", 1e-6, 1e-5, "noise"),
        GraphNode("n4", "node", "around", "add", "Add", ""),
        GraphNode("t0", "output", "around", "y", "", ""),
    ),
    edges=(
        GraphEdge("s0", "n2", "bn.scale", "float32", (64,)),
        GraphEdge("n1", "n2", "conv_out", "float32", (1, 64, None, "w")),
        GraphEdge("n2", "n3", "bn_out", "float32", (1, 64, 8, 8)),
        GraphEdge("n1", "n4", "conv_out", "float32", (1, 64, None, "w")),
        GraphEdge("n3", "n4", "relu_out", "", None),
        GraphEdge("n4", "t0", "y", "float32", (1, 64, 8, 8)),
    ),
    left_out=3,
)

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """A parsed page; every tag that is opened has to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def page(run: Any, answers: Answers, command: str, report: Any) -> str:
    answers(command, report)
    result = run(command, "a.onnx", "b.onnx", "--format", "html")
    assert not result.stderr, result.stderr
    return str(result.stdout)


def drawings(text: str) -> list[ET.Element]:
    """The pictures of a page, which have to be XML."""
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


@pytest.mark.parametrize("verdict", ["same", "different", "inconclusive"])
def test_diff_has_everything(verdict: str, run: Any, answers: Answers) -> None:
    found = Page(page(run, answers, "diff", diff_report(verdict)))
    for told in (verdict, "good.onnx@ort:none", "812 compared, 37 fused away", "bn_out", "boxes"):
        assert told in found.text
    assert sum(attrs.get("id", "").startswith("v") for tag, attrs in found.tags if tag == "tr") == (
        len(VALUES)
    )


@pytest.mark.parametrize("verdict", ["fault", "drift", "same", "inconclusive"])
def test_bisect_has_everything(verdict: str, run: Any, answers: Answers) -> None:
    found = Page(page(run, answers, "bisect", bisect_report(verdict)))
    told = {
        "fault": "attribute epsilon differs: 1e-05 in the reference, 0.01 in the candidate",
        "drift": "the 8 largest contributions make up 80 % of the final difference",
        "same": "the final outputs agree on 1 sample; nothing to find",
        "inconclusive": "only 2 of 127 values line up",
    }
    assert told[verdict] in found.text
    assert "pyonnxtool bisect a.onnx b.onnx" in found.text
    assert "Largest contributors" in found.text or verdict != "drift"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_markup(name: str, run: Any, answers: Answers) -> None:
    hostile = GraphNode("n1", "node", "culprit", name, name, name, 1.0, 1e-5, "bad")
    around = Surroundings((hostile,), (), 0)
    culprit = replace(
        CULPRIT,
        node=name,
        op_type=name,
        why=name,
        outputs=(name,),
        region=(name, name),
        neighbourhood=name,
        surroundings=around,
    )
    bad = row(name, "bad", 1.0, node=name, op_type=name, note=name, dtype=name)
    worse = Baseline(name, (Worse("value", name, None, 1.0, name),), gone=(name,), notes=(name,))
    report = bisect_report(
        reference=name,
        candidate=name,
        culprits=(culprit,),
        values=(bad, row("fine")),
        outputs=(bad,),
        notes=(name,),
        baseline=worse,
    )
    plain = page(run, answers, "bisect", report)
    tame = plain_of_tame_names(run, answers)
    assert tags_of(plain) == tags_of(tame), "the same elements, whatever the names are"
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", plain)
    assert len(drawings(plain)) == 2


def plain_of_tame_names(run: Any, answers: Answers) -> str:
    one = GraphNode("n1", "node", "culprit", "n", "n", "n", 1.0, 1e-5, "bad")
    culprit = replace(
        CULPRIT, outputs=("n",), region=("n", "n"), surroundings=Surroundings((one,), (), 0)
    )
    bad = row("n", "bad", 1.0, note="n")
    worse = Baseline("n", (Worse("value", "n", None, 1.0, "n"),), gone=("n",), notes=("n",))
    report = bisect_report(
        culprits=(culprit,), values=(bad, row("fine")), outputs=(bad,), notes=("n",), baseline=worse
    )
    return page(run, answers, "bisect", report)


def tags_of(text: str) -> list[tuple[str, list[str]]]:
    """Elements and the names of their attributes. Names with backquotes are split otherwise."""
    return [(tag, sorted(attrs)) for tag, attrs in Page(text).tags if tag not in {"code", "bdi"}]


def test_a_name_is_shown_as_it_is(run: Any, answers: Answers) -> None:
    report = diff_report(values=(row("<b>&amp;</b>", "bad", 1.0), row("\u202edab\n")))
    found = Page(page(run, answers, "diff", report))
    assert "<b>&amp;</b>" in found.text
    assert r"\u202edab\n" in found.text, "what turns text around is escaped as in the terminal"


def test_nothing_is_loaded_and_only_our_script_runs(run: Any, answers: Answers) -> None:
    text = page(run, answers, "bisect", bisect_report(values=VALUES))
    found = Page(text)
    asked = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}
    for tag, attrs in found.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert not asked & set(attrs)
        assert not any(name.startswith("on") for name in attrs)
    assert "url(" not in text
    assert "@import" not in text
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == found.count("script") == 1
    policy = next(attrs["content"] for _, attrs in found.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )


def test_the_form_appears_with_the_script_only(run: Any, answers: Answers) -> None:
    found = Page(page(run, answers, "diff", diff_report()))
    form = next(attrs for tag, attrs in found.tags if tag == "form")
    assert "hidden" in form
    assert found.count("button") == 0, "headings become buttons where a script can sort"


def test_a_report_without_values_has_neither_table_nor_plot(run: Any, answers: Answers) -> None:
    text = page(run, answers, "diff", diff_report("same", values=()))
    assert "<svg" not in text
    assert 'id="values"' not in text


def test_columns_of_introduced_errors_only_where_they_were_measured(
    run: Any, answers: Answers
) -> None:
    values = tuple(row(f"v{index}", introduced={}, gain=None) for index in range(3))
    text = page(run, answers, "diff", diff_report("same", values=values))
    assert f"{TIMES} rounding</th>" not in text
    assert f"{TIMES} rounding</th>" in page(run, answers, "diff", diff_report())


def test_large_reports_stay_small_and_quick(run: Any, answers: Answers) -> None:
    values = tuple(
        row(f"/model/layers.{index // 30}/attention/MatMul_{index}_output_0", "noise", 1e-5)
        for index in range(3000)
    )
    start = time.perf_counter()
    text = page(run, answers, "diff", diff_report(values=values))
    assert time.perf_counter() - start < 15
    assert len(text) < 2_500_000
    assert text.count("<circle") <= MOST_POINTS
    assert text.count('<tr class="noise"') == 3000


def test_a_file_by_its_ending(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", "-o", "report.HTML")
    assert result.exit_code == 1
    assert result.stdout.startswith("different: ")
    assert (tmp_path / "report.HTML").read_text().startswith("<!DOCTYPE html>")
    run("diff", "a.onnx", "b.onnx", "-o", "plain.html", "--format", "text")
    assert "<html" not in (tmp_path / "plain.html").read_text(), "what is asked for counts"


# -- the drawing of the neighbourhood --------------------------------------------------------------


def test_the_neighbourhood_is_drawn(run: Any, answers: Answers) -> None:
    culprit = replace(CULPRIT, surroundings=AROUND)
    text = page(run, answers, "bisect", bisect_report(culprits=(culprit,)))
    (drawn,) = drawings(text)
    words = ["".join(one.itertext()) for one in drawn.iter("text")]
    for told in ("BatchNormalization", "bn2", "conv_out", "float32[1,64,?,w]", "com.example::Relu"):
        assert told in words
    assert any(re.fullmatch(r"adds 3.0e-02, 3,000\S", one) for one in words)
    looks = [one.get("class") for one in drawn.iter("g")]
    assert "box node culprit worst" in looks
    assert "box node around equal" in looks
    assert "box node region noise" in looks
    assert "box node around unknown" in looks
    assert "3 further neighbours left out" in Page(text).text
    assert "Conv conv feeds BatchNormalization bn2" in (drawn.get("aria-label") or "")


def test_boxes_do_not_overlap_and_lie_in_the_picture() -> None:
    drawn = drawing_of(AROUND)
    boxes = drawn.boxes
    for place, one in enumerate(boxes):
        assert one.x >= 0
        assert one.x + one.width <= drawn.width
        assert one.y + one.height <= drawn.height
        for other in boxes[place + 1 :]:
            apart = (
                one.x + one.width <= other.x
                or other.x + other.width <= one.x
                or one.y + one.height <= other.y
                or other.y + other.height <= one.y
            )
            assert apart, (one.title, other.title)


def test_edges_go_down_around_the_boxes_between() -> None:
    layout = lay_out(
        {key: Box(100, 40) for key in "abcd"},
        [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")],
        between=30,
    )
    assert [layout.y[key] for key in "abcd"] == sorted(layout.y[key] for key in "abcd")
    route = layout.routes["a", "d"]
    assert route == ["a", ("a", 1), ("a", 2), "d"]
    for bend, box in ((("a", 1), "b"), (("a", 2), "c")):
        assert layout.y[bend] == layout.y[box]
        assert abs(layout.x[bend] - layout.x[box]) >= 50 + GAP


def test_crossings_are_avoided() -> None:
    layout = lay_out(
        {key: Box(50, 20) for key in ("a", "b", "c", "p", "q", "r")},
        [("a", "r"), ("b", "q"), ("c", "p")],
        between=30,
    )
    order = sorted(("a", "b", "c"), key=lambda key: layout.x[key])
    below = sorted(("p", "q", "r"), key=lambda key: layout.x[key])
    partner = {"a": "r", "b": "q", "c": "p"}
    assert [partner[key] for key in order] == below


def test_an_empty_drawing_and_a_lone_box() -> None:
    assert lay_out({}, [], between=30).routes == {}
    alone = lay_out({"a": Box(100, 40)}, [], between=30)
    assert alone.width > 100
    assert alone.height > 40


# -- the plot of the error -------------------------------------------------------------------------


def test_the_plot_marks_what_is_bad() -> None:
    rows = [row(f"v{index}", introduced={"max_abs": 1e-7}) for index in range(20)]
    rows[7] = row("culprit", "bad", 1e-2, introduced={"max_abs": 1e-2})
    plot = plot_of(rows)
    assert plot is not None
    bad = [point for point in plot.points if point.bad]
    assert [(point.row, point.label) for point in bad] == [(7, "culprit")]
    assert bad[0].y is not None
    assert bad[0].y < plot.bound, "above the line"
    assert all(point.y > plot.bound for point in plot.points if not point.bad and point.y)
    assert bad[0].title.splitlines()[0] == "culprit (Conv): bad"
    assert all(0 <= point.x <= WIDTH and 0 <= (point.y or 0) <= HEIGHT for point in plot.points)


def test_a_value_that_only_hands_an_error_on_is_no_point_to_look_at() -> None:
    """The user's own tolerance makes everything bad that comes after the culprit."""
    rows = [
        row("fine"),
        row("culprit", "bad", 1e-2, introduced={"max_abs": 1e-2}),
        row("after", "bad", 1e-2, introduced={"max_abs": 0.0}),
        row("unknown", "bad", 1e-2, introduced={}),
    ]
    plot = plot_of(rows)
    assert plot is not None
    assert [point.bad for point in plot.points] == [False, True, False, True]
    assert plot.points[3].y == plot.points[1].y, "at what it accumulated"


def test_equal_values_lie_on_the_floor_and_holes_at_the_top() -> None:
    rows = [
        row("equal", introduced={"max_abs": 0.0}),
        row("nan", "bad", introduced={"max_abs": 0.0, "nan_mismatch": 2}),
        row("index", "bad", introduced={"max_abs": 1}, tolerance=0.0),
        row("text", "bad", introduced={"mismatched": 1}, tolerance=0.0),
        row("infinite", "bad", introduced={"max_abs": math.inf}),
        row("unknown", introduced={}),
    ]
    plot = plot_of(rows)
    assert plot is not None
    heights = [point.y for point in plot.points]
    assert heights[0] == plot.floor
    assert heights[1:5] == [min(y for y, _ in plot.ticks)] * 4
    assert heights[5] is None


def test_many_values_share_points_and_the_worst_is_kept() -> None:
    rows = [row(f"v{index}") for index in range(5000)]
    rows[4321] = row("needle", "bad", 1.0, introduced={"max_abs": 1.0})
    plot = plot_of(rows)
    assert plot is not None
    assert len(plot.points) <= MOST_POINTS
    assert [point.row for point in plot.points if point.bad] == [4321]
    assert plot.shared == 11


@pytest.mark.parametrize("count", [2, 3, 9, 10, 20, 122, 588, 5000, 99999])
def test_marks_of_the_axis_are_few_and_apart(count: int) -> None:
    plot = plot_of([row("v")] * count)
    assert plot is not None
    places = [x for x, _ in plot.places]
    assert 2 <= len(places) <= 11
    assert all(after - before > 20 for before, after in pairwise(places))
    assert plot.places[0][1] == "1"
    assert plot.places[-1][1] == f"{count:,}"


def test_marks_of_errors_are_few() -> None:
    rows = [row("tiny", introduced={"max_abs": 1e-30}), row("huge", "bad", 1e30)]
    plot = plot_of(rows)
    assert plot is not None
    assert len(plot.ticks) <= 12
    heights = [y for y, _ in plot.ticks]
    assert all(abs(a - b) > 10 for a, b in pairwise(heights))


def test_one_value_is_no_plot() -> None:
    assert plot_of([row("v")]) is None
    assert plot_of([]) is None
