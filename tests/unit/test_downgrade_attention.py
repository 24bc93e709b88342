"""Attention and RotaryEmbedding at lower opsets.

Held against the schema's own function body, which the reference runs in float64: runtimes and the
reference have ways of their own with queries that see no key, and with masks that are broadcast.
Values are positive, so that nothing cancels and units in the last place tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from pyonnxtool.errors import Refused
from tests.support.downgraded import assert_same, check, lowered, refusal, run_ort, source

ULP = 64
"""Of float32: scores of some units are off by 2^-21, and weights by as much of themselves."""

Shapes = dict[str, list[int | str]]
NAMES = ("q", "k", "v", "mask", "past_k", "past_v", "nonpad")


def model_of(
    feeds: dict[str, Any], opset: int, outputs: int, *, open_sizes: bool = False, **attributes: Any
) -> onnx.ModelProto:
    """One Attention node; with open sizes all but heads and their elements are."""
    inputs = []
    for name, value in feeds.items():
        fixed = {1, 3} if value.ndim == 4 and name != "mask" else {2} if value.ndim == 3 else set()
        fixed = set() if name == "mask" else fixed
        shape = [
            size if not open_sizes or axis in fixed else f"{name}_{axis}"
            for axis, size in enumerate(value.shape)
        ]
        dtype = helper.np_dtype_to_tensor_dtype(value.dtype)
        inputs.append(helper.make_tensor_value_info(name, dtype, shape))
    made = ["y", "present_k", "present_v", "scores"][:outputs]
    node = helper.make_node(
        "Attention", [name if name in feeds else "" for name in NAMES], made, **attributes
    )
    while not node.input[-1]:
        del node.input[-1]
    dtype = helper.np_dtype_to_tensor_dtype(feeds["q"].dtype)
    infos = [
        helper.make_tensor_value_info(name, dtype, [None] * (feeds["q"].ndim if name == "y" else 4))
        for name in made
    ]
    graph = helper.make_graph([node], "g", inputs, infos)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def body_of(model: onnx.ModelProto, feeds: dict[str, Any]) -> onnx.ModelProto:
    """The schema's function body in place of the node."""
    node = model.graph.node[0]
    version = model.opset_import[0].version
    schema: Any = onnx.defs.get_schema("Attention", version)
    types = [
        helper.make_tensor_type_proto(
            helper.np_dtype_to_tensor_dtype(feeds[name].dtype), feeds[name].shape
        ).SerializeToString()
        if name
        else onnx.TypeProto().SerializeToString()
        for name in node.input
    ]
    version = max(schema.context_dependent_function_opset_versions)
    body = schema.get_context_dependent_function_with_opset_version(
        version, node.SerializeToString(), types
    )
    function = onnx.FunctionProto.FromString(body)
    function.domain = "test"
    del function.input[len(node.input) :], function.output[len(node.output) :]
    called = onnx.ModelProto()
    called.CopyFrom(model)
    called.graph.node[0].domain = "test"
    called.functions.append(function)
    called.opset_import.append(helper.make_opsetid("test", 1))
    return called


def compare(feeds: dict[str, Any], opset: int, to: int, outputs: int, **told: Any) -> None:
    """To float32 accuracy of the body's result, whatever was decided on the way."""
    model = model_of(feeds, opset, outputs, **told)
    with np.errstate(invalid="ignore"):  # a Softmax of queries that see no key
        expected = ReferenceEvaluator(body_of(model, feeds)).run(None, feeds)
    made = lowered(model, to)
    found = run_ort(made, feeds)
    for info, ours, theirs in zip(model.graph.output, expected, found, strict=True):
        assert_same(info.name, ours, theirs, ULP)


