"""Drawings of documents: boxes and curves that keep clear of each other, and the plot's scale."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.reports import AROUND, row
from pyonnxtool.cli._drawing import drawing_of
from pyonnxtool.cli._layers import GAP, Box, lay_out
from pyonnxtool.cli._plot import HEIGHT, MOST_POINTS, WIDTH, plot_of


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


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Box], list[tuple[str, str]]]:
    """Boxes of different sizes, producers first, and edges that go forward."""
    count = draw(st.integers(1, 14))
    sizes = st.builds(Box, st.sampled_from([40.0, 180.0, 400.0]), st.sampled_from([20.0, 62.0]))
    boxes = {f"b{index}": draw(sizes) for index in range(count)}
    pairs = [(f"b{a}", f"b{b}") for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), max_size=30)) if pairs else []
    return boxes, edges


@given(graphs())
def test_any_graph_is_laid_out_without_overlaps(
    graph: tuple[dict[str, Box], list[tuple[str, str]]],
) -> None:
    boxes, edges = graph
    layout = lay_out(boxes, edges, between=50.0)
    places = {
        key: (layout.x[key], layout.y[key], boxes[key] if isinstance(key, str) else Box(0, 0))
        for key in layout.x
    }
    for x, y, box in places.values():
        assert box.width / 2 <= x <= layout.width - box.width / 2
        assert box.height / 2 <= y <= layout.height - box.height / 2
    found = list(places.values())
    for place, (x, y, box) in enumerate(found):
        for other_x, other_y, other in found[place + 1 :]:
            apart = abs(x - other_x) >= (box.width + other.width) / 2
            assert apart or abs(y - other_y) >= (box.height + other.height) / 2
    for source, target in edges:
        route = layout.routes[source, target]
        assert (route[0], route[-1]) == (source, target)
        assert all(layout.y[upper] < layout.y[lower] for upper, lower in pairwise(route))
