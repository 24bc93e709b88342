"""Models that the onnx package brings: its node test cases and its data files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper
from onnx.backend.test.case.test_case import TestCase


@cache
def node_cases() -> list[TestCase]:
    """Every backend test case, with its data. Collecting takes a while, so once a process."""
    from onnx.backend.test.case import node

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [case for case in node.collect_testcases(None) if case.model is not None]


@cache
def node_models() -> dict[str, bytes]:
    """Name to bytes of every backend test case."""
    return {case.name: case.model.SerializeToString() for case in node_cases()}


@cache
def data_cases() -> list[TestCase]:
    """The cases of older opsets that the package brings as files, with their data."""
    return [_from_files(path) for path in data_files() if path.name == "model.onnx"]


def _from_files(path: Path) -> TestCase:
    model = onnx.load(path)
    return TestCase(
        name=path.parent.name,
        model_name=path.parent.name,
        url=None,
        model_dir=str(path.parent),
        model=model,
        data_sets=[
            (
                _arrays(folder, "input", model.graph.input),
                _arrays(folder, "output", model.graph.output),
            )
            for folder in sorted(path.parent.glob("test_data_set_*"))
        ],
        kind="data",
        rtol=1e-3,
        atol=1e-7,
    )


def _arrays(folder: Path, kind: str, infos: Sequence[onnx.ValueInfoProto]) -> list[Any]:
    read: list[Any] = []
    for at, info in enumerate(infos):
        path = folder / f"{kind}_{at}.pb"
        if not path.exists():
            break
        if info.type.HasField("tensor_type"):
            read.append(numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())))
        else:
            sequence = onnx.SequenceProto.FromString(path.read_bytes())
            read.append(numpy_helper.to_list(sequence))
    return read


def data_files() -> list[Path]:
    """Every .onnx file of the package's own test data."""
    return sorted(Path(onnx.__file__).parent.joinpath("backend/test/data").rglob("*.onnx"))
