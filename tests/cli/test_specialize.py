"""specialize on the command line: what it prints, what it writes, and what it refuses to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import schemas

Golden = Callable[[str, str], None]

NET = """<ir_version: 8, opset_import: ["" : 17, "custom" : 1]>
net (float[batch,3,h,w] x) => (float[batch,n] flat, int64[4,k] found)
<int64[1] zero = {0}, int64[1] one = {1}, int64[1] rest = {-1}> {
  [shape] s = Shape (x)
  [batch] b = Slice (s, zero, one)
  [target] t = Concat <axis = 0> (b, rest)
  [flatten] r = Reshape (x, t)
  [relu] flat = Relu (r)
  [find] found = NonZero (x)
}"""

MASKED = """<ir_version: 8, opset_import: ["" : 17]>
net (int64[batch,seq] ids, float[batch,seq] mask) => (float[batch,seq] y) {
  f = Cast <to = 1> (ids)
  [weigh] y = Mul (f, mask)
}"""


@pytest.fixture
def net(saved: Callable[[str, str], Path]) -> Path:
    return saved("net", NET)


@pytest.fixture
def masked(saved: Callable[[str, str], Path]) -> Path:
    return saved("masked", MASKED)


def shape_of(path: Path, name: str = "x") -> tuple[Any, ...] | None:
    return pot.load(path).graph.value(name).shape


def test_one_size(net: Path, run: Any, golden: Golden) -> None:
    result = run("specialize", "net.onnx", "-o", "out.onnx", "--shape", "x=1,3,8,8")
    assert result.exit_code == 0
    golden("specialize", result.stdout)
    onnx.checker.check_model(str(net.with_name("out.onnx")), full_check=True)
    assert shape_of(net.with_name("out.onnx")) == (1, 3, 8, 8)


def test_some_sizes(net: Path, run: Any, golden: Golden) -> None:
    options = ["--shape", "x=?,3,height,8", "--dim", "batch=2", "-v"]
    result = run("specialize", "net.onnx", "-o", "out.onnx", *options)
    assert result.exit_code == 0
    golden("specialize_some", result.stdout)
    assert shape_of(net.with_name("out.onnx")) == (2, 3, "height", 8)


def test_no_size(net: Path, run: Any) -> None:
    result = run("specialize", "net.onnx")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: no size is bound; dimensions of the inputs without one: batch (x[0]), h (x[2]), "
        "w (x[3]). For example:\n  pyonnxtool specialize net.onnx -o net_fixed.onnx --dim batch=1 "
        "--dim h=128 --dim w=128\n"
    )
    words = result.stderr.splitlines()[1].split()
    assert run(*words[1:]).exit_code == 0, "the example works"


def test_several_sizes(masked: Path, run: Any, golden: Golden) -> None:
    variants = ["--variant", "short:ids=1,4;mask=1,4", "--variant", "long:seq=16"]
    result = run("specialize", "masked.onnx", "-o", "out", *variants, "--dim", "batch=1")
    assert result.exit_code == 0
    golden("specialize_variants", result.stdout)
    names = sorted(path.name for path in masked.with_name("out").iterdir())
    assert names == ["long.onnx", "short.onnx", "variants.json"], "no weight is large"
    assert shape_of(masked.with_name("out") / "long.onnx", "mask") == (1, 16)
    router = pot.ShapeRouter(masked.with_name("out"), pad=0)
    feeds = {"ids": np.ones((1, 9), np.int64), "mask": np.ones((1, 9), np.float32)}
    assert router.run(feeds)["y"].shape == (1, 9)


def test_a_variant_in_several_options(masked: Path, run: Any) -> None:
    parts = ["ids=1,4", "mask=1,4"]
    options = [word for part in parts for word in ("--variant", f"v:{part}")]
    result = run("specialize", "masked.onnx", "-o", "out", "-q", *options)
    assert result.stdout == "specialized: 1 variant of masked.onnx in out\n"
    assert shape_of(masked.with_name("out") / "v.onnx", "ids") == (1, 4)


def test_json(net: Path, masked: Path, run: Any) -> None:
    result = run("specialize", "net.onnx", "--dry-run", "--dim", "batch=1", "--format", "json")
    told = json.loads(result.stdout)
    jsonschema.validate(told, schemas.load("specialize"))
    assert told["inputs"][0]["shape"] == [1, 3, "h", "w"]
    assert told["written"] == []
    run("specialize", "net.onnx", "-o", "o.onnx", "--dim", "batch=1", "--json", "o.json", "-q")
    assert json.loads(net.with_name("o.json").read_text())["written"] == ["o.onnx"]
    result = run(
        *("specialize", "masked.onnx", "-o", "out", "--variant", "a:seq=1", "--variant", "b:seq=2"),
        *("--format", "json"),
    )
    told = json.loads(result.stdout)
    jsonschema.validate(told, schemas.load("specialize_variants"))
    assert [one["name"] for one in told["variants"]] == ["a", "b"]
    assert told["variants"][1]["report"]["inputs"][0]["shape"] == ["batch", 2]


def test_quiet(net: Path, run: Any) -> None:
    result = run("specialize", "net.onnx", "-o", "out.onnx", "--dim", "batch=1", "-q")
    assert result.stdout.startswith("specialized: net.onnx, 6 nodes became 3, outputs agree on 2 ")
    told = run("specialize", "net.onnx", "--dry-run", "--dim", "batch=1", "-q", "--no-verify")
    assert "not verified" in told.stdout


def test_a_dry_run_writes_nothing(net: Path, run: Any) -> None:
    for options in (["--dim", "batch=1"], ["--variant", "a:batch=1"]):
        result = run("specialize", "net.onnx", "-o", "out", "--dry-run", *options)
        assert result.exit_code == 0
        assert "Written" not in result.stdout
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_files_are_not_replaced_unless_asked(net: Path, run: Any) -> None:
    other = net.with_name("other.onnx")
    other.write_bytes(b"mine")
    result = run("specialize", "net.onnx", "-o", "other.onnx", "--dim", "batch=1")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: other.onnx exists; give --force to replace it, or another name\n"
    )
    assert other.read_bytes() == b"mine"
    assert run("specialize", "net.onnx", "-o", "other.onnx", "--dim", "batch=1", "--force", "-q")
    assert shape_of(other) == (1, 3, "h", "w")
    assert run("specialize", "net.onnx", "-o", "net.onnx", "--dim", "batch=1").exit_code == 0
    assert shape_of(net) == (1, 3, "h", "w"), "the model's own path is fine"


def test_where_weights_go(run: Any, tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 64])],
        [weight],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opsets), tmp_path / "m.onnx")
    (tmp_path / "sub").mkdir()
    call = ["specialize", "m.onnx", "--dim", "n=2", "-q", "-o"]
    assert run(*call, "link.onnx", "--weights", "link").exit_code == 0
    assert (tmp_path / "link.onnx").stat().st_size < 1000
    assert run(*call, "sub/ext.onnx", "--weights", "external").exit_code == 0
    assert (tmp_path / "sub" / "ext.onnx.data").stat().st_size == 64 * 64 * 4
    told = run(*call, "sub/two.onnx", "--weights", "external", "--format", "json").stdout
    assert json.loads(told)["written"] == ["sub/two.onnx", "sub/two.onnx.data"]
    result = run(*call, "sub/link.onnx", "--weights", "link")
    assert result.exit_code == 2
    assert "runtimes read external data only beneath the model's folder" in result.stderr
    assert not (tmp_path / "sub" / "link.onnx").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.onnx", "-o", "o.onnx"], "none.onnx is not there; specialize wants the path of an"),
        (["net.onnx", "--dim", "batch=1"], "say where the new model goes, for example -o net_new"),
        (["net.onnx", "-o", "no/o.onnx", "--dim", "batch=1"], "no/o.onnx: there is no folder "),
        (["net.onnx", "-o", ".", "--dim", "batch=1"], ". is a folder; name the file"),
        (["net.onnx", "-o", "o", "--dim", "b=1"], "no size of an input is called 'b'; named sizes"),
        (["net.onnx", "-o", "o", "--shape", "y=1"], "there is no input 'y'; inputs are: 'x'"),
        (["net.onnx", "-o", "o", "--shape", "x=1,3"], "has 4 dimensions"),
        (["net.onnx", "-o", "o", "--shape", "x=1,4,8,8"], "the model has a fixed 3 there"),
        (["net.onnx", "-o", "o", "--shape", "x"], "'x' is not NAME=SIZE,SIZE"),
        (["net.onnx", "-o", "o", "--dim", "batch"], "'batch' is not NAME=SIZE"),
        (["net.onnx", "-o", "o", "--dim", "h=1", "--dim", "h=2"], "'h' is given twice"),
        (["net.onnx", "-o", "o", "--variant", "a=1"], "'a=1' is not VARIANT:NAME=SIZES"),
        (["net.onnx", "-o", "o", "--variant", "../a:h=1"], "is not VARIANT:NAME=SIZES"),
        (["net.onnx", "-o", "o", "--variant", "a:h=1;h=2"], "variant a binds 'h' twice"),
        (["net.onnx", "-o", "o", "--variant", "a:h=1;k"], "'k' of variant a is not NAME=SIZES"),
        (["net.onnx", "-o", "o", "--variant", "a:q=1"], "variant a: no size of an input is called"),
        (["net.onnx", "--variant", "a:h=1"], "say where the variants go, for example -o sizes"),
        (["net.onnx", "-o", "o", "--variant", "a:h=1", "--inputs", "x"], "--inputs have one size"),
        (["net.onnx", "-o", "o", "--max-growth", "much"], "'much' is not a size"),
        (["net.onnx", "-o", "o", "--json", "o", "--dim", "h=1"], "-o and --json both name o; give"),
        (
            ["net.onnx", "-o", "o", "--dim", "h=1", "--no-verify", "--inputs", "x.npz"],
            "--inputs are what is checked on; leave out --no-verify",
        ),
    ],
)
def test_what_cannot_be_done(net: Path, run: Any, words: list[str], told: str) -> None:
    result = run("specialize", *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert told in result.stderr
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_what_cannot_be_verified(run: Any, tmp_path: Path) -> None:
    proto = onnx.parser.parse_model(NET.replace("Relu (r)", "custom.Magic (r)"))
    onnx.save(proto, tmp_path / "net.onnx")
    call = ["specialize", "net.onnx", "-o", "out.onnx", "--dim", "batch=1", "-q"]
    result = run(*call)
    assert result.exit_code == 125
    assert "specializing could not be verified: the original model does not run here: " in (
        result.stderr
    )
    assert "skip the check with --no-verify" in result.stderr
    assert not (tmp_path / "out.onnx").exists()
    assert run(*call, "--no-verify").exit_code == 0
    assert shape_of(tmp_path / "out.onnx") == (1, 3, "h", "w")


def test_a_difference_is_refused_with_the_node(
    net: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyonnxtool import _core

    original = _core.specialize

    class Spoiled:
        """What the core makes, with another operator in the place of Relu."""

        def __init__(self, made: Any) -> None:
            self._made = made
            proto = pot.to_proto(made.model)
            node = next(node for node in proto.graph.node if node.op_type == "Relu")
            node.op_type = "Abs"
            self.model = pot.from_proto(proto)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._made, name)

    monkeypatch.setattr(_core, "specialize", lambda *a, **k: Spoiled(original(*a, **k)))
    call = ["specialize", "net.onnx", "-o", "out.onnx", "--shape", "x=1,3,8,8"]
    result = run(*call)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[0] == "Error: specializing was refused for 2 reasons; nothing is written"
    assert lines[1].startswith("  - output 'flat' differs: max abs ")
    assert lines[2].startswith("  - node 'relu' (Abs): ")
    result = run(*call[:-2], "--variant", "a:h=8;w=8;batch=1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: variant a was refused for 2 reasons")
    assert [path.name for path in net.parent.iterdir()] == ["net.onnx"]


def test_types_of_values_are_written_unless_they_are_not_wanted(net: Path, run: Any) -> None:
    call = ["specialize", "net.onnx", "--dim", "batch=1", "-q", "-o"]
    run(*call, "with.onnx")
    run(*call, "without.onnx", "--no-value-info")
    told = {
        name: [info.name for info in onnx.load(net.with_name(name)).graph.value_info]
        for name in ("with.onnx", "without.onnx")
    }
    assert told == {"with.onnx": ["r"], "without.onnx": []}