def drawn(rng: np.random.Generator, opset: int) -> tuple[dict[str, Any], int, dict[str, Any]]:
    """Any attributes and operands that the opset has, in sizes from 1 to 6."""
    batch, heads, shared = (int(one) for one in rng.integers(1, 4, 3))
    queries, keys, past = (int(one) for one in rng.integers(1, 6, 3))
    size, value_size = (int(one) for one in rng.choice([1, 2, 4, 8], 2))
    told: dict[str, Any] = {}
    for name, values, chance in (
        ("scale", [0.5, 1.0, 2.0], 0.3),
        ("softcap", [0.0, 2.0], 0.3),
        ("is_causal", [0, 1], 0.8),
        ("left_window_size", [-1, 0, 1, 3], 0.5 if opset >= 25 else 0),
        ("right_window_size", [-1, 0, 1, 3], 0.5 if opset >= 25 else 0),
    ):
        if rng.random() < chance:
            told[name] = rng.choice(values).item()
    feeds: dict[str, Any] = {}

    def draw(name: str, count: int, places: int, width: int) -> None:
        feeds[name] = rng.uniform(0.5, 2, (batch, count, places, width)).astype("float32")

    draw("q", heads * shared, queries, size)
    draw("k", heads, keys, size)
    draw("v", heads, keys, value_size)
    past = past if rng.random() < 0.3 else 0
    if past:
        draw("past_k", heads, past, size)
        draw("past_v", heads, past, value_size)
    elif opset >= 24 and rng.random() < 0.3:
        feeds["nonpad"] = rng.integers(0, keys + 1, batch)
    if rng.random() < 0.6:
        full = [batch, heads * shared, queries, keys + past][int(rng.integers(0, 3)) :]
        full = [
            one if rng.random() < 0.7 or at == len(full) - 1 else 1 for at, one in enumerate(full)
        ]
        hidden = rng.random(full) < 0.4
        numbers = np.where(hidden, -np.inf, rng.standard_normal(full)).astype("float32")
        feeds["mask"] = ~hidden if rng.random() < 0.5 else numbers
    if rng.random() < 0.4:
        told |= {"q_num_heads": heads * shared, "kv_num_heads": heads}
        for name in "qkv":
            turned = feeds[name].transpose(0, 2, 1, 3)
            feeds[name] = turned.reshape(*turned.shape[:2], -1)
    outputs = 1 if "nonpad" in feeds else int(rng.choice([1, 3, 4]))
    if past:
        outputs = max(outputs, 3)
    if outputs == 4:
        told["qk_matmul_output_mode"] = int(rng.integers(0, 4))
    return feeds, outputs, told


@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("seed", range(36))
def test_any_attributes(seed: int, open_sizes: bool) -> None:
    rng = np.random.default_rng(seed)
    opset = 23 + seed % 3
    feeds, outputs, told = drawn(rng, opset)
    to = int(rng.choice([22, 17, 13, 9]))
    compare(feeds, opset, to, outputs, open_sizes=open_sizes, **told)


