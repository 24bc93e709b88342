"""Shapes of models that onnxruntime has rewritten: no operator of its own stops us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from pyonnxtool import _core, from_proto
from pyonnxtool.onnx_inference import ask_onnx
from support.graph_builder import Case
from support.optimizers import OPTIMIZERS
from support.ort_runs import all_values
from support.quantizing import quantized
from support.real_shapes import disagreements
from support.zoo import ZOO

# Its channels are rounded up to the blocks of the machine, and so are those of what only hands
# them on.
MACHINE = {"ReorderInput"}
DECIDED_BY_DATA = {"NonZero", "NonMaxSuppression", "Loop"}


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that declares nothing but its inputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    for output in copy.graph.output:
        output.ClearField("type")
    return copy


def sizes_of(model: onnx.ModelProto, case: Case) -> dict[str, int]:
    """What the names of the inputs' sizes stand for in the first sample."""
    return {
        dim.dim_param: size
        for info in model.graph.input
        for dim, size in zip(
            info.type.tensor_type.shape.dim, case.feeds[0][info.name].shape, strict=True
        )
        if dim.dim_param
    }


def wrong(model: onnx.ModelProto, case: Case) -> Iterator[str]:
    """What is inferred and did not come out, and what should have been inferred and was not."""
    plain = bare(model)
    facts = _core.infer_shapes(from_proto(plain), ask_onnx)
    yield from (message for _, message in facts.contradictions)
    yield from (f"{node.label}: no rule" for node in facts.without_rule)
    makers = {name: node for node in model.graph.node for name in node.output}
    sizes = sizes_of(model, case)
    for name, real in all_values(model, case.feeds):
        fact = facts.value(name)
        yield from (f"{name}: {text}" for text in disagreements(fact, real, sizes))
        excused = MACHINE | DECIDED_BY_DATA
        told = fact.dims is not None and None not in fact.dims
        if not told and makers[name].op_type not in excused and not follows(fact, excused):
            yield f"{name} of {makers[name].op_type} is left open: {fact.dims} {fact.reasons}"


def follows(fact: _core.Fact, excused: set[str]) -> bool:
    """Whether a size is open because of an operator that may leave it open."""
    return any(op_type in reason for reason in fact.reasons for op_type in excused)


@pytest.mark.slow  # a session or two for each of 69 models: 10 s
@pytest.mark.parametrize("level", OPTIMIZERS)
@pytest.mark.parametrize("name", ZOO)
def test_of_optimized_models(name: str, level: str) -> None:
    case = ZOO[name]()
    model = OPTIMIZERS[level](case.model)
    assert model is not None
    assert list(wrong(model, case)) == []


@pytest.mark.slow  # quantizes and optimizes: 1 s each
@pytest.mark.parametrize("kind", ["qdq", "qoperator", "dynamic", "int4"])
@pytest.mark.parametrize("name", ["resnet_13", "encoder_erf_17", "unet_13"])
def test_of_quantized_models(name: str, kind: str, tmp_path: Path) -> None:
    if kind == "int4":
        pytest.importorskip("onnx_ir")  # onnxruntime's quantizer wants it and does not ask for it
    case = ZOO[name]()
    model = quantized(case, kind, tmp_path)
    for written in (model, OPTIMIZERS["ort_all"](model)):
        assert written is not None
        assert list(wrong(written, case)) == []


@pytest.mark.parametrize(
    ("name", "level"), [("encoder_erf_17", "ort_extended"), ("resnet_17", "ort_all")]
)
def test_onnx_stops_where_we_do_not(name: str, level: str) -> None:
    case = ZOO[name]()
    model = OPTIMIZERS[level](case.model)
    assert model is not None
    theirs = onnx.shape_inference.infer_shapes(bare(model), data_prop=True)
    known = {info.name for info in [*theirs.graph.value_info, *theirs.graph.output] if shaped(info)}
    made = {name for name, _ in all_values(model, case.feeds)}
    assert len(made - known) > len(made) / 2
    facts = _core.infer_shapes(from_proto(bare(model)))
    assert all(facts.value(name).dims is not None for name in made)


def shaped(info: onnx.ValueInfoProto) -> bool:
    """Whether it has a shape."""
    return info.type.tensor_type.HasField("shape")
