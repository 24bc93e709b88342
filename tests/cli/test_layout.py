"""layout on the command line: what it prints, what it writes, and what it refuses to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from pyonnxtool import schemas

Golden = Callable[[str, str], None]

NET = """<ir_version: 8, opset_import: ["" : 17]>
net (float[n,10,6,3] x, float[n,5] hint) => (float[n,12,2] y, float[n,5] same)
<float[2,3,3,1] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9},
 float[2] b = {0.5, -0.5}, int64[3] s = {0, 12, -1}> {
  [to_nchw] t = Transpose <perm = [0, 3, 1, 2]> (x)
  [conv] c = Conv (t, w)
  [to_nhwc] d = Transpose <perm = [0, 2, 3, 1]> (c)
  [bias] e = Add (d, b)
  [act] f = Relu (e)
  [back] g = Transpose <perm = [0, 3, 1, 2]> (f)
  [pool] h = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (g)
  [again] i = Transpose <perm = [0, 2, 3, 1]> (h)
  [tokens] y = Reshape (i, s)
  [hinted] same = Sigmoid (hint)
}"""


@pytest.fixture
def net(saved: Callable[[str, str], Path]) -> Path:
    return saved("net", NET)


def ops(path: Path) -> list[str]:
    return [node.op_type for node in pot.load(path).graph.nodes]


def error(result: Any) -> str:
    assert result.exit_code == 2, result.stdout
    assert result.stdout == ""
    return re.sub(r"\s+", " ", result.stderr.rpartition("Error: ")[2]).strip()


def test_nchw(net: Path, run: Any, golden: Golden) -> None:
    result = run("layout", "net.onnx", "-o", "out.onnx")
    assert result.exit_code == 0, result.stderr
    golden("layout", result.stdout)
    onnx.checker.check_model(str(net.with_name("out.onnx")), full_check=True)
    assert ops(net.with_name("out.onnx")).count("Transpose") == 2


def test_nhwc(net: Path, run: Any, golden: Golden) -> None:
    words = ["--to", "nhwc", "--filters", "ohwi", "--domain", "vendor.nhwc", "-v"]
    result = run("layout", "net.onnx", "-o", "out.onnx", *words)
    assert result.exit_code == 0, result.stderr
    golden("layout_nhwc", result.stdout)
    made = pot.load(net.with_name("out.onnx"))
    assert {function.domain for function in made.functions} == {"vendor.nhwc"}
    assert "Transpose" not in ops(net.with_name("out.onnx"))
    back = run("layout", "out.onnx", "-o", "back.onnx", "--expand", "--domain", "vendor.nhwc")
    assert back.exit_code == 0, back.stderr
    assert not pot.load(net.with_name("back.onnx")).functions


def test_a_border(net: Path, run: Any, golden: Golden) -> None:
    result = run("layout", "net.onnx", "-o", "out.onnx", "--io", "x=nchw,hint=1,0", "--dim", "n=4")
    assert result.exit_code == 0, result.stderr
    golden("layout_border", result.stdout)
    made = pot.load(net.with_name("out.onnx"))
    assert made.graph.value("x").shape == ("n", 3, 10, 6)
    assert made.graph.value("hint").shape == (5, "n")
    assert made.graph.value("y").shape is not None
    assert ops(net.with_name("out.onnx")).count("Transpose") == 2


def test_a_dry_run_runs_and_writes_nothing(
    net: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("nothing is run")

    monkeypatch.setattr("pyonnxtool.verification.verify", refuse)
    result = run("layout", "net.onnx", "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert "no plan moves fewer; not verified " in re.sub(r"\s+", " ", result.stdout)
    assert "Transposes that are left" in result.stdout
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_quiet(net: Path, run: Any) -> None:
    assert run("layout", "net.onnx", "-o", "out.onnx", "-q").stdout == (
        "relaid: net.onnx, 4 Transposes (1.5 KiB) before, 2 (816 B) after; no plan moves fewer; "
        "outputs agree on 2 samples\n"
    )


def test_json(net: Path, run: Any) -> None:
    result = run("layout", "net.onnx", "-o", "out.onnx", "--json", "map.json", "--format", "json")
    told = json.loads(result.stdout)
    jsonschema.validate(told, schemas.load("layout"))
    assert json.loads(net.with_name("map.json").read_text()) == told
    assert told["plan"]["before"]["transposes"] == 4
    assert told["plan"]["optimum"] == told["plan"]["after"]["nbytes"]
    assert told["verification"]["samples"] == 2
    assert told["written"] == ["out.onnx"]


def test_diff_and_bisect_through_the_map(net: Path, run: Any) -> None:
    words = ["--to", "nhwc", "--io", "x=nchw", "--json", "map.json"]
    made = run("layout", "net.onnx", "-o", "out.onnx", *words)
    assert made.stdout.splitlines()[-1] == (
        "To compare the two: pyonnxtool diff net.onnx out.onnx --map map.json"
    )
    for pair in (["net.onnx", "out.onnx"], ["out.onnx", "net.onnx"]):
        for command in ("diff", "bisect"):
            result = run(command, *pair, "--map", "map.json", "-q")
            assert result.exit_code == 0, (result.stdout, result.stderr)
            assert "same" in result.stdout


def test_output_onto_the_input_and_over_other_files(net: Path, run: Any) -> None:
    other = net.with_name("other.onnx")
    other.write_bytes(b"mine")
    assert error(run("layout", "net.onnx", "-o", "other.onnx")) == (
        "other.onnx exists; give --force to replace it, or another name"
    )
    assert other.read_bytes() == b"mine"
    made = run("layout", "net.onnx", "-o", "net.onnx", "--json", "map.json")
    assert made.exit_code == 0
    assert "To compare the two" not in made.stdout
    assert ops(net).count("Transpose") == 2
    assert error(run("layout", "net.onnx", "-o", "a.json", "--json", "a.json")) == (
        "-o and --json both name a.json; give them different files"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--io", "z=nhwc"], "io z: the model has no input or output of that name; it has inputs "
         "'x' 'hint', outputs 'y' 'same'"),
        (["--io", "hin=nhwc"], "io hin: the model has no input or output of that name; it has "
         "inputs 'x' 'hint', outputs 'y' 'same'; did you mean 'hint'?"),
        (["--io", "hint=nhwc"], "io hint=nhwc: input 'hint' is float32[n,5], and nhwc is for 3 "
         "axes or more; an order of axes is possible, hint=1,0"),
        (["--io", "x=0,2,2,1"], "io x=0,2,2,1: this is no order of axes; input 'x' is "
         "float32[n,10,6,3]; write each axis from 0 to 3 once"),
        (["--io", "x=0,2,1"], "io x=0,2,1: this orders 3 axes, but input 'x' is float32[n,10,6,3], "
         "of 4"),
        (["--io", "x=nhcw"], "io x=nhcw: write nhwc, nchw, or an order of axes such as 0,2,3,1"),
        (["--io", "x"], "io x: in which layout? Write x=nhwc, or give the layout of the whole "
         "model with --to"),
        (["--io", "x=nchw,x=nhwc"], "Invalid value for '--io': 'x' is given twice; give one layout "
         "for each"),
        (["--io", "0,1=nhwc"], "Invalid value for '--io': '0,1=nhwc' is not NAME=LAYOUT; write an "
         "input or output and nhwc, nchw or an order of its axes, such as x=nhwc,y=nhwc or "
         "x=0,2,3,1"),
        (["--filters", "hwio"], "filters hwio is how channels-last convolutions hold their "
         "weights; it wants the layout nhwc too: --to nhwc"),
        (["--to", "nhwc", "--only-cancel"], "only Transposes are touched with --only-cancel, and "
         "--to nhwc changes operators: give one of them"),
        (["--to", "nhwc", "--expand"], "--to nhwc makes the calls that --expand takes away: give "
         "one of them"),
        (["--domain", ""], "functions have a domain of their own; give a name such as vendor.nhwc"),
        (["--target-cost", "Softmax=3"], "Invalid value for '--target-cost': 'Softmax=3' is not "
         "OP@LAYOUT=FACTOR; write an operator, nchw or nhwc, and a number that is not negative, "
         "such as Softmax@nchw=3"),
        (["--target-cost", "A@nchw=1", "--target-cost", "A@NCHW=2"], "Invalid value for "
         "'--target-cost': A@nchw is given twice; give one factor for each"),
        (["--dim", "batch=8"], "--dim batch=8: no input has a size of that name; it has n"),
        (["--dim", "n=0"], "--dim n=0: bytes are counted for sizes from 1 on"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_what_would(
    words: list[str], message: str, net: Path, run: Any
) -> None:
    assert error(run("layout", "net.onnx", "--dry-run", *words)) == message
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_what_is_no_model(net: Path, run: Any) -> None:
    assert error(run("layout", "no.onnx", "--dry-run")) == (
        "no.onnx is not there; layout wants the path of an .onnx file"
    )
    assert error(run("layout", ".", "--dry-run")) == (
        ". is a folder; layout wants the path of an .onnx file"
    )
    assert error(run("layout", "net.onnx")) == (
        "say where the new model goes, for example -o net_new.onnx, or give --dry-run to see what "
        "would be done"
    )
    net.write_bytes(b"\x08\x07garbage")
    assert error(run("layout", "net.onnx", "--dry-run")).startswith("net.onnx: ")


def test_a_difference_is_refused_and_writes_nothing(
    net: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyonnxtool import relayout

    right = relayout._core.layout

    def wrong(model: pot.Model, **options: Any) -> Any:
        made = right(model, **options)
        node = next(node for node in made.model.graph.nodes if node.op_type == "Relu")
        read, name = node.input_names, node.output_names
        made.model.graph.remove_node(node)
        made.model.graph.add_node("Abs", read, name, "act")
        made.model.graph.sort()
        return made

    monkeypatch.setattr(relayout._core, "layout", wrong)
    result = run("layout", "net.onnx", "-o", "out.onnx")
    assert result.exit_code == 1
    assert "changing layouts was refused for 2 reasons; nothing is written" in result.stderr
    assert "- node 'act' (Abs): " in result.stderr
    assert "[Relu became Abs; " in result.stderr
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_inputs_of_the_user_lie_as_the_old_model_has_them(net: Path, run: Any) -> None:
    rng = np.random.default_rng(0)
    feeds = {
        "x": rng.standard_normal((1, 10, 6, 3), dtype=np.float32),
        "hint": rng.standard_normal((1, 5), dtype=np.float32),
    }
    np.savez(net.with_name("feeds.npz"), **feeds)
    words = ["--io", "x=nchw", "--inputs", "feeds.npz", "-q"]
    result = run("layout", "net.onnx", "-o", "out.onnx", *words)
    assert result.exit_code == 0, result.stderr
    assert "outputs agree on 1 sample" in re.sub(r"\s+", " ", result.stdout)


def test_nothing_to_win(net: Path, run: Any) -> None:
    assert run("layout", "net.onnx", "-o", "out.onnx", "-q").exit_code == 0
    told = run("layout", "out.onnx", "--dry-run").stdout
    assert "before and after; no plan moves fewer" in re.sub(r"\s+", " ", told)
    assert "nothing  no other layout moves fewer bytes" in told
