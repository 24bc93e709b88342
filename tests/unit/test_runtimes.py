"""Runtimes: what is known of them has a source, and names are found as people write them."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest

from pyonnxtool.errors import UsageError
from pyonnxtool.op_schemas import newest_opset
from pyonnxtool.runtimes import Runtime, all_runtimes, find_runtime, oldest_that_take

KNOWN = list(all_runtimes())


@pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.name)
def test_each_has_a_source_and_versions_that_exist(one: Runtime) -> None:
    assert re.fullmatch(r"[a-z0-9-]+-[0-9.]+", one.name)
    assert one.source.startswith("https://")
    assert one.how in ("documented", "measured")
    assert 7 <= one.opset <= newest_opset()
    assert one.ir_version is None or 3 <= one.ir_version <= 14
    assert date.fromisoformat(one.date) >= date(2026, 1, 1)
    assert one.about


def test_names_are_told_apart() -> None:
    names = [one.name for one in KNOWN]
    assert len(set(names)) == len(names)
    assert {name.rpartition("-")[0] for name in names} >= {"onnxruntime", "tensorrt", "windows-ml"}


def test_later_releases_take_no_less() -> None:
    for first, second in pairwise(KNOWN):
        if first.name.rpartition("-")[0] == second.name.rpartition("-")[0]:
            assert first.opset <= second.opset
            assert (first.ir_version or 0) <= (second.ir_version or 99)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("onnxruntime-1.8", "onnxruntime-1.8"),
        ("onnxruntime-1.8.1", "onnxruntime-1.8"),
        ("ORT-1.10", "onnxruntime-1.10"),
        ("TensorRT-8.6.1.6", "tensorrt-8.6"),
        (" trt-10.0 ", "tensorrt-10.0"),
        ("winml-2004", "windows-ml-2004"),
        ("rknn-toolkit2-1.6.0", "rknn-toolkit2-1.6"),
    ],
)
def test_names_are_found_as_people_write_them(written: str, name: str) -> None:
    assert find_runtime(written).name == name


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("onnxruntime", r"onnxruntime: which release; known are 1\.0, .*, 1\.32$"),
        ("onnxruntime-", r"onnxruntime: which release; known are "),
        ("onnxruntime-2", r"onnxruntime: there is nothing known of its release '2'; known are "),
        ("onnxruntime-1.800", r"nothing known of its release '1\.800'"),
        ("onxruntime-1.8", r"no runtime is called 'onxruntime-1\.8'; did you mean onnxruntime-1"),
        ("", r"no runtime is called ''; there are releases of cann, "),
    ],
)
def test_others_are_refused_with_names_that_are_close(written: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_runtime(written)


def test_the_oldest_release_that_takes_a_model() -> None:
    found = {one.name for one in oldest_that_take(17, 8)}
    assert {"onnxruntime-1.12", "tensorrt-8.4"} <= found
    assert not any(name.startswith("windows-ml") for name in found), "none of them does"
    assert "onnxruntime-1.16" in {one.name for one in oldest_that_take(17, 9)}
    assert list(oldest_that_take(99, 3)) == []
