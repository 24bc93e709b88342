"""ShapeRouter: the exact size, else the nearest that holds the inputs, padded and cut back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

import pyonnxtool as pot
from pyonnxtool import Model
from pyonnxtool.errors import BackendError, ModelError, UsageError
from pyonnxtool.router import Route
from support.fresh_process import run_python
from support.parsed import parsed

PICTURES = """g (float[n,3,h,w] x) => (float[n,8,p,q] half, float[n,8] mean) <
  float[8,3,3,3] k = {%s}> {
  c = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, k)
  half = Relu (c)
  pooled = GlobalAveragePool (half)
  mean = Flatten (pooled)
}"""

WORDS = """g (int64[batch,seq] ids, float[batch,seq] mask) => (float[batch,seq,16] hidden,
  float[batch,16] first, float[batch,16] mean) <float[32,16] table = {%s}, int64[1] one = {1},
  int64[1] last = {2}, int64 zero = {0}> {
  e = Gather (table, ids)
  m = Unsqueeze (mask, last)
  hidden = Mul (e, m)
  first = Gather <axis = 1> (hidden, zero)
  sum = ReduceSum <keepdims = 0> (hidden, one)
  count = ReduceSum (mask, one)
  mean = Div (sum, count)
}"""


def numbers(count: int) -> str:
    return ", ".join(f"{x:.4f}" for x in np.random.default_rng(0).normal(size=count))


def pictures() -> Model:
    return parsed(PICTURES % numbers(216))


def words() -> Model:
    return parsed(WORDS % numbers(512))


def picture(n: int, h: int, w: int) -> dict[str, Any]:
    return {"x": np.random.default_rng(1).normal(size=(n, 3, h, w)).astype(np.float32)}


def sentence(batch: int, seq: int) -> dict[str, Any]:
    ids = np.random.default_rng(2).integers(0, 32, (batch, seq))
    return {"ids": ids, "mask": np.ones((batch, seq), np.float32)}


def expected(model: Model, feeds: dict[str, Any]) -> dict[str, Any]:
    session = ort.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    """Pictures of 32x32 and 64x96."""
    pot.specialize_variants(
        pictures(),
        tmp_path / "sizes",
        {"small": {"x": (1, 3, 32, 32)}, "large": {"x": (1, 3, 64, 96)}},
    )
    return tmp_path / "sizes"


@pytest.fixture
def lengths(tmp_path: Path) -> Path:
    """Sentences of 4 and 16 words, two at a time."""
    pot.specialize_variants(
        words(), tmp_path / "lengths", {f"s{n}": {"batch": 2, "seq": n} for n in (4, 16)}
    )
    return tmp_path / "lengths"


def test_the_exact_size(sizes: Path) -> None:
    router = pot.ShapeRouter(sizes)
    for shape, name in (((1, 32, 32), "small"), ((1, 64, 96), "large")):
        feeds = picture(*shape)
        found = router.run(feeds)
        assert router.last == Route(name, exact=True)
        for key, value in expected(pictures(), feeds).items():
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-5)


def test_some_outputs(sizes: Path) -> None:
    found = pot.ShapeRouter(sizes).run(picture(1, 32, 32), ["mean"])
    assert list(found) == ["mean"]
    with pytest.raises(UsageError, match="no output is called 'meen'; there are: half, mean"):
        pot.ShapeRouter(sizes).run(picture(1, 32, 32), ["meen"])


def test_a_size_that_there_is_not_is_refused_with_those_that_there_are(sizes: Path) -> None:
    router = pot.ShapeRouter(sizes)
    with pytest.raises(UsageError) as caught:
        router.run(picture(1, 30, 32))
    assert str(caught.value) == (
        "no variant takes x[1,3,30,32] without padding: small would, with pad={'x': 0}; "
        "there are: small (x[1,3,32,32]), large (x[1,3,64,96])"
    )
    with pytest.raises(UsageError) as caught:
        pot.ShapeRouter(sizes, pad=0).run(picture(1, 65, 32))
    assert str(caught.value) == (
        "no variant takes x[1,3,65,32]; there are: small (x[1,3,32,32]), large (x[1,3,64,96])"
    )
    assert router.last is None


def test_outputs_are_cut_back_where_they_follow(sizes: Path) -> None:
    router = pot.ShapeRouter(sizes, pad={"x": 0.0})
    feeds = picture(1, 33, 50)
    found = router.run(feeds)
    assert router.last == Route(
        "large",
        exact=False,
        padded={"x": (1, 3, 64, 96)},
        cropped={"half": (-1, -1, 17, 25)},
    )
    # Zeros are what the convolution itself pads with, so the picture is exact; its mean is not.
    np.testing.assert_allclose(
        found["half"], expected(pictures(), feeds)["half"], rtol=1e-5, atol=1e-5
    )
    assert found["mean"].shape == (1, 8)


def test_axes_that_several_sizes_or_the_data_decide_stay(tmp_path: Path) -> None:
    model = parsed(
        "g (float[n,a] x, float[n,b] z) => (float[n,c] both, float[d] flat)"
        " <int64[1] all = {-1}> { both = Concat <axis = 1> (x, z)\n flat = Reshape (x, all) }"
    )
    sizes = {"s": {"n": 2, "a": 2, "b": 2}, "l": {"n": 4, "a": 8, "b": 8}}
    pot.specialize_variants(model, tmp_path / "out", sizes)
    router = pot.ShapeRouter(tmp_path / "out", pad=0)
    found = router.run({"x": np.ones((3, 5), np.float32), "z": np.ones((3, 8), np.float32)})
    assert router.last is not None
    assert router.last.cropped == {"both": (3, -1)}
    assert router.last.uncropped == ("both", "flat")
    assert found["both"].shape == (3, 16)


def test_the_nearest_size_is_the_one_with_the_fewest_elements(sizes: Path) -> None:
    router = pot.ShapeRouter(sizes, pad=0)
    assert router.plan({"x": (1, 3, 20, 20)}).variant == "small"
    assert router.plan({"x": (1, 3, 33, 1)}).variant == "large"
    assert router.plan(picture(1, 32, 32)).exact


def test_sentences_with_a_mask(lengths: Path) -> None:
    router = pot.ShapeRouter(lengths, pad={"ids": 0, "mask": 0})
    feeds = sentence(1, 7)
    found = router.run(feeds)
    assert router.last is not None
    assert router.last.variant == "s16"
    assert router.last.padded == {"ids": (2, 16), "mask": (2, 16)}
    assert router.last.cropped == {"hidden": (1, 7, -1), "first": (1, -1), "mean": (1, -1)}
    for key, value in expected(words(), feeds).items():
        np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-5)


def test_inputs_that_share_a_size_agree(lengths: Path) -> None:
    feeds = {**sentence(2, 4), "mask": np.ones((2, 3), np.float32)}
    with pytest.raises(UsageError, match="sizes of one name differ, and the inputs are"):
        pot.ShapeRouter(lengths, pad=0).run(feeds)


def test_only_the_inputs_that_are_named_are_padded(lengths: Path) -> None:
    with pytest.raises(UsageError) as caught:
        pot.ShapeRouter(lengths, pad={"ids": 0}).run(sentence(2, 3))
    assert "without padding: s4 would, with pad={'mask': 0}" in str(caught.value)
    with pytest.raises(UsageError, match="pad: no input is called 'idx'; there are: ids, mask"):
        pot.ShapeRouter(lengths, pad={"idx": 0})


def test_inputs_by_name(lengths: Path) -> None:
    router = pot.ShapeRouter(lengths)
    with pytest.raises(UsageError, match="input 'mask' is missing; there are: ids, mask"):
        router.run({"ids": sentence(2, 4)["ids"]})
    with pytest.raises(UsageError, match="no input is called 'x'; there are: ids, mask"):
        router.run({**sentence(2, 4), "x": np.zeros(1)})
    with pytest.raises(BackendError, match=r"variant s4: .*Unexpected input data type"):
        router.run({**sentence(2, 4), "mask": np.ones((2, 4))})


def test_sessions_are_opened_when_they_are_needed(sizes: Path) -> None:
    (sizes / "large.onnx").unlink()
    router = pot.ShapeRouter(sizes)
    router.run(picture(1, 32, 32))
    with pytest.raises(BackendError, match="variant large: "):
        router.run(picture(1, 64, 96))
    assert router.session("small") is router.session("small")


def test_session_options_and_providers_are_those_that_are_given(sizes: Path) -> None:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    router = pot.ShapeRouter(sizes, session_options=options, share_weights=False)
    router.run(picture(1, 32, 32))
    assert router.session("small").get_session_options().intra_op_num_threads == 1
    with pytest.raises(BackendError, match="NoSuchProvider"):
        pot.ShapeRouter(sizes, providers=["NoSuchProvider"]).session("small")


def test_a_variant_of_another_folder(sizes: Path) -> None:
    index = sizes / "variants.json"
    index.write_text(index.read_text().replace('"small.onnx"', '"../small.onnx"'))
    with pytest.raises(ModelError, match=r"variants.json: '../small.onnx' is not in its folder"):
        pot.ShapeRouter(sizes)


def test_a_folder_that_holds_no_variants(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no variants.json; make such a folder with: "):
        pot.ShapeRouter(tmp_path)
    (tmp_path / "variants.json").write_text(json.dumps({"schema": "pyonnxtool/variants/9"}))
    with pytest.raises(ModelError, match="its schema is 'pyonnxtool/variants/9'"):
        pot.ShapeRouter(tmp_path)
    (tmp_path / "variants.json").write_text("[]")
    with pytest.raises(ModelError, match="not what specialize writes"):
        pot.ShapeRouter(tmp_path)


MEMORY = """
import sys
from pathlib import Path
import numpy as np
import pyonnxtool as pot

def private():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

for shared in (True, False):
    router = pot.ShapeRouter(sys.argv[1], share_weights=shared)
    before = private()
    for rows in (1, 2, 3):
        router.run({"x": np.ones((rows, 1024), np.float32)})
    print((private() - before) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells of it")
def test_weights_are_in_memory_once(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((1024, 8192), np.float32), "w")  # 32 MiB
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("x", 1024), ("y", 8192))
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [weight])
    proto = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    folder = tmp_path / "out"
    pot.specialize_variants(proto, folder, {f"n{n}": {"n": n} for n in (1, 2, 3)})
    told = run_python("-c", MEMORY, str(folder), cwd=tmp_path).stdout.split()
    shared, packed = map(int, told)
    assert shared < 32, "MiB, of three sessions"
    assert packed > 2 * 32, "each has its own"
