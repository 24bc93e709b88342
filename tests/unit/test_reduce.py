"""reduce: exactly the nodes that it takes, whatever is kept, and honest refusals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import pyonnxtool as pot
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.reduction import reduce
from support.parsed import parsed
from support.zoo import ZOO

X = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
NET = """g (float[N,8] x) => (float[N,8] y) {
  a = Softmax <axis = 1> (x)  b = Sub (a, x)  c = Tanh (b)  d = Exp (c)  e = Neg (d)
  y = Add (e, a) }"""
OPS = ("Relu", "Neg", "Tanh", "Sigmoid", "Abs", "Identity", "Softplus", "Sin")


def long_chain(count: int = 41) -> onnx.ModelProto:
    """n0, n1 ...: one node after the other."""
    nodes = [
        helper.make_node(OPS[at % len(OPS)], [f"v{at}"], [f"v{at + 1}"], name=f"n{at}")
        for at in range(count)
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 8])
        for name in ("v0", f"v{count}")
    ]
    graph = helper.make_graph(nodes, "chain", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def left(report: pot.report.ReduceReport) -> list[str]:
    return [node.node for node in report.nodes]


def names_of(model: pot.Model) -> set[str]:
    return {node.name for node in model.graph.nodes}


# -- two models, or two settings ------------------------------------------------------------------


def test_of_two_models_the_node_that_differs_is_left() -> None:
    report = reduce(parsed(NET), parsed(NET.replace("axis = 1", "axis = 0")), inputs={"x": X})
    assert (report.kept, left(report), report.nodes_before) == ("diverges", ["a"], 6)
    assert report.graph.splitlines() == [
        "g(x: float32[3, 8]) -> (a: float32[3, 8])",
        "  a = Softmax(x) {axis=0}",
    ]
    assert "{axis=1}" in report.reference_graph
    assert [row.value for row in report.outputs] == ["a"]
    assert report.inputs == ("x float32[3, 8]",)


def test_a_node_that_has_no_counterpart_stays_with_its_region() -> None:
    bad = NET.replace("c = Tanh (b)", "z = Tanh (b)  c = Neg (z)")
    report = reduce(parsed(NET), parsed(bad), inputs={"x": X})
    assert left(report) == ["z", "c"]
    assert any(note.startswith("these nodes stay together") for note in report.notes)


def test_two_faults_leave_one_of_them() -> None:
    bad = NET.replace("axis = 1", "axis = 0").replace("Exp (c)", "Abs (c)")
    report = reduce(parsed(NET), parsed(bad), inputs={"x": X})
    assert left(report) in (["a"], ["d"])


def test_a_difference_in_what_constants_alone_make() -> None:
    text = """g (float[2] x) => (float[2] y) <float[2] k = {1, 2}>
      { s = SCALE (k)  t = Neg (s)  m = Mul (x, t)  y = Relu (m) }"""
    x = np.float32([-1, -2])
    report = reduce(
        parsed(text.replace("SCALE", "Exp")),
        parsed(text.replace("SCALE", "Abs")),
        inputs={"x": x},
    )
    assert left(report) == ["s"]


def test_a_fused_rewrite_is_one_region(tmp_path: Path) -> None:
    """MatMul and Add in one model, Gemm in the other, which has another bias."""
    head = "g (float[3,8] x) => (float[3,4] y) <float[8,4] w, float[4] b = {BIAS}>"
    ours = parsed_with_weight(
        head.replace("BIAS", "1, 2, 3, 4") + "{ h = Relu (x) m = MatMul (h, w) y = Add (m, b) }"
    )
    theirs = parsed_with_weight(
        head.replace("BIAS", "1, 2, 3, 5") + "{ h = Relu (x) y = Gemm (h, w, b) }"
    )
    report = reduce(ours, theirs, inputs={"x": X})
    assert left(report) == ["y"]
    assert report.nodes[0].op_type == "Gemm"
    assert "MatMul" in report.reference_graph


def parsed_with_weight(graph: str) -> pot.Model:
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{graph}')
    weight = np.random.default_rng(1).standard_normal((8, 4)).astype(np.float32)
    kept = [tensor for tensor in proto.graph.initializer if tensor.name != "w"]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend([*kept, onnx.numpy_helper.from_array(weight, "w")])
    return pot.from_proto(proto)


@pytest.mark.parametrize("name", ["resnet_17", "encoder_erf_17", "decoder_13"])
def test_a_changed_weight_of_a_real_model_is_found(name: str) -> None:
    case = ZOO[name]()
    bad = onnx.ModelProto()
    bad.CopyFrom(case.model)
    weights = {tensor.name: tensor for tensor in bad.graph.initializer}
    heavy = [node for node in bad.graph.node if node.op_type in ("MatMul", "Conv", "Gemm")]
    node = [node for node in heavy if node.input[1] in weights][2]
    weight = weights[node.input[1]]
    array = onnx.numpy_helper.to_array(weight) * 1.5
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    report = reduce(case.model, bad, inputs=list(case.feeds))
    assert left(report) == [node.name]
    assert report.trials <= 12


def test_a_float16_copy_is_fed_what_the_reference_had() -> None:
    half = parsed(NET.replace("float[", "float16[").replace("Tanh (b)", "Sin (b)"))
    report = reduce(parsed(NET), half, inputs={"x": X})
    assert left(report) == ["c"]
    assert report.inputs == ("b float16[3, 8]",)


# -- interacting nodes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "needed",
    [{"n17"}, {"n11", "n29"}, {"n0", "n40"}, {"n7", "n8"}, {"n3", "n20", "n38"}],
)
def test_exactly_the_nodes_that_interact_are_left_of_41(needed: set[str]) -> None:
    report = reduce(
        long_chain(), check=lambda model, feeds: needed <= names_of(model), inputs={"v0": X}
    )
    assert set(left(report)) == needed
    assert report.kept == "check"
    assert report.trials <= 2 + 9 * len(needed)


def test_a_check_that_is_not_monotone_still_ends_one_minimal() -> None:
    def check(model: pot.Model, feeds: dict[str, Any]) -> bool:
        names = names_of(model)
        return {"n5", "n30"} <= names and ("n12" in names) == ("n13" in names)

    report = reduce(long_chain(), check=check, inputs={"v0": X})
    assert set(left(report)) == {"n5", "n30"}


def test_a_command_decides(tmp_path: Path) -> None:
    script = tmp_path / "check.py"
    script.write_text(
        "import sys, zipfile\n"
        "names = open(sys.argv[1], 'rb').read()\n"
        "assert zipfile.ZipFile(sys.argv[2]).namelist()\n"
        "sys.exit(3 if b'n11' in names and b'n29' in names else 125 if b'n11' in names else 0)\n"
    )
    report = reduce(
        long_chain(), check=f"{sys.executable} {script} {{model}} {{inputs}}", inputs={"v0": X}
    )
    assert left(report) == ["n11", "n29"]
    assert report.shown == "the command ended with exit code 3"


# -- crashes and NaN ------------------------------------------------------------------------------


def test_a_run_that_the_runtime_refuses_is_kept_in_the_same_way() -> None:
    text = """g (float[N,8] x) => (float[N,8] y) <int64[2] s = {3, 9}>
      { a = Relu (x)  b = Neg (a)  c = Reshape (b, s)  d = Exp (c)  y = Tanh (d) }"""
    report = reduce(parsed(text), inputs={"x": X})
    assert (report.kept, left(report)) == ("crashes", ["c"])
    assert "Reshape" in report.shown
    assert report.inputs == ("b float32[3, 8]",)


def test_where_a_nan_is_made_stays() -> None:
    text = """g (float[N,8] x) => (float[N,8] y) <float big = {200}>
      { a = Relu (x)  m = Mul (a, big)  e = Exp (m)  q = Div (e, e)  r = Neg (q)  y = Tanh (r) }"""
    report = reduce(parsed(text), inputs={"x": np.abs(X) + 1})
    assert (report.kept, left(report)) == ("nan", ["e", "q"])
    assert report.shown == "q holds NaN at 24 places"


def test_an_infinity_that_stays_one_is_kept_as_such() -> None:
    text = """g (float[8] x) => (float[8] y) { a = Relu (x)  e = Exp (a)  y = Neg (e) }"""
    report = reduce(parsed(text), keep="nan", inputs={"x": np.full(8, 100, np.float32)})
    assert left(report) == ["e"]
    assert report.shown == "e holds infinite values at 8 places"


# -- what is not reduced --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, r"nothing to reduce: the outputs of .* agree on 1 sample; try --inputs"),
        ({"keep": "crashes"}, r"nothing to reduce: .* runs to its end"),
        ({"keep": "nan"}, r"nothing to reduce: no output of .* holds NaN or infinities"),
        ({"keep": "magic"}, r"--while magic: use one of auto, diverges, crashes, nan"),
        ({"check": "true"}, r"--check says that the whole model is good"),
        ({"check": "no-such-program"}, r"--check: there is no program 'no-such-program'"),
        ({"check": "sh missing.sh"}, r"--check: there is no file 'missing.sh'"),
        ({"check": ""}, r"--check names no program"),
        ({"check": "sh 'x"}, r"--check sh 'x: No closing quotation"),
        ({"check": "false", "keep": "nan"}, r"--check decides what is kept; leave out --while"),
    ],
)
def test_where_there_is_nothing_to_reduce_it_says_so(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        reduce(parsed(NET), inputs={"x": X}, **options)


def test_a_reference_that_fails_is_to_be_reduced_on_its_own() -> None:
    broken = NET.replace("e = Neg (d)", "e = Reshape (d, s)").replace(
        "{\n", "<int64[1] s = {7}> {\n"
    )
    with pytest.raises(BackendError, match=r"the reference itself fails .*reduce it on its own"):
        reduce(parsed(broken), parsed(NET), inputs={"x": X})
    with pytest.raises(BackendError, match="fails, use --while crashes"):
        reduce(parsed(NET), parsed(broken), keep="diverges", inputs={"x": X})
    assert reduce(parsed(NET), parsed(broken), inputs={"x": X}).kept == "crashes"


def test_random_nodes_cannot_be_judged() -> None:
    text = "g (float[2] x) => (float[2] y) { r = RandomNormalLike (x)  y = Add (x, r) }"
    with pytest.raises(BackendError, match="is not deterministic"):
        reduce(parsed(text), parsed(text), inputs={"x": np.ones(2, np.float32)})


# -- what cannot be cut ---------------------------------------------------------------------------


def test_what_hands_on_a_sequence_stays_together() -> None:
    text = """g (float[N,8] x) => (float[N,8] y) {
      a = Relu (x)  s = SequenceConstruct (a, x)  i = Constant <value_int = 1> ()
      t = SequenceAt (s, i)  b = Neg (t)  y = OP (b) }"""
    report = reduce(
        parsed(text.replace("OP", "Tanh")), parsed(text.replace("OP", "Sin")), inputs={"x": X}
    )
    assert left(report) == ["y"]
    wrong = parsed(text.replace("OP", "Tanh").replace("value_int = 1", "value_int = 0"))
    report = reduce(parsed(text.replace("OP", "Tanh")), wrong, inputs={"x": X})
    assert {"s", "t"} <= set(left(report))


def test_recorded_values_are_the_reference(tmp_path: Path) -> None:
    good = parsed(NET)
    values = {name: value for name, value in _all_values(good).items() if name in ("a", "d", "y")}
    np.savez(tmp_path / "run.npz", x=X, **values)
    report = reduce(str(tmp_path / "run.npz"), parsed(NET.replace("c = Tanh (b)", "c = Sin (b)")))
    assert "c" in left(report)
    assert set(left(report)) <= {"b", "c", "d"}


def _all_values(model: pot.Model) -> dict[str, Any]:
    from pyonnxtool import _core
    from pyonnxtool.backends import RunOptions, find_backend

    marked, _, names = _core.extract(model, [], _core.produced_values(model), False)
    with find_backend("ort").open(marked, RunOptions(level="none")) as session:
        made = session.run({"x": X})
    return {name: made[name] for name in names}


def test_drift_is_reduced_but_called_what_it_is() -> None:
    """x / 3 and x * (1/3) differ by rounding; the subtractions make it large, and are right."""
    text = """g (float[N,8] x) => (float[N,8] y) <float k = {K}, float s = {10000}>
      { a = OP (x, k)  b = Sub (a, x)  c = Add (b, x)  d = Sub (c, a)  y = Mul (d, s) }"""
    ours = parsed(text.replace("OP", "Div").replace("{K}", "{3}"))
    theirs = parsed(text.replace("OP", "Mul").replace("{K}", "{0.3333333432674408}"))
    report = reduce(ours, theirs, inputs={"x": X})
    assert len(report.nodes) > 1
    assert any("(drift): what is left" in note for note in report.notes)


def test_the_result_of_a_failure_has_typed_outputs() -> None:
    text = """g (float[N,8] x) => (float[3,9] y) <int64[2] s = {3, 9}>
      { a = Relu (x)  c = Reshape (a, s)  y = Tanh (c) }"""
    report = reduce(parsed(text), inputs={"x": X})
    assert report.graph.splitlines()[0] == "g(a: float32[3, 8]) -> (c: float32[3, 9])"


@pytest.mark.extra
@pytest.mark.filterwarnings("ignore")  # of the exporter's own
def test_a_torch_module_is_the_reference(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "def make():\n"
        "    torch.manual_seed(0)\n"
        "    parts = [torch.nn.Linear(8, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4)]\n"
        "    return torch.nn.Sequential(*parts).eval()\n"
    )
    spec: dict[str, Any] = {}
    exec((tmp_path / "net.py").read_text(), spec)
    program = torch.onnx.export(
        spec["make"](), (torch.zeros(3, 8),), dynamo=True, input_names=["x"], output_names=["y"]
    )
    bad = program.model_proto
    for node in bad.graph.node:
        node.op_type = "Sin" if node.op_type == "Tanh" else node.op_type
    onnx.save(bad, tmp_path / "bad.onnx")
    report = reduce(
        f"{tmp_path / 'net.py'}:make@torch",
        tmp_path / "bad.onnx",
        inputs={"x": X},
        folder=tmp_path / "out",
    )
    assert [node.op_type for node in report.nodes] == ["Sin"]
    assert report.notes == ()