@pytest.mark.parametrize("opset", [24, 25])
@pytest.mark.parametrize("open_sizes", [False, True])
@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_keys_that_a_mask_does_not_reach_are_not_seen(
    opset: int, open_sizes: bool, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    feeds = {name: rng.uniform(0.5, 2, (1, 2, 4, 8)).astype("float32") for name in "qkv"}
    feeds["mask"] = np.ones((4, 3), dtype)
    compare(feeds, opset, 23, 1, open_sizes=open_sizes)
    compare(feeds, opset, 9, 1, open_sizes=open_sizes)


def attended(opset: int, text: str, declared: str = "") -> str:
    return source(
        "g (float[1,2,3,4] q, float[1,2,3,4] k, float[1,2,3,4] v) => (float[1,2,3,4] y)"
        f"{declared} {{ y = Attention {text} }}",
        opset,
    )


def test_a_mask_that_is_constant_is_the_bias() -> None:
    """Nobody is left without a key, so nothing guards against that; of a causal mask neither."""
    few = ["Transpose", "Mul", "MatMul", "Add", "Softmax", "MatMul"]
    mask = "<float[3,3] m = {1, 2, 3, 4, 5, 6, 7, 8, 9}>"
    for text in (attended(23, "(q, k, v, m)", mask), attended(23, "<is_causal = 1> (q, k, v)")):
        made = lowered(text, 22)
        assert [node.op_type for node in made.graph.node] == few


def test_constant_masks_that_hide_all_from_someone_give_zeros() -> None:
    mask = "<bool[3,3] m = {0, 0, 0, 1, 0, 0, 1, 1, 1}>"
    made = lowered(attended(23, "(q, k, v, m)", mask), 17)
    rng = np.random.default_rng(0)
    found = run_ort(made, {name: rng.random((1, 2, 3, 4), np.float32) for name in "qkv"})[0]
    assert not found[:, :, 0].any()
    assert np.isfinite(found).all()


def test_large_masks_are_computed_from_two_vectors() -> None:
    text = (
        "g (float[1,1,999,4] q, float[1,1,999,4] k, float[1,1,999,4] v) => (float[1,1,999,4] y)"
        "{ y = Attention <is_causal = 1> (q, k, v) }"
    )
    made = lowered(source(text, 23), 17)
    assert len(made.SerializeToString()) < 20_000
    rng = np.random.default_rng(0)
    shape = (1, 1, 999, 4)
    feeds = {name: rng.uniform(0.5, 2, shape).astype("float32") for name in "qkv"}
    check(source(text, 23), 17, feeds, ulp=ULP)


def test_a_large_mask_is_there_once() -> None:
    text = (
        "g (float[1,1,300,4] q, float[1,1,300,4] k, float[1,1,300,4] v) => (float[1,1,300,4] y)"
        "{ y = Attention <is_causal = 1> (q, k, v, m) }"
    )
    model = onnx.parser.parse_model(source(text, 23))
    mask = np.linspace(0, 1, 300 * 300, dtype="float32").reshape(300, 300)
    model.graph.initializer.append(onnx.numpy_helper.from_array(mask, "m"))
    assert sum(one.name == "m" for one in lowered(model, 17).graph.initializer) == 1
    assert len(lowered(model, 17).SerializeToString()) < mask.nbytes + 20_000


def test_nothing_of_24_and_25_is_kept_as_it_is() -> None:
    text = "<left_window_size = -1, right_window_size = -1> (q, k, v)"
    for to in (24, 23):
        (node,) = lowered(attended(25, text), to).graph.node
        assert node.op_type == "Attention"
        assert not node.attribute


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "double"])
@pytest.mark.parametrize("precision", ["", ", softmax_precision = 1"])
def test_other_dtypes(dtype: str, precision: str) -> None:
    """bfloat16 is computed in float32: no runtime has kernels for it."""
    text = (
        "g (float[1,4,3,4] q, float[1,2,3,4] k, float[1,2,3,4] v) => (float[1,4,3,4] y) {"
        + "".join(f"{one}h = Cast <to = {{to}}> ({one}) " for one in "qkv")
        + f"yh = Attention <is_causal = 1{precision}> (qh, kh, vh) y = Cast <to = 1> (yh) }}"
    )
    elem = {"float16": 10, "bfloat16": 16, "double": 11}[dtype]
    model = onnx.parser.parse_model(source(text.replace("{to}", str(elem)), 23))
    rng = np.random.default_rng(0)
    feeds = {
        name: rng.uniform(0.5, 2, (1, heads, 3, 4)).astype("float32")
        for name, heads in (("q", 4), ("k", 2), ("v", 2))
    }
    exact = ReferenceEvaluator(model).run(None, feeds)[0]
    (found,) = run_ort(lowered(model, 13), feeds)
    bits = {"float16": 9, "bfloat16": 6, "double": 22}[dtype]
    np.testing.assert_allclose(found, exact, rtol=2.0**-bits)


@pytest.mark.parametrize(
    ("text", "opset", "why"),
    [
        ("<scale = -1.0> (q, k, v)", 23, "scaled by -1.0"),
        ("(q, k, v, , q)", 23, "past_key and past_value"),
        ("(q, k, v, , k, v, n)", 24, "exclude each other"),
        ("<left_window_size = -2> (q, k, v)", 25, "a window is smaller than -1"),
    ],
)
def test_what_contradicts_itself_is_refused(text: str, opset: int, why: str) -> None:
    assert why in refusal(attended(opset, text, "<int64[1] n = {3}>"), 22)


