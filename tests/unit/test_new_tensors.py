"""Tensors that Python makes of arrays."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import pyonnxtool as pot
from pyonnxtool import Tensor
from pyonnxtool.errors import UsageError

NET = """
<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) { y = Identity (x) }
"""


@pytest.mark.parametrize(
    "dtype",
    [
        *("float32", "float64", "float16", "int8", "uint64", "bool", "complex64"),
        *("bfloat16", "float8_e4m3fn", "float8_e5m2fnuz"),
        *("int4", "uint4", "int2", "uint2", "float4_e2m1fn"),
    ],
)
def test_the_onnx_package_reads_the_same_elements(dtype: str) -> None:
    own = getattr(ml_dtypes, dtype, None) or np.dtype(dtype)
    array = np.array([[0, 1, 1], [1, 0, 1]], own)
    model = pot.from_proto(onnx.parser.parse_model(NET))
    model.graph.set_initializer(Tensor(array, "w"))
    (read,) = pot.to_proto(model).graph.initializer
    wide = np.complex64 if dtype == "complex64" else np.float32
    np.testing.assert_array_equal(numpy_helper.to_array(read).astype(wide), array.astype(wide))
    np.testing.assert_array_equal(Tensor(array).numpy(), array)


def test_negative_numbers_of_few_bits() -> None:
    array = np.array([-8, 7, -1, 3, -5], ml_dtypes.int4)
    np.testing.assert_array_equal(Tensor(array).numpy(), array)


@pytest.mark.parametrize(
    ("given", "dtype", "shape"),
    [
        (1, "int64", ()),
        (0.5, "float32", ()),
        ([1.5, 2], "float32", (2,)),
        ([[True], [False]], "bool", (2, 1)),
        (np.float64(2), "float64", ()),
        (np.zeros((2, 0), np.float16), "float16", (2, 0)),
        ("text", "string", ()),
        ([b"\xff", b"e"], "string", (2,)),
    ],
)
def test_numbers_and_text(given: Any, dtype: str, shape: tuple[int, ...]) -> None:
    made = Tensor(given, "name")
    assert (made.name, made.dtype, made.shape) == ("name", dtype, shape)
    assert made.numpy().shape == shape


def test_text_is_written_as_onnx_has_it() -> None:
    model = pot.from_proto(onnx.parser.parse_model(NET))
    model.graph.set_initializer(Tensor(np.array([["a", "bc"], ["", "é"]]), "t"))
    (read,) = pot.to_proto(model).graph.initializer
    assert list(read.string_data) == [b"a", b"bc", b"", "é".encode()]
    assert list(read.dims) == [2, 2]


def test_elements_are_cast() -> None:
    assert Tensor([1, 2], dtype="float16").numpy().tolist() == [1.0, 2.0]
    assert Tensor(np.ones(2, np.float32), dtype="bfloat16").dtype == "bfloat16"


def test_a_read_only_array_is_shared_and_another_one_copied() -> None:
    array = np.arange(4.0)
    made = Tensor(array)
    array[0] = 9
    assert made.numpy()[0] == 0
    array.setflags(write=False)
    assert np.shares_memory(Tensor(array).numpy(), array)


def test_strides_and_byte_order_are_made_plain() -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    np.testing.assert_array_equal(Tensor(array).numpy(), array)


def test_elements_outlive_the_array() -> None:
    array = np.arange(1000.0)
    array.setflags(write=False)
    made = Tensor(array)
    del array
    assert made.numpy()[999] == 999


@pytest.mark.parametrize(
    ("given", "dtype", "told"),
    [
        (np.array(["2020"], "M8[D]"), None, r"ONNX has no tensors of datetime64\[D\]"),
        (np.ones(1, np.longdouble), None, "ONNX has no tensors of"),
        (1, "float33", "no dtype is called 'float33'"),
    ],
)
def test_what_is_no_tensor(given: Any, dtype: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Tensor(given, dtype=dtype)
