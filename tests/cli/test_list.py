"""list: the catalogues are what discovery finds."""

from __future__ import annotations

import json
from typing import Any

import pytest


def test_the_catalogues(run: Any) -> None:
    assert run("list").stdout.splitlines() == [
        "adapters    pyonnxtool list adapters",
        "backends    pyonnxtool list backends",
        "metrics     pyonnxtool list metrics",
        "ops         pyonnxtool list ops",
        "references  pyonnxtool list references",
        "runtimes    pyonnxtool list runtimes",
        "schemas     pyonnxtool list schemas",
        "symbolics   pyonnxtool list symbolics",
    ]


@pytest.mark.parametrize(
    ("catalogue", "line"),
    [
        ("metrics", "sqnr_db       The signal to quantization noise ratio."),
        ("ops", "Conv"),
        ("backends", "onnxruntime"),
    ],
)
def test_entries(catalogue: str, line: str, run: Any) -> None:
    result = run("list", catalogue)
    assert result.exit_code == 0
    assert any(text.startswith(line.split(maxsplit=1)[0]) for text in result.stdout.splitlines())
    names = [text.split()[0] for text in result.stdout.splitlines() if text[0] != " "]
    assert names == sorted(names)


@pytest.mark.parametrize(
    "catalogue",
    ["adapters", "backends", "metrics", "references", "runtimes", "schemas", "symbolics"],
)
def test_every_entry_says_what_it_is(catalogue: str, run: Any) -> None:
    told = json.loads(run("list", catalogue, "--format", "json").stdout)
    assert told["schema"] == "pyonnxtool/list/1"
    assert told["catalogue"] == catalogue
    assert all(entry["name"] and entry["about"] for entry in told["entries"])


def test_traits_of_operators(run: Any) -> None:
    entries = json.loads(run("list", "ops", "--format", "json").stdout)["entries"]
    about = {entry["name"]: entry["about"] for entry in entries}
    assert about["RandomNormal"] == "random"
    assert about["Conv"] == "accumulates (conv)"


def test_runtimes_are_in_the_order_of_their_releases(run: Any) -> None:
    entries = json.loads(run("list", "runtimes", "--format", "json").stdout)["entries"]
    about = {entry["name"]: entry["about"] for entry in entries}
    names = [name for name in about if name.startswith("onnxruntime-")]
    assert names.index("onnxruntime-1.9") + 1 == names.index("onnxruntime-1.10")
    assert about["onnxruntime-1.8"] == (
        "opset 14, IR 7; https://onnxruntime.ai/docs/reference/compatibility.html"
    )
    assert about["tensorrt-8.6"].startswith("opset 17; https://github.com/onnx/onnx-tensorrt/")


def test_adapters_say_from_where_to_where(run: Any) -> None:
    lines = run("list", "adapters").stdout.splitlines()
    told = next(line for line in lines if line.startswith("ReduceMean 18 "))
    assert told.split(maxsplit=2)[2].startswith("18 -> 17: ")


def test_an_unknown_catalogue(run: Any) -> None:
    result = run("list", "adaptors")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: there is no catalogue called 'adaptors'; "
        "there are: adapters, backends, metrics, ops, references, runtimes, schemas, symbolics\n"
    )


@pytest.mark.parametrize("name", ["bisect", "diff", "inspect"])
def test_a_schema_is_printed_by_name(name: str, run: Any) -> None:
    schema = json.loads(run("list", "schemas", name).stdout)
    assert schema["properties"]["schema"]["const"] == f"pyonnxtool/{name}/1"


def test_a_name_that_there_is_not(run: Any) -> None:
    result = run("list", "schemas", "dif")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: there is no schema called 'dif'; there are: bisect, ")
    result = run("list", "ops", "Conv")
    assert result.exit_code == 2
    assert "of ops there is nothing by name; only schemas are printed by name" in result.stderr