def test_heads_that_do_not_share_are_refused() -> None:
    text = (
        "g (float[1,3,3,4] q, float[1,2,3,4] k, float[1,2,3,4] v) => (float[1,3,3,4] y)"
        "{ y = Attention (q, k, v) }"
    )
    assert "3 heads of queries, 2 of keys" in refusal(source(text, 23), 22)


ROTATED = (
    "g (float[{x}] x, float[{c}] c, float[{c}] s{p}) => (float[{x}] y)"
    "{{ y = RotaryEmbedding <{told}> (x, c, s{given}) }}"
)


@pytest.mark.parametrize("to", [22, 13, 9])
@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("rotated", [0, 4])
@pytest.mark.parametrize("x", ["2,3,4,8", "2,4,24", "N,3,S,8", "N,S,24"])
@pytest.mark.parametrize("places", [False, True])
def test_rotary_embedding(to: int, interleaved: int, rotated: int, x: str, places: bool) -> None:
    """Bit for bit: the same products and sums."""
    heads = ", num_heads = 3" if x.count(",") == 2 else ""
    told = f"interleaved = {interleaved}, rotary_embedding_dim = {rotated}{heads}"
    half = (rotated or 8) // 2
    text = ROTATED.format(
        x=x,
        c=f"9,{half}" if places else f"2,4,{half}",
        p=", int64[2,4] p" if places else "",
        given=", p" if places else "",
        told=told,
    )
    rng = np.random.default_rng(0)
    sizes = [int(one) for one in x.replace("N", "2").replace("S", "4").split(",")]
    cached = [9, half] if places else [2, 4, half]
    feeds: dict[str, Any] = {"x": rng.standard_normal(sizes).astype("float32")}
    feeds |= {name: rng.uniform(-1, 1, cached).astype("float32") for name in "cs"}
    if places:
        feeds["p"] = rng.integers(0, 9, (2, 4))
    model = onnx.parser.parse_model(source(text, 23))
    made = lowered(model, to)
    exact = ReferenceEvaluator(model).run(None, feeds)[0]
    np.testing.assert_array_equal(run_ort(made, feeds)[0], exact)


@pytest.mark.parametrize(("x", "told"), [("N,3,S,D", ""), ("N,S,E", ", num_heads = 3")])
@pytest.mark.parametrize("interleaved", [0, 1])
def test_the_caches_tell_the_size_of_a_head(x: str, told: str, interleaved: int) -> None:
    told = f"interleaved = {interleaved}{told}"
    text = ROTATED.format(x=x, c="2,4,4", p="", given="", told=told)
    shape = [2, 4, 24] if x == "N,S,E" else [2, 3, 4, 8]
    rng = np.random.default_rng(1)
    feeds = {"x": rng.normal(size=shape).astype("float32")}
    feeds |= {name: rng.uniform(-1, 1, (2, 4, 4)).astype("float32") for name in "cs"}
    model = onnx.parser.parse_model(source(text, 23))
    exact = ReferenceEvaluator(model).run(None, feeds)[0]
    made = lowered(model, 9)
    assert len(made.graph.node) <= 14
    np.testing.assert_array_equal(run_ort(made, feeds)[0], exact)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("rotary_embedding_dim = 3", "3 of 8 elements"),
        ("rotary_embedding_dim = 10", "10 of 8 elements"),
        ("rotary_embedding_dim = 6", "its caches hold 4 values, not 3"),
    ],
)
def test_what_cannot_be_rotated_is_refused(told: str, why: str) -> None:
    text = ROTATED.format(x="2,3,4,8", c="2,4,4", p="", given="", told=told)
    with pytest.raises(Refused, match=why):
        lowered(source(text, 23), 22)
