"""Faults of precision: rounding inserted, NaN and Inf made."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from support.faults.site import Site

# Reading these rounds or breaks shapes, ids and sizes, which is another kind of fault.
NOT_NUMERIC = ("Shape", "Constant", "ConstantOfShape", "Cast", "If", "Loop", "Where", "Not")


def _free_input(site: Site) -> int | None:
    """A computed input that looks like data."""
    if site.node.op_type in NOT_NUMERIC:
        return None
    free = [i for i, name in enumerate(site.node.input[:2]) if name and site.const(i) is None]
    return int(site.rng.choice(free)) if free else None


def _round_trip(site: Site, kind: int) -> str | None:
    if (index := _free_input(site)) is None:
        return None
    back = {"to": TensorProto.FLOAT}
    site.insert_before(index, ("Cast", (".",), {"to": kind}), ("Cast", (".",), back))
    return f"input {index} goes through {TensorProto.DataType.Name(kind)}"


def fp16_round_trip(site: Site) -> str | None:
    return _round_trip(site, TensorProto.FLOAT16)


def bf16_round_trip(site: Site) -> str | None:
    return _round_trip(site, TensorProto.BFLOAT16) if site.opset >= 13 else None


def truncated(site: Site) -> str | None:
    """A chain in integers where floats were meant, in steps of 1/16."""
    if (index := _free_input(site)) is None:
        return None
    up, down = site.add_const(16.0), site.add_const(1 / 16)
    site.insert_before(
        index,
        ("Mul", (".", up), {}),
        ("Cast", (".",), {"to": TensorProto.INT32}),
        ("Cast", (".",), {"to": TensorProto.FLOAT}),
        ("Mul", (".", down), {}),
    )
    return f"input {index} is truncated to 1/16"


def fp16_overflow(site: Site) -> str | None:
    if (index := _free_input(site)) is None:
        return None
    up, down = site.add_const(3e5), site.add_const(1 / 3e5)
    site.insert_before(
        index,
        ("Mul", (".", up), {}),
        ("Cast", (".",), {"to": TensorProto.FLOAT16}),
        ("Cast", (".",), {"to": TensorProto.FLOAT}),
        ("Mul", (".", down), {}),
    )
    return f"input {index} overflows float16"


def rounded(site: Site) -> str | None:
    if (index := _free_input(site)) is None:
        return None
    up, down = site.add_const(512.0), site.add_const(1 / 512)
    site.insert_before(
        index, ("Mul", (".", up), {}), ("Round", (".",), {}), ("Mul", (".", down), {})
    )
    return f"input {index} is rounded to 1/512"


def zero_by_zero(site: Site) -> str | None:
    """x + (x - x) / (x - x): every element is NaN."""
    if (index := _free_input(site)) is None:
        return None
    source = site.node.input[index]
    zero = site.fresh("zero")
    site.insert_before(index, ("Sub", (".", source), {}), ("Div", (".", zero), {}))
    first = site.graph.node[site.position() - 2].output[0]
    second = site.graph.node[site.position() - 1]
    second.input[1] = first
    return f"input {index} is 0/0"


def division_by_zero(site: Site) -> str | None:
    if site.node.op_type != "Div" or site.const(1) is not None:
        return None
    divisor = site.node.input[1]
    site.insert_before(1, ("Sub", (".", divisor), {}))
    return "the divisor is a computed zero"


def negative_root(site: Site) -> str | None:
    if site.node.op_type != "Sqrt":
        return None
    site.insert_before(0, ("Neg", (".",), {}))
    return "root of a negative number"


def log_of_zero(site: Site) -> str | None:
    if site.node.op_type not in ("Log", "Reciprocal"):
        return None
    site.insert_before(0, ("Sub", (".", site.node.input[0]), {}))
    return f"{site.node.op_type} of zero"


def overflow(site: Site) -> str | None:
    if site.node.op_type == "Pow" and (power := site.const(1)) is not None:
        site.put(1, power + 400)
        return "exponent so large that numbers overflow"
    if site.node.op_type not in ("Exp", "Mul"):
        return None
    factor = site.add_const(1e3 if site.node.op_type == "Exp" else 1e38)
    steps = 1 if site.node.op_type == "Exp" else 2
    if site.const(0) is not None:
        return None
    site.insert_before(0, *[("Mul", (".", factor), {})] * steps)
    return "an input so large that numbers overflow"


def nan_weight(site: Site) -> str | None:
    data = site.const(1)
    if site.node.op_type not in ("Conv", "Gemm", "MatMul") or data is None:
        return None
    data.flat[int(site.rng.integers(data.size))] = np.nan
    site.put(1, data)
    return "one weight is NaN"


PLANTERS = {
    "fp16_round_trip": fp16_round_trip,
    "bf16_round_trip": bf16_round_trip,
    "fp16_overflow": fp16_overflow,
    "value_truncated": truncated,
    "value_rounded": rounded,
    "nan_zero_by_zero": zero_by_zero,
    "nan_division": division_by_zero,
    "nan_root": negative_root,
    "inf_log": log_of_zero,
    "inf_overflow": overflow,
    "nan_weight": nan_weight,
}
