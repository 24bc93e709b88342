"""Models that the onnx package brings: its node test cases and its data files."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import onnx


@cache
def node_models() -> dict[str, bytes]:
    """Name to bytes of every backend test case. Collecting takes a while, so once a process."""
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = node.collect_testcases(None)
    return {case.name: case.model.SerializeToString() for case in cases if case.model is not None}


def data_files() -> list[Path]:
    """Every .onnx file of the package's own test data."""
    return sorted(Path(onnx.__file__).parent.joinpath("backend/test/data").rglob("*.onnx"))
