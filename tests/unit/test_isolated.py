"""Runs in a process of their own: crashes, hangs and errors are told, and harm nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pyonnxtool.divergence.probe import Side
from pyonnxtool.divergence.search.isolated import Apart, Failed, Here, can_be_apart
from pyonnxtool.reduction import reduce
from pyonnxtool.subjects import sides
from support.crashing import crash_onnxruntime
from support.parsed import parsed

X = np.float32([1, -2])
NET = "g (float[2] x) => (float[2] y) { a = Relu (x)  b = Tanh (a)  c = Exp (b)  y = Neg (c) }"


def side(graph: str = NET) -> Side:
    first, _ = sides((parsed(graph), "ort:none"))
    return first


@pytest.fixture
def apart() -> Iterator[Apart]:
    runner = Apart(timeout=30)
    yield runner
    runner.close()


def test_both_ways_give_the_same(apart: Apart) -> None:
    one = side()
    there = apart.run(one, one.model, {"x": X})
    np.testing.assert_array_equal(there["y"], Here().run(one, one.model, {"x": X})["y"])
    assert one.runs == 2
    assert can_be_apart(one)


def test_an_error_is_the_same_failure_both_ways(apart: Apart) -> None:
    one = side("g (float[2] x) => (float[2] y) { y = NoSuchThing (x) }")
    told = []
    for runner in (apart, Here()):
        with pytest.raises(Failed, match=r"NoSuchThing") as caught:
            runner.run(one, one.model, {"x": X})
        told.append((caught.value.how, caught.value.signature))
    assert told[0] == told[1]
    assert told[0][0] == "error"


def test_failures_are_alike_by_their_words_alone(apart: Apart) -> None:
    def signature(graph: str) -> str:
        one = side(graph)
        with pytest.raises(Failed) as caught:
            apart.run(one, one.model, {"x": X})
        return caught.value.signature

    text = "g (float[2] x) => (float[N] y) <int64[1] s = {3}> { AA y = Reshape (XX, s) }"
    first = signature(text.replace("AA", "").replace("XX", "x"))
    assert first == signature(text.replace("AA", "a = Relu (x)").replace("XX", "a"))
    assert first != signature("g (float[2] x) => (float[2] y) { y = Conv (x, x) }")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("segfault", r"the process was killed by SIGSEGV"),
        ("exit", r"the process ended with exit code 7: last words"),
    ],
)
def test_a_crash_is_told_and_the_next_run_is_fine(
    how: str, told: str, apart: Apart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_onnxruntime(tmp_path, monkeypatch, how, needs=[b"Exp"])
    bad, good = side(), side(NET.replace("Exp", "Abs"))
    for _ in range(2):
        with pytest.raises(Failed, match=told) as caught:
            apart.run(bad, bad.model, {"x": X})
        assert caught.value.how == "crash"
        assert apart.run(good, good.model, {"x": X})["y"].shape == (2,)


def test_a_hang_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crash_onnxruntime(tmp_path, monkeypatch, "hang", needs=[b"Exp"])
    runner = Apart(timeout=3)
    with pytest.raises(Failed, match=r"did not end within 3 s") as caught:
        runner.run(side(), side().model, {"x": X})
    assert caught.value.how == "hang"
    runner.close()


def test_a_crash_of_two_nodes_together_leaves_the_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_onnxruntime(tmp_path, monkeypatch, "segfault", needs=[b"Tanh", b"Neg"])
    report = reduce(parsed(NET), inputs={"x": X})
    assert report.kept == "crashes"
    assert [node.op_type for node in report.nodes] == ["Tanh", "Neg"]
    assert report.shown == "the process was killed by SIGSEGV"


def test_a_backend_of_the_program_itself_runs_here() -> None:
    class Own:
        name = "onnxruntime"

    one = side()
    one.backend = Own()  # type: ignore[assignment]
    assert not can_be_apart(one)
