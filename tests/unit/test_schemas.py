"""The published schemas are those of the dataclasses, and real reports keep to them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import pyonnxtool as pot
from cli.reports import bisect_report, diff_report, row
from pyonnxtool import schemas
from pyonnxtool.baseline import against, load_baseline
from pyonnxtool.cli._demo_model import write_pair
from pyonnxtool.errors import UsageError
from pyonnxtool.inspection import inspect
from support import schema_writer
from support.fresh_process import run_python

PACKAGE = Path(pot.__file__).parent
REWRITE = "WRITE_SCHEMAS=1 pytest tests/unit/test_schemas.py writes the files anew"


def valid(name: str, text: str) -> Any:
    report = json.loads(text)
    checker = jsonschema.Draft202012Validator(schemas.load(name))
    problems = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in checker.iter_errors(report)]
    assert not problems, problems
    return report


@pytest.mark.parametrize("name", sorted(schema_writer.REPORTS))
def test_the_files_are_those_of_the_dataclasses(name: str) -> None:
    path = PACKAGE / "schemas" / schema_writer.file_name(name)
    if os.environ.get("WRITE_SCHEMAS"):
        path.write_text(schema_writer.text(name))
    assert path.is_file(), REWRITE
    assert path.read_text() == schema_writer.text(name), REWRITE


@pytest.mark.parametrize("name", sorted(schema_writer.REPORTS))
def test_a_schema_is_a_schema_and_says_what_every_field_is(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.load(name))
    told = "give each field a text below it, or a word in tests/support/schema_writer.py"
    assert list(schema_writer.undescribed(name)) == [], told


def test_everything_that_is_written_has_a_schema() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    written = {one for text in sources for one in re.findall(r"pyonnxtool/([a-z_]+/\d+)\b", text)}
    known = {schemas.load(name)["properties"]["schema"]["const"] for name in schemas.names()}
    assert {f"pyonnxtool/{one}" for one in written} == known


def test_words_are_of_fields_that_exist() -> None:
    found = {name: schema_writer.schema(name) for name in schema_writer.REPORTS}
    there = {
        (owner, field)
        for name, one in found.items()
        for owner, body in [(schema_writer.REPORTS[name].__name__, one), *one["$defs"].items()]
        for field in body.get("properties", {})
    }
    assert set(schema_writer.ONE_OF) <= there
    assert set(schema_writer.WORDS) <= {field for _, field in there}


@pytest.mark.parametrize("verdict", ["same", "different", "inconclusive"])
def test_diff_reports_are_valid(verdict: str) -> None:
    valid("diff", diff_report(verdict).to_json())


@pytest.mark.parametrize("verdict", ["fault", "drift", "same", "inconclusive"])
def test_bisect_reports_are_valid(verdict: str) -> None:
    valid("bisect", bisect_report(verdict).to_json())


def test_real_reports_are_valid(tmp_path: Path) -> None:
    good, bad = map(str, write_pair(tmp_path))
    found = pot.bisect(good, bad, dims={"batch": 1})
    told = valid("bisect", found.to_json())
    assert told["verdict"] == "fault"
    assert told["culprits"][0]["surroundings"]["nodes"]
    assert [one["value"] for one in told["values"]]
    assert valid("bisect", pot.bisect(good, good, dims={"batch": 1}).to_json())["verdict"] == "same"
    assert valid("diff", pot.diff(good, bad, dims={"batch": 1}).to_json())["outputs"]
    assert valid("inspect", inspect(good).to_json())["nodes"]
    spliced = valid("bisect", pot.bisect(good, bad, by="splice", dims={"batch": 1}).to_json())
    assert spliced["steps"]
    assert spliced["method"] == "splice"
    old = tmp_path / "old.json"
    old.write_text(pot.bisect(good, good, dims={"batch": 1}).to_json())
    worse = against(found, load_baseline(old, "pyonnxtool/bisect/1"))
    assert valid("bisect", worse.to_json())["baseline"]["worse"]


def test_a_report_that_is_wrong_is_not_valid() -> None:
    report = json.loads(diff_report().to_json())
    checker = jsonschema.Draft202012Validator(schemas.load("diff"))
    for spoil in (
        {"verdict": "good"},
        {"schema": "pyonnxtool/diff/2"},
        {"values": [{"value": "x"}]},
        {"samples": "1"},
        {"outputs": [json.loads(json.dumps(report["outputs"][0])) | {"gain": "large"}]},
    ):
        assert not checker.is_valid({**report, **spoil}), spoil
    assert checker.is_valid({**report, "later": 1}), "fields may be added"


def test_numbers_that_json_does_not_have_are_words() -> None:
    odd = row("y", "bad", accumulated={"max_abs": float("nan"), "sqnr_db": float("-inf")})
    told = valid("diff", diff_report(values=(odd,)).to_json())
    assert told["values"][0]["accumulated"] == {"max_abs": "nan", "sqnr_db": "-inf"}


def test_an_unknown_schema() -> None:
    with pytest.raises(UsageError, match="there is no schema called 'dif'; there are: bisect, "):
        schemas.load("dif")


def test_schemas_need_no_third_party(tmp_path: Path) -> None:
    code = "import sys; from pyonnxtool import schemas; schemas.load('diff'); print(*sys.modules)"
    loaded = set(run_python("-c", code, cwd=tmp_path).stdout.split())
    assert "pyonnxtool.schemas" in loaded
    assert not loaded & {"click", "rich", "onnx", "onnxruntime", "jinja2"}
