"""Every recipe of the page runs, and does what the page says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import pyonnxtool as pot
from support.ort_runs import session

PAGE = Path(pot.__file__).parent / "surgery" / "recipes.md"
Recipe = tuple[str, int]
"""A heading, and which of the scripts under it."""

ACTIVATIONS = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) {
   a = LeakyRelu <alpha = 0.2> (x)
   b = LeakyRelu (a)
   [drop] c = Dropout (b)
   h = HardSwish (c)
   y = Identity (h)
}
"""
GELU = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y)
<float root = {1.41421356}, float half = {0.5}, float one = {1}> {
   d = Div (x, root)
   e = Erf (d)
   a = Add (one, e)
   h = Mul (a, x)
   y = Mul (h, half)
}
"""
IMAGES = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3,8,8] x, float[4,3,3,3] "conv.weight", float[4] "conv.bias") => (float[n,4,h,w] y)
<float[1,3,1,1] mean = {0.5, 0.4, 0.3}, float[1,3,1,1] std = {0.2, 0.3, 0.4}> {
   centered = Sub (x, mean)
   scaled = Div (centered, std)
   [conv] y = Conv <pads = [0, 0, 0, 0]> (scaled, "conv.weight", "conv.bias")
}
"""
DETECTOR = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,10,4] x, float[1,2,10] s) => (float[k,4] picked)
<int64[1] most = {5}, float[1] iou = {0.5}, float[1] least = {0.1}, int64 last = {2},
 int64[1] first = {0}> {
   b = Sigmoid (x)
   p = Sigmoid (s)
   found = NonMaxSuppression (b, p, most, iou, least)
   at = Gather <axis = 1> (found, last)
   rows = Squeeze (b, first)
   picked = Gather (rows, at)
}
"""
VENDOR = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[1,2,4,4] x, float[1,3,3,2] grid) => (float[1,2,3,3] y) { y = GridSample (x, grid) }
"""
BEST = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,9] x) => (float[n,2] v, int64[n,2] i) <int64[1] k = {2}> {
   [best] v, i = TopK <axis = 1> (x, k)
}
"""
CHAIN = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[n,3] x) => (float[n,3] y) { h = Relu (x) e = Exp (h) y = Neg (e) }
"""
BODIES = """
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (bool c, float[2] x) => (float[2] y) {
   z = If (c) <
      then_branch = t () => (float[2] a) { q = Identity (x) a = Neg (q) },
      else_branch = e () => (float[2] b) { b = Abs (x) }
   >
   y = local.same (z)
}
<opset_import: ["" : 17], domain: "local">
same (a) => (b) { c = Identity (a) b = Exp (c) }
"""


def recipes() -> dict[Recipe, str]:
    found: dict[Recipe, str] = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        title = part.partition("\n")[0]
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", part, re.DOTALL)):
            found[title, number] = code
    return found


def model(text: str) -> pot.Model:
    return pot.from_proto(onnx.parser.parse_model(text))


def images(pads: tuple[int, ...] = (0, 0, 0, 0)) -> pot.Model:
    made = model(IMAGES)
    random = np.random.default_rng(0)
    for name, shape in (("conv.weight", (4, 3, 3, 3)), ("conv.bias", (4,))):
        made.graph.remove_input(name)
        made.graph.set_initializer(random.standard_normal(shape).astype(np.float32), name)
    made.graph.node("conv").set_attribute("pads", list(pads))
    return made


def ops(made: pot.Model) -> list[str]:
    return [node.op_type for node in made.graph.nodes]


def run(made: pot.Model, **feeds: Any) -> Any:
    """The first output."""
    return session(pot.to_proto(made)).run(None, feeds)[0]


def looked(old: pot.Model, new: pot.Model) -> None:
    assert [node.text() for node in new.graph.nodes] == [node.text() for node in old.graph.nodes]


def replaced(old: pot.Model, new: pot.Model) -> None:
    assert ops(new) == ["PRelu", "PRelu", "Dropout", "HardSwish", "Identity"]
    same(old, new, x=(5, 3))


def several_for_one(old: pot.Model, new: pot.Model) -> None:
    assert ops(new)[3:] == ["Add", "Clip", "Div", "Mul", "Identity"]
    same(old, new, x=(5, 3))


def by_a_pattern(old: pot.Model, new: pot.Model) -> None:
    assert ops(new) == ["Gelu"]
    same(old, new, x=(5, 3))


def taken_out(old: pot.Model, new: pot.Model) -> None:
    assert ops(new) == ["LeakyRelu", "LeakyRelu", "HardSwish"]
    same(old, new, x=(5, 3))


def put_after(_: pot.Model, new: pot.Model) -> None:
    assert ops(new) == ["Sub", "Div", "Conv", "Clip"]
    assert [value.name for value in new.graph.outputs] == ["y"]
    assert new.graph.nodes[-1].output_names == ["y"]


def preprocessed(old: pot.Model, new: pot.Model) -> None:
    assert [(v.name, v.dtype, v.shape) for v in new.graph.inputs] == [
        ("pixels", "uint8", ("n", 8, 8, 3))
    ]
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), np.uint8)
    scaled = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    wanted = run(old, x=scaled.transpose(0, 3, 1, 2).astype(np.float32))
    np.testing.assert_allclose(run(new, pixels=pixels), wanted, rtol=1e-4, atol=1e-4)


