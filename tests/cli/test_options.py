"""Options become arguments of the API; what cannot is told with what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.reports import bisect_report, diff_report

Answers = Callable[[str, Any], list[dict[str, Any]]]


def test_options_reach_the_api(run: Any, answers: Answers, tmp_path: Path) -> None:
    (tmp_path / "ops.so").touch()
    calls = answers("diff", diff_report("same"))
    result = run(
        *("diff", "a.onnx@ort:none", "b.onnx", "--inputs", "feeds.npz", "--samples", "3"),
        *("--seed", "7", "--shape", "x=1,3,8,8", "--shape", "scalar=", "--shape", "a=b=2"),
        *("--dim", "batch=2", "--atol", "1e-4", "--atol", "y*=1e-3", "--rtol", "0", "--ulp", "4"),
        *("--memory", "512MiB", "--only", "op:Conv", "--skip", "tmp*", "--custom-ops", "ops.so"),
    )
    assert result.exit_code == 0
    call = calls[0]
    assert callable(call.pop("progress"))
    assert call == {
        "reference": "a.onnx@ort:none",
        "candidate": "b.onnx",
        "inputs": "feeds.npz",
        "samples": 3,
        "seed": 7,
        "shapes": {"x": (1, 3, 8, 8), "scalar": (), "a=b": (2,)},
        "dims": {"batch": 2},
        "atol": ("1e-4", "y*=1e-3"),
        "rtol": ("0",),
        "ulp": ("4",),
        "memory": "512MiB",
        "only": ("op:Conv",),
        "skip": ("tmp*",),
        "custom_ops": ("ops.so",),
        "value_map": (),
        "introduced": True,
        "ranges": None,
    }


def test_defaults_are_those_of_the_api(run: Any, answers: Answers) -> None:
    calls = answers("bisect", bisect_report("same"))
    assert run("bisect", "a.onnx").exit_code == 0
    call = calls[0]
    del call["progress"], call["tell"]
    assert call == {
        "reference": "a.onnx",
        "candidate": None,
        "by": "auto",
        "all_faults": False,
        "journal": None,
        "resume": None,
        "max_runs": None,
        "timeout": None,
        "inputs": None,
        "samples": 1,
        "seed": 0,
        "shapes": {},
        "dims": {},
        "atol": (),
        "rtol": (),
        "ulp": (),
        "memory": "2GiB",
        "only": (),
        "skip": (),
        "custom_ops": (),
        "value_map": (),
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--shape", "1,3"], "'1,3' is not NAME=SIZE,SIZE,…"),
        (["--shape", "x=1,-3"], "'x=1,-3' is not NAME=SIZE,SIZE,…"),
        (["--shape", "x=1", "--shape", "x=2"], "'x' is given twice"),
        (["--dim", "batch"], "'batch' is not NAME=SIZE"),
        (["--dim", "batch=two"], "'batch=two' is not NAME=SIZE"),
        (["--dim", "n=1", "--dim", "n=2"], "'n' is given twice"),
        (["--atol", "small"], "'small' is not [GLOB=]NUMBER"),
        (["--rtol", "y=-1"], "'y=-1' is not [GLOB=]NUMBER"),
        (["--ulp", "nan"], "'nan' is not [GLOB=]NUMBER"),
        (["--memory", "lots"], "'lots' is not a size; write one such as 512MiB or 2GiB"),
        (["--samples", "0"], "0 is not in the range x>=1"),
        (["--seed", "x"], "'x' is not a valid integer"),
        (["--custom-ops", "none.so"], "'none.so' does not exist"),
        (["--format", "pdf"], "'pdf' is not one of 'text', 'json', 'html', 'junit', 'markdown'"),
        (["--rows", "some"], "'some' is neither a number of rows nor 'all'"),
        (["--sort", "name"], "'name' is not one of 'graph', 'worst'"),
        (["--sampels", "2"], "No such option '--sampels'"),
    ],
)
def test_bad_options(options: list[str], told: str, run: Any, answers: Answers) -> None:
    calls = answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", *options)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not calls
    assert not result.stdout


def test_arguments_that_are_missing_or_too_many(run: Any) -> None:
    assert "Missing argument 'REF'" in run("diff").stderr
    assert run("diff").exit_code == 2
    assert "unexpected extra argument (c.onnx)" in run("diff", "a.onnx", "b.onnx", "c.onnx").stderr


def test_an_unknown_command(run: Any) -> None:
    result = run("bisct")
    assert result.exit_code == 2
    assert "No such command 'bisct'" in result.stderr


def test_without_a_command_the_help_is_shown(run: Any) -> None:
    result = run()
    assert result.exit_code == 2
    assert "bisect" in result.output


def test_bisect_offers_only_what_exists(run: Any, answers: Answers) -> None:
    answers("bisect", bisect_report())
    told = run("bisect", "a", "--by", "magic").stderr
    assert "'magic' is not one of 'auto', 'values', 'splice', 'pass'" in told
