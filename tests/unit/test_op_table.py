"""The core's table of operators against the schemas of the onnx package, which know the rest."""

from __future__ import annotations

import onnx.defs
import pytest

from pyonnxtool import _core

TABLE = {(info.domain, info.op_type): info for info in _core.op_table()}
SCHEMAS = onnx.defs.get_all_schemas_with_history()
NAMES = {(schema.domain, schema.name) for schema in SCHEMAS}

OURS = {"SimplifiedLayerNormalization", "MemcpyFromHost", "MemcpyToHost"} | {
    *("Affine", "Crop", "ImageScaler", "ParametricSoftplus", "Scale", "ScaledTanh"),
}
"""Of the default domain, but only onnxruntime knows them."""

SUMS_NOTHING = {"BatchNormalization", "GlobalMaxPool", "MaxPool", "MaxRoiPool", "MaxUnpool"} | {
    *("ReduceMax", "ReduceMin"),
}
"""Named like a family that sums, but their elements are exact or of a fixed number of terms."""


@pytest.mark.skipif(onnx.defs.onnx_opset_version() < 28, reason="an older onnx has fewer")
def test_every_standard_entry_is_an_operator() -> None:
    ours = {key for key in TABLE if key[0].startswith("ai.onnx") or not key[0]}
    unknown = {op_type for domain, op_type in ours - NAMES}
    assert unknown == OURS


def test_non_tensor_is_what_the_schemas_say() -> None:
    kinds = {(one.domain, one.name): one.outputs[0].types for one in SCHEMAS if one.outputs}
    expected = {
        key for key, of in kinds.items() if not any(kind.startswith("tensor(") for kind in of)
    }
    assert {key for key, info in TABLE.items() if info.non_tensor} == expected


def test_random_operators_have_a_seed() -> None:
    seeded = {schema.name for schema in SCHEMAS if "seed" in schema.attributes}
    drawn = {op for (domain, op), info in TABLE.items() if info.random and not domain}
    assert drawn == seeded - {"Dropout"}  # which is an alias at inference


def test_commutative_operators_take_inputs_of_one_type() -> None:
    for domain, op_type in (key for key, info in TABLE.items() if info.commutative):
        schema = onnx.defs.get_schema(op_type, domain)
        assert len({port.type_str for port in schema.inputs}) == 1, op_type
        variadic = schema.inputs[0].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
        assert variadic or len(schema.inputs) == 2, op_type


@pytest.mark.parametrize(
    ("word", "accumulation"),
    [
        ("MatMul", "matmul"),
        ("Gemm", "matmul"),
        ("ConvTranspose", "conv_transpose"),
        ("Conv", "conv"),
        ("Reduce", "reduce"),
        ("GlobalAveragePool", "reduce"),
        ("GlobalLpPool", "reduce"),
        ("Pool", "pool"),
        ("Normalization", "norm"),
        ("Softmax", "softmax"),
        ("Attention", "attention"),
        ("Einsum", "einsum"),
        ("CumSum", "scan"),
        ("CumProd", "scan"),
    ],
)
def test_what_sums_says_how_much(word: str, accumulation: str) -> None:
    """Of every standard operator whose name has the word, so that a new one is noticed."""
    longer = {"ConvTranspose", "GlobalAveragePool", "GlobalLpPool"} - {word}
    named = {op for domain, op in NAMES if not domain and word in op} - SUMS_NOTHING - longer
    assert named
    found = {op: TABLE[("", op)].accumulation if ("", op) in TABLE else None for op in named}
    assert found == dict.fromkeys(named, accumulation)


def test_an_entry_is_read_only() -> None:
    with pytest.raises(AttributeError):
        _core.op_table()[0].alias = True
