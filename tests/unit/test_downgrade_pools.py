"""AveragePool, LpPool and MaxPool at lower opsets: ceil_mode, gaps, padding, indices."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.downgraded import check, source

POOLS = ("AveragePool", "LpPool", "MaxPool")


def pool(op: str, attributes: str, sizes: str, opset: int = 22, dtype: str = "float") -> str:
    """A model of one pool; sizes are those of the input."""
    open_sizes = ",".join("?" for _ in sizes.split(","))
    node = f"{op} <{attributes}> (x)"
    return source(f"g ({dtype}[{sizes}] x) => ({dtype}[{open_sizes}] y) {{ y = {node} }}", opset)


def ints(values: list[int]) -> str:
    return "[" + ",".join(map(str, values)) + "]"


def drawn(rng: np.random.Generator, op: str) -> tuple[str, list[int]] | None:
    """Attributes that onnxruntime takes, and spatial sizes; None where they do not go together."""
    rank = int(rng.integers(1, 4))
    kernel = [int(one) for one in rng.integers(1, 4, rank)]
    strides = [int(one) for one in rng.integers(1, 4, rank)]
    dilations = [int(one) for one in rng.integers(1, 3, rank)]
    sizes = [int(one) for one in rng.integers(3, 8, rank)]
    text = f"kernel_shape={ints(kernel)}, strides={ints(strides)}"
    text += f", dilations={ints(dilations)}" if rng.random() < 0.6 else ""
    used = dilations if "dilations" in text else [1] * rank
    extents = [(one - 1) * gap + 1 for one, gap in zip(kernel, used, strict=True)]
    if any(extent > size for extent, size in zip(extents, sizes, strict=True)):
        return None
    text += f", ceil_mode={rng.integers(0, 2)}"
    if rng.random() < 0.6:
        most = [min(one - 1, extent // 2) for one, extent in zip(kernel, extents, strict=True)]
        pads = [int(rng.integers(0, one + 1)) for one in most * 2]
        text += f", pads={ints(pads)}"
    if op == "AveragePool":
        text += f", count_include_pad={rng.integers(0, 2)}"
    if op == "LpPool":
        text += f", p={rng.integers(1, 4)}"
    return text, sizes


@pytest.mark.parametrize("op", POOLS)
def test_any_window_gives_the_same(op: str) -> None:
    rng = np.random.default_rng(POOLS.index(op))
    ulp = {"AveragePool": 24, "LpPool": 24, "MaxPool": 0}[op]  # sums in another order
    for case in range(60):
        found = drawn(rng, op)
        if found is None:
            continue
        attributes, sizes = found
        x = np.abs(rng.standard_normal([2, 3, *sizes])).astype(np.float32)
        target = (21, 17, 11, 9, 8, 7)[case % 6]
        check(pool(op, attributes, f"2,3,{','.join(map(str, sizes))}"), target, {"x": x}, ulp=ulp)
