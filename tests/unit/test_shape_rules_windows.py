"""Shapes of convolutions and pools: what onnxruntime makes, with names in the place of sizes, and
what is said of sizes that do not fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from support.one_node import Constant, Given, contradiction, dims, real_shapes, reasons, shapes
from support.real_shapes import evaluate

Attributes = dict[str, Any]

GRID = list(itertools.product([5, 6, 7, 9], [1, 2, 3], [1, 2, 3, 4], [(0, 0), (1, 0), (1, 1)]))
"""Sizes, kernels, strides and pads."""


def _pads(kernel: int, pads: tuple[int, int]) -> Attributes:
    """onnxruntime refuses pads as large as the kernel."""
    return {"pads": list(pads)} if max(pads) < kernel else {}


def _windows() -> Iterator[tuple[int, int, Attributes]]:
    for size, kernel, stride, pads in GRID:
        yield size, kernel, {"strides": [stride], **_pads(kernel, pads)}
    for size, kernel, stride, mode in itertools.product(
        [5, 6, 9], [1, 2, 3], [1, 2, 3], ["SAME_UPPER", "SAME_LOWER", "VALID"]
    ):
        yield size, kernel, {"strides": [stride], "auto_pad": mode}


def test_convolutions_as_onnxruntime_makes_them() -> None:
    for size, kernel, attributes in _windows():
        for dilation in ([1], [2]) if "auto_pad" not in attributes else ([1],):
            inputs = [[2, 3, size], [4, 3, kernel]]
            how = {**attributes, "dilations": dilation}
            real = real_shapes("Conv", *inputs, **how)
            if real is not None:
                assert shapes("Conv", *inputs, **how) == real, (size, kernel, how)
            else:
                assert "larger than the padded input" in contradiction("Conv", *inputs, **how)


@pytest.mark.parametrize("opset", [7, 11, 22])
def test_transposed_convolutions_as_onnxruntime_makes_them(opset: int) -> None:
    how: Attributes = {"opset": opset}
    for (size, kernel, attributes), more in itertools.product(_windows(), ([0], [1])):
        given = {**attributes, **how, "output_padding": more}
        if more[0] >= attributes["strides"][0]:
            continue
        inputs = [[2, 4, size], [4, 3, kernel]]
        assert shapes("ConvTranspose", *inputs, **given) == real_shapes(
            "ConvTranspose", *inputs, **given
        ), (size, kernel, given)
    inputs = [[1, 4, 5], [4, 3, 3]]
    for rare in ({"output_shape": [11]}, {"dilations": [2]}, {"group": 2}):
        given = {**rare, **how, "strides": [2]}
        assert shapes("ConvTranspose", *inputs, **given) == real_shapes(
            "ConvTranspose", *inputs, **given
        )


POOLS = [
    *(("MaxPool", opset) for opset in (8, 10, 11, 12, 22)),
    *(("AveragePool", opset) for opset in (7, 10, 11, 19, 22)),
    *(("LpPool", opset) for opset in (7, 11, 18, 22)),
]


@pytest.mark.parametrize(("op_type", "opset"), POOLS)
def test_pools_as_onnxruntime_makes_them(op_type: str, opset: int) -> None:
    rounds = opset >= (18 if op_type == "LpPool" else 10)
    dilates = opset >= {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[op_type]
    for size, kernel, attributes in _windows():
        for ceil, dilation in itertools.product([0, 1] if rounds else [0], [1, 2]):
            how = {**attributes, "kernel_shape": [kernel], "opset": opset}
            if ceil:
                how["ceil_mode"] = 1
            if dilation > 1 and (not dilates or "auto_pad" in how):
                continue
            if "SAME" in how.get("auto_pad", "") and kernel < how["strides"][0]:
                continue  # onnxruntime refuses that: it would take elements away
            if dilation > 1:
                how["dilations"] = [dilation]
            real = real_shapes(op_type, [2, 3, size], **how)
            if real is not None:
                assert shapes(op_type, [2, 3, size], **how) == real, (size, how)
            else:
                message = contradiction(op_type, [2, 3, size], **how)
                assert "larger than the padded input" in message, (size, how)


def test_expressions_give_the_numbers() -> None:
    """A named size, put in later, is the size that the number gives at once."""
    for kernel, stride, dilation, pads, ceil in itertools.product(
        [1, 2, 3, 5], [1, 2, 3], [1, 2], [(0, 0), (1, 0), (2, 2)], [0, 1]
    ):
        how: Attributes = {"strides": [stride], "dilations": [dilation], "pads": list(pads)}
        pool = {**how, "kernel_shape": [kernel], "ceil_mode": ceil}
        for op_type, more, given in (
            *(("MaxPool", [], pool), ("Conv", [[4, 3, kernel]], how)),
            ("ConvTranspose", [[3, 4, kernel]], how),
        ):
            expression = dims(op_type, [1, 3, "s"], *more, **given)[2]
            extent = dilation * (kernel - 1) + 1
            for size in (extent, extent + 1, extent + 6):
                if op_type == "ConvTranspose" and stride * (size - 1) + 1 <= sum(pads):
                    continue  # nothing would be left
                number = dims(op_type, [1, 3, size], *more, **given)[2]
                assert evaluate(expression, {"s": size}) == number, (op_type, size, given)


def test_a_pool_larger_than_its_input_by_less_than_a_stride_gives_one_element() -> None:
    how: Attributes = {"kernel_shape": [7, 7], "strides": [7, 7]}
    assert shapes("AveragePool", [1, 8, 4, 4], **how) == [([1, 8, 1, 1], "float32")]
    assert shapes("AveragePool", [1, 8, 4, 4], **how) == real_shapes(
        "AveragePool", [1, 8, 4, 4], **how
    )


def test_places_of_the_maxima() -> None:
    how: Attributes = {"kernel_shape": [2, 2], "strides": [2, 2], "outputs": 2}
    assert shapes("MaxPool", [1, 3, 8, 6], **how) == real_shapes("MaxPool", [1, 3, 8, 6], **how)


@pytest.mark.parametrize(
    "how", [{}, {"strides": [2, 2]}, {"strides": [2, 2], "pads": [1, 0, 0, 1]}]
)
def test_unpooled(how: Attributes) -> None:
    inputs = [[1, 1, 2, 3], np.zeros((1, 1, 2, 3), np.int64)]
    how = {**how, "kernel_shape": [3, 2]}
    assert shapes("MaxUnpool", *inputs, **how) == real_shapes("MaxUnpool", *inputs, **how)
    said = Constant(np.array([1, 1, 9, 8]))
    assert dims("MaxUnpool", *inputs, said, **how) == [1, 1, 9, 8]
    assert reasons("MaxUnpool", *inputs, Given([4], "int64"), **how) == [
        "node 'n' (MaxUnpool): output_shape 'x2' is computed"
    ]


@pytest.mark.parametrize("op_type", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_global_pools(op_type: str) -> None:
    given = [2, 3, 4, 5]
    assert shapes(op_type, given, opset=20) == real_shapes(op_type, given, opset=20)
    assert dims(op_type, ["batch", 3, "h", "w"]) == ["batch", 3, 1, 1]


NAMED = ["batch", 3, "h", "w"]


@pytest.mark.parametrize(
    ("op_type", "more", "how", "expected"),
    [
        ("Conv", [[8, 3, 3, 3]], {"strides": [2, 2]}, ["batch", 8, "(h + 1)//2 - 1"]),
        ("Conv", [[8, 3, 3, 3]], {"strides": [2, 2], "pads": [1] * 4}, ["batch", 8, "(h + 1)//2"]),
        ("Conv", [[8, 3, 3, 3]], {"pads": [1] * 4}, ["batch", 8, "h"]),
        ("Conv", [[8, 3, "k", "k"]], {}, ["batch", 8, "h - k + 1"]),
        ("Conv", [[8, 3, 3, 3]], {"auto_pad": "SAME_UPPER"}, ["batch", 8, "h"]),
        ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}, ["batch", 3, "h//2"]),
        (
            "MaxPool",
            [],
            {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
            ["batch", 3, "(h + 1)//2"],
        ),
        ("ConvTranspose", [[3, 8, 2, 2]], {"strides": [2, 2]}, ["batch", 8, "2*h"]),
        (
            "ConvTranspose",
            [[3, 4, 4, 4]],
            {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]},
            ["batch", 4, "2*h + 1"],
        ),
    ],
)
def test_named_sizes(op_type: str, more: Any, how: Attributes, expected: list[Any]) -> None:
    assert dims(op_type, NAMED, *more, **how)[:3] == expected


def test_what_is_known_of_a_convolution_without_the_input() -> None:
    (known, dtype), *_ = shapes("Conv", Given(None), [8, 3, 3, 3])
    assert (known[1], len(known), dtype) == (8, 4, "float32")
    (known, _), *_ = shapes("Conv", ["batch", 3, 8, 8], Given(None), kernel_shape=[3, 3])
    assert known == ["batch", None, 6, 6]


def test_quantized_convolutions() -> None:
    x, w = Given([1, 3, 8, 8], "uint8"), Given([4, 3, 3, 3], "int8")
    one, zero = Constant(np.float32([0.5]).reshape(())), Constant(np.array(0, np.uint8))
    signed = Constant(np.array(0, np.int8))
    inputs = [x, one, zero, w, one, signed, one, zero]
    assert shapes("QLinearConv", *inputs) == real_shapes("QLinearConv", *inputs)
    assert shapes("ConvInteger", x, w) == [([1, 4, 6, 6], "int32")]
    wide = [x, one, zero, Given([4, 5, 3, 3], "int8"), one, signed, one, zero]
    assert "'x0' has 3 channels, but 'x3' takes 5" in contradiction("QLinearConv", *wide)


def test_deformed_convolution_has_the_sizes_of_its_offsets() -> None:
    x, w = [1, 2, "h", "w"], [4, 2, 3, 3]
    assert dims("DeformConv", x, w, [1, 18, 6, "w - 2"]) == [1, 4, 6, "w - 2"]
    assert "'x2' is 7 long on axis 3, but the output is 6" in contradiction(
        "DeformConv", [1, 2, 8, 8], w, [1, 18, 6, 7]
    )


def test_a_causal_convolution_carries_its_state() -> None:
    inputs = [["batch", 8, "steps"], [8, 1, 4]]
    assert shapes("CausalConvWithState", *inputs, outputs=2, opset=27) == [
        (["batch", 8, "steps"], "float32"),
        (["batch", 8, 3], "float32"),
    ]
    assert "'x3' is 5 long on axis 2, but 'x1' carries 3 positions" in contradiction(
        "CausalConvWithState", *inputs, None, ["batch", 8, 5], outputs=2, opset=27
    )


def test_a_causal_kernel_is_not_empty() -> None:
    assert "'x1' is 0 long on axis 2, but a kernel takes at least 1" in contradiction(
        "CausalConvWithState", [1, 8, 5], [8, 1, 0], outputs=2, opset=27
    )


def test_blocks_of_an_image() -> None:
    image, block = Constant(np.array([4, 5])), Constant(np.array([2, 1]))
    assert shapes("Col2Im", [1, 10, 15], image, block) == real_shapes(
        "Col2Im", [1, 10, 15], image, block
    )
    assert dims("Col2Im", ["n", 10, 15], Given([2], "int64"), block) == ["n", 5, None, None]


SQUARE = [1, 3, 5, 5]


@pytest.mark.parametrize(
    ("op_type", "inputs", "how", "message"),
    [
        ("Conv", [SQUARE, [8, 64, 3, 3]], {}, "'x0' has 3 channels, but 'x1' takes 64 (group 1)"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"group": 3}, "'x0' has 3 channels, but 'x1' takes 9"),
        ("Conv", [SQUARE, [4, 1, 3, 3]], {"group": 3}, "'x1' makes 4 channels, which do not"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"group": 0}, "group is 0, but at least 1"),
        ("Conv", [SQUARE, [8, 3, 3, 3], [7]], {}, "'x2' is 7 long on axis 0, but 'x1' makes 8"),
        ("Conv", [SQUARE, [8, 3, 7, 7]], {}, "kernel 7 is larger than the padded input 5"),
        ("Conv", [SQUARE, [8, 3, 3]], {}, "'x0' has 4 axes, but 'x1' has 3"),
        ("Conv", [[1, 3], [8, 3]], {}, "'x0' has 2 axes, but takes a batch, channels and"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"kernel_shape": [5, 5]}, "says 5, but 'x1' is 3 long"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"kernel_shape": [3]}, "kernel_shape has 1 number, but"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"strides": [2]}, "strides has 1 number, but there are 2"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"strides": [0, 1]}, "strides holds 0, but has to be"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"dilations": [-1, 1]}, "dilations holds -1"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"pads": [1, 1]}, "pads has 2 numbers, but there are 2"),
        ("Conv", [SQUARE, [8, 3, 3, 3]], {"auto_pad": "FULL"}, "auto_pad is 'FULL', but can be"),
        ("MaxPool", [SQUARE], {"kernel_shape": [7, 7]}, "kernel 7 is larger than the padded"),
        ("MaxPool", [SQUARE], {"kernel_shape": [2]}, "kernel_shape has 1 number, but there are 2"),
        ("MaxPool", [SQUARE], {"kernel_shape": [0, 2]}, "kernel_shape holds 0, but has to be"),
        ("MaxPool", [[5, 5]], {"kernel_shape": [2]}, "'x0' has 2 axes, but takes 3"),
        ("GlobalMaxPool", [[5]], {}, "'x0' has 1 axis, but takes 3"),
        (
            "MaxUnpool",
            [SQUARE, SQUARE],
            {"kernel_shape": [1, 1], "pads": [3] * 4},
            "pads take 6 of",
        ),
        ("ConvTranspose", [SQUARE, [4, 8, 3, 3]], {}, "'x0' has 3 channels, but 'x1' takes 4"),
        ("ConvTranspose", [SQUARE, [3, 8, 3, 3]], {"kernel_shape": [2, 2]}, "kernel_shape says 2"),
        ("ConvTranspose", [SQUARE, [3, 8, 3, 3]], {"kernel_shape": [3]}, "kernel_shape has 1"),
        ("ConvTranspose", [SQUARE, [3, 8, 3]], {}, "'x0' has 4 axes, but 'x1' has 3"),
        ("ConvTranspose", [SQUARE, [3, 8, 3, 3]], {"group": 2}, "'x1' takes 3 channels, which do"),
        (
            "ConvTranspose",
            [SQUARE, [3, 8, 1, 1]],
            {"pads": [3] * 4},
            "pads take 6 of spatial size 5",
        ),
        (
            "ConvTranspose",
            [SQUARE, [3, 8, 3, 3]],
            {"output_shape": [9]},
            "output_shape has 1 number",
        ),
        ("ConvTranspose", [SQUARE, [3, 8, 3, 3]], {"output_padding": [1]}, "output_padding has 1"),
        (
            "ConvTranspose",
            [SQUARE, [3, 8, 3, 3]],
            {"output_shape": [-4, 4]},
            "output_shape holds -4",
        ),
        ("ConvTranspose", [SQUARE, [3, 8, 3, 3], [7]], {}, "'x2' is 7 long on axis 0, but 'x1'"),
    ],
)
def test_what_does_not_fit_is_named(
    op_type: str, inputs: Any, how: Attributes, message: str
) -> None:
    assert message in contradiction(op_type, *inputs, **how)


def test_blocks_that_do_not_fit_are_named() -> None:
    image, block = Constant(np.array([4, 5])), Constant(np.array([2, 1]))
    assert "'x0' is 12 long on axis 2, but the image has 15 blocks" in contradiction(
        "Col2Im", [1, 10, 12], image, block
    )
    assert "'x0' has 9 columns, but a block has 2 elements" in contradiction(
        "Col2Im", [1, 9, 15], image, block
    )
    flat = Constant(np.array([4, 5, 6]))
    assert "'x1' has 3 sizes, but 'x2' has 2" in contradiction("Col2Im", [1, 10, 15], flat, block)
    assert "'x2' has 3 sizes, but 'x0' has 4 axes" in contradiction(
        "MaxUnpool", SQUARE, SQUARE, Constant(np.array([1, 3, 9])), kernel_shape=[2, 2]
    )
    assert "'x2' holds -9" in contradiction(
        "MaxUnpool", SQUARE, SQUARE, Constant(np.array([1, 3, -9, 9])), kernel_shape=[2, 2]
    )
