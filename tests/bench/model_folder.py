"""What benches over a folder of models have in common: options, the loop, the JSON."""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]


def add_options(parser: argparse.ArgumentParser, repeat: int) -> None:
    """Which models, how often, where temporary files and the result go."""
    parser.add_argument("--models", default="*", metavar="GLOB")
    parser.add_argument("--repeat", type=int, default=repeat)
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds per process")
    parser.add_argument("--work", type=Path, help="for temporary files: on the models' file system")
    parser.add_argument("--json", type=Path)


def models_in(folder: Path) -> list[Path]:
    """FOLDER/<name>/<name>.onnx, sorted."""
    return sorted(path for path in folder.glob("*/*.onnx") if path.stem == path.parent.name)


def rows_of(
    models: Iterable[Path],
    options: argparse.Namespace,
    of_model: Callable[[Path, argparse.Namespace], list[Row]],
) -> list[Row]:
    """The rows of every model that is asked for; written as far as they are known."""
    rows: list[Row] = []
    for model in models:
        if model.match(f"{options.models}/*.onnx"):
            rows += of_model(model, options)
            if options.json:
                options.json.write_text(json.dumps(rows, indent=1))
    return rows


def medians(runs: list[Row], keys: Sequence[str]) -> Row:
    """Of what each run spent; nothing of no run."""
    return {key: statistics.median(run[key] for run in runs) for key in keys} if runs else {}


def link_into(folder: Path, model: Path) -> Path:
    """The model and its external data under the same names in another folder, without a copy."""
    for part in model.parent.glob(f"{model.name}*"):
        os.link(part, folder / part.name)
    return folder / model.name


def alike(ours: Any, theirs: Any, tolerance: float) -> bool:
    """Whether two arrays are equal; floats within the tolerance of the largest number."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    if ours.dtype.kind != "f" or not ours.size:
        return bool(np.array_equal(ours, theirs))
    largest = np.abs(ours[np.isfinite(ours)]).max(initial=0.0)
    return bool(np.allclose(ours, theirs, rtol=0, atol=tolerance * largest, equal_nan=True))