def folded(old: pot.Model, new: pot.Model) -> None:
    padded = any(old.graph.node("conv").attributes["pads"])
    assert ops(new) == (["Sub", "Conv"] if padded else ["Conv"])
    same(old, new, x=(2, 3, 8, 8))


def without_nms(old: pot.Model, new: pot.Model) -> None:
    assert ops(new) == ["Sigmoid", "Sigmoid"]
    assert [(v.name, v.shape) for v in new.graph.outputs] == [
        ("boxes", (1, 10, 4)),
        ("scores", (1, 2, 10)),
    ]


def renamed(old: pot.Model, new: pot.Model) -> None:
    assert [value.name for value in new.graph.outputs] == ["output_0", "output_1"]
    assert [value.shape for value in new.graph.outputs] == [v.shape for v in old.graph.outputs]


def swapped(_: pot.Model, new: pot.Model) -> None:
    (node,) = new.graph.nodes
    assert node.text() == 'y = vendor.GridSampler(x, grid) {plugin_version="2"}'
    assert new.opset_imports == {"": 17, "vendor": 2}


def plugged(_: pot.Model, new: pot.Model) -> None:
    assert new.graph.nodes[0].text() == "v, i = vendor.TopKPlugin(x, k) {axis=1}"
    assert new.opset_imports == {"": 17, "vendor": 1}


def zeroed(old: pot.Model, new: pot.Model) -> None:
    there = {tensor.name: tensor for tensor in new.graph.initializers}
    assert not there["conv.bias"].numpy().any()
    weights = {tensor.name: tensor for tensor in old.graph.initializers}
    np.testing.assert_equal(there["conv.weight"].numpy(), weights["conv.weight"].numpy())


def inside(old: pot.Model, new: pot.Model) -> None:
    assert [[n.op_type for n in b.nodes] for b in new.graph.nodes[0].subgraphs] == [
        ["Neg"],
        ["Abs"],
    ]
    assert [node.op_type for node in new.functions[0].graph.nodes] == ["Exp"]
    feeds = {"c": np.array(True), "x": np.float32([1, 2])}
    np.testing.assert_equal(run(new, **feeds), run(old, **feeds))


def like_graphsurgeon(_: pot.Model, new: pot.Model) -> None:
    assert ops(new) == ["LeakyRelu", "Exp", "Neg"]
    assert new.graph.outputs[0].name == "result"


def same(old: pot.Model, new: pot.Model, **shapes: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    feeds = {n: random.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    np.testing.assert_allclose(run(new, **feeds), run(old, **feeds), rtol=1e-4, atol=1e-5)


Check = Callable[[pot.Model, pot.Model], None]
CASES: dict[Recipe, tuple[Callable[[], pot.Model], Check]] = {
    ("Look around", 0): (images, looked),
    ("Find and replace", 0): (lambda: model(ACTIVATIONS), replaced),
    ("Find and replace", 1): (lambda: model(ACTIVATIONS), several_for_one),
    ("Find and replace by a pattern", 0): (lambda: model(GELU), by_a_pattern),
    ("Take nodes out", 0): (lambda: model(ACTIVATIONS), taken_out),
    ("Put something after each node of a kind", 0): (images, put_after),
    ("A preprocessing stage: uint8 images, channels last", 0): (images, preprocessed),
    ("Fold a normalization into the first Conv", 0): (images, folded),
    ("Cut the NMS off a detector", 0): (lambda: model(DETECTOR), without_nms),
    ("Rename outputs", 0): (lambda: model(BEST), renamed),
    ("Swap an operator for a custom one", 0): (lambda: model(VENDOR), swapped),
    ("Swap an operator for a custom one", 1): (lambda: model(BEST), plugged),
    ("Other weights", 0): (images, zeroed),
    ("Inside of If, Loop, Scan and functions", 0): (lambda: model(BODIES), inside),
    ("Like in onnx-graphsurgeon", 0): (lambda: model(CHAIN), like_graphsurgeon),
}


def test_every_recipe_of_the_page_is_run() -> None:
    assert set(CASES) == set(recipes())


@pytest.mark.parametrize("recipe", CASES, ids=lambda one: f"{one[0]} {one[1]}")
def test_recipe(recipe: Recipe, tmp_path: Path) -> None:
    edited(recipe, *CASES[recipe], tmp_path)


def test_a_normalization_before_a_conv_that_pads(tmp_path: Path) -> None:
    recipe = ("Fold a normalization into the first Conv", 0)
    edited(recipe, lambda: images((1, 1, 1, 1)), folded, tmp_path)


def edited(recipe: Recipe, make: Callable[[], pot.Model], check: Check, folder: Path) -> None:
    """Run the script as users do, from a file, and look at what it made."""
    script = folder / "script.py"
    script.write_text(recipes()[recipe], encoding="utf-8")
    old = make()
    new = pot.edit(old, script).model
    assert new.graph.verify() == []
    check(old, new)
