"""What a model says of itself is shown, changed and taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool.errors import UsageError

NET = """
<ir_version: 10, opset_import: ["" : 21, "own" : 1], producer_name: "exporter",
 producer_version: "2", model_version: 3, doc_string: "a net",
 metadata_props: ["author": "me", "run.id": "7", "run.seed": "1"]>
g (float[2] x) => (float[2] y) { y = own.twice (x) }
<domain: "own", opset_import: ["" : 21]>
twice (a) => (b) { b = Add (a, a) }
"""


def proto() -> onnx.ModelProto:
    made = onnx.parser.parse_model(NET)
    made.graph.doc_string = "of the graph"
    made.graph.node[0].doc_string = "File /me/net.py"
    made.graph.node[0].metadata_props.add(key="stack", value="/home/me")
    made.graph.input[0].doc_string = "the input"
    made.graph.metadata_props.add(key="g", value="1")
    made.functions[0].doc_string = "of the function"
    made.functions[0].node[0].metadata_props.add(key="stack", value="/home/me")
    return made


def net() -> pot.Model:
    return pot.from_proto(proto())


def test_what_is_said() -> None:
    assert pot.metadata(net()).report.header == {
        "producer_name": "exporter",
        "producer_version": "2",
        "model_version": "3",
        "doc_string": "a net",
        "graph_name": "g",
        "graph_doc_string": "of the graph",
        "metadata.author": "me",
        "metadata.run.id": "7",
        "metadata.run.seed": "1",
    }


def test_entries_and_fields() -> None:
    given = net()
    made = pot.metadata(
        given,
        {"author": "you", "license": "MIT"},
        remove=["run.*"],
        producer_name="ours",
        producer_version="",
        domain="com.example",
        model_version=4,
        doc_string="another",
        graph_name="main",
    )
    model = made.model
    assert model.metadata == {"author": "you", "license": "MIT"}
    assert (model.producer_name, model.producer_version, model.domain) == (
        "ours",
        "",
        "com.example",
    )
    assert (model.model_version, model.doc_string, model.graph.name) == (4, "another", "main")
    assert given.metadata["author"] == "me"
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("metadata entries removed", 2),
        ("metadata entries set", 2),
        ("producer_name set", 1),
        ("producer_version removed", 1),
        ("domain set", 1),
        ("model_version set", 1),
        ("doc_string set", 1),
        ("graph_name set", 1),
    ]
    onnx.checker.check_model(pot.to_proto(model))


def test_a_version_is_a_number_of_64_bits() -> None:
    with pytest.raises(UsageError, match="ONNX stores it in 64 bits"):
        pot.metadata(net(), model_version=2**63)


def test_what_exporters_write_goes() -> None:
    made = pot.metadata(net(), strip=True)
    assert b"/home/me" not in made.model.to_bytes()
    assert made.model.metadata["author"] == "me"
    assert [(one.rule, one.count) for one in made.report.changes] == [
        ("doc strings removed", 4),
        ("metadata entries of graphs and functions removed", 1),
        ("metadata entries of nodes removed", 2),
    ]


def test_all_of_it_goes_and_is_said_anew() -> None:
    made = pot.metadata(net(), {"license": "MIT"}, clear=True, doc_string="new").model
    told = pot.metadata(made).report.header
    assert told == {
        "model_version": "3",
        "doc_string": "new",
        "graph_name": "g",
        "metadata.license": "MIT",
    }


def test_what_is_not_there() -> None:
    told = "there is no metadata entry called 'autor'; did you mean: author"
    with pytest.raises(UsageError, match=re.escape(told)):
        pot.metadata(net(), remove=["autor"])
    with pytest.raises(UsageError, match="a metadata entry needs a key"):
        pot.metadata(net(), {"": "x"})


def test_the_same_again_changes_nothing() -> None:
    assert pot.metadata(net(), {"author": "me"}, producer_name="exporter").report.changes == ()
    assert pot.metadata(net()).model.to_bytes() == proto().SerializeToString()


def saved(folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save(proto(), path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    from click.testing import CliRunner

    from pyonnxtool.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    saved(tmp_path)
    return lambda *words: CliRunner().invoke(main, list(words))


def test_shown_on_the_command_line(run: Callable[..., Any]) -> None:
    told = run("metadata", "net.onnx")
    assert told.exit_code == 0
    assert re.search(r"  metadata.author +me\n", told.stdout)
    assert told.stdout.endswith(
        "Its parts say more  --strip takes that away\n"
        "  4  doc strings\n"
        "  1  metadata entries of graphs and functions\n"
        "  2  metadata entries of nodes\n"
    )
    assert json.loads(run("metadata", "net.onnx", "--format", "json").stdout)["header"]


def test_changed_on_the_command_line(run: Callable[..., Any]) -> None:
    assert run("metadata", "net.onnx", "-o", "net.onnx", "--set", "a=b=c", "-q").exit_code == 0
    assert pot.load("net.onnx").metadata["a"] == "b=c"
    told = run("metadata", "net.onnx", "--set", "license", "--dry-run")
    assert (told.exit_code, "'license' is not KEY=VALUE; write" in told.stderr) == (2, True)
    assert "say where the new model goes" in run("metadata", "net.onnx", "--clear").stderr
