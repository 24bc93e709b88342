"""Faults in how an operator is told to work."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from support.faults.site import Site


def _number(name: str, default: float, new: float, *ops: str) -> Callable[[Site], str | None]:
    """A planter that gives a number attribute of `ops` another value."""

    def planter(site: Site) -> str | None:
        if site.node.op_type not in ops:
            return None
        old = site.attr(name, default)
        value = type(default)(new if old != new else default)
        site.set(name, value)
        return f"{name} is {value} instead of {old}"

    return planter


def _choice(name: str, default: str, options: tuple[str, ...], *ops: str):
    """A planter that gives a string attribute of `ops` another of its options."""

    def planter(site: Site) -> str | None:
        if site.node.op_type not in ops:
            return None
        old = site.attr(name, default)
        new = str(site.rng.choice([item for item in options if item != old]))
        site.set(name, new)
        return f"{name} is {new} instead of {old}"

    return planter


def axis(site: Site) -> str | None:
    defaults = {
        "Softmax": -1, "LogSoftmax": -1, "LayerNormalization": -1, "Concat": None, "ArgMax": 0,
        "ArgMin": 0, "Gather": 0, "TopK": -1, "Split": 0, "GatherElements": 0, "Flatten": 1,
    }  # fmt: skip
    if site.node.op_type not in defaults:
        return None
    old = site.attr("axis", defaults[site.node.op_type])
    new = int(site.rng.choice([item for item in (0, 1, 2, 3, -2) if item != old]))
    site.set("axis", new)
    return f"axis is {new} instead of {old}"


def reduce_axes(site: Site) -> str | None:
    if not site.node.op_type.startswith("Reduce"):
        return None
    new = [int(site.rng.integers(0, 3))]
    if site.attr("axes") is not None:
        if list(site.attr("axes")) == new:
            return None
        site.set("axes", new)
        return f"reduced over {new}"
    old = site.const(1)
    if old is None or old.tolist() == new:
        return None
    site.put(1, np.array(new))
    return f"reduced over {new} instead of {old.tolist()}"


def pads_swapped(site: Site) -> str | None:
    """All of the padding of one side goes to the other."""
    pads = site.attr("pads")
    if not pads or len(pads) != 4 or not any(pads):
        return None
    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        new = [0, 0, top + bottom, left + right]
    else:
        new = [bottom, right, top, left]
    site.set("pads", new)
    return f"pads are {new} instead of {list(pads)}"


def auto_pad(site: Site) -> str | None:
    if site.node.op_type not in ("Conv", "MaxPool", "AveragePool") or not site.attr("pads"):
        return None
    site.set("pads", None)
    site.set("auto_pad", str(site.rng.choice(["SAME_UPPER", "SAME_LOWER"])))
    return "auto_pad instead of pads"


def dilations(site: Site) -> str | None:
    pads = site.attr("pads")
    if site.node.op_type != "Conv" or not pads or not all(pads):
        return None
    site.set("dilations", [2, 2])
    site.set("pads", [2 * pad for pad in pads])
    return "dilation 2 (and pads to fit)"


def strides(site: Site) -> str | None:
    """Legal where something later makes any size fit."""
    if site.node.op_type not in ("Conv", "MaxPool", "AveragePool"):
        return None
    old = list(site.attr("strides", [1, 1]))
    site.set("strides", [1, 1] if old != [1, 1] else [2, 2])
    return f"strides changed from {old}"


def group(site: Site) -> str | None:
    """A dense convolution becomes one of two groups, its weight cut to fit."""
    weight = site.const(1)
    if site.node.op_type != "Conv" or weight is None or site.attr("group", 1) != 1:
        return None
    if weight.shape[0] % 2 or weight.shape[1] % 2:
        return None
    site.set("group", 2)
    site.put(1, weight[:, : weight.shape[1] // 2])
    return "group is 2 instead of 1"


def perm(site: Site) -> str | None:
    old = site.attr("perm")
    if site.node.op_type != "Transpose" or not old or len(old) < 2:
        return None
    one, other = site.rng.choice(len(old), 2, replace=False)
    new = list(old)
    new[one], new[other] = new[other], new[one]
    site.set("perm", new)
    return f"perm is {new} instead of {list(old)}"


def square_gemm(site: Site) -> str | None:
    weight = site.const(1)
    if site.node.op_type != "Gemm" or weight is None or weight.shape[0] != weight.shape[1]:
        return None
    site.set("transB", 1 - site.attr("transB", 0))
    return "transB flipped"


def keepdims(site: Site) -> str | None:
    if not site.node.op_type.startswith(("Reduce", "Arg")):
        return None
    site.set("keepdims", 1 - site.attr("keepdims", 1))
    return "keepdims flipped"


def einsum(site: Site) -> str | None:
    equation = site.attr("equation")
    if site.node.op_type != "Einsum":
        return None
    left, right = equation.split("->")
    one, other = left.split(",")
    site.set("equation", f"{one[0]}{one[:0:-1]},{other}->{right}")
    return f"equation is not {equation}"


_COORDINATES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
_POOLS = ("MaxPool", "AveragePool")
_NORMS = ("BatchNormalization", "InstanceNormalization", "LayerNormalization")

PLANTERS = {
    "epsilon": _number("epsilon", 1e-5, 1e-3, *_NORMS),
    "leaky_alpha": _number("alpha", 0.01, 0.11, "LeakyRelu"),
    "elu_alpha": _number("alpha", 1.0, 1.1, "Elu"),
    "hard_sigmoid_alpha": _number("alpha", 0.2, 1 / 6, "HardSigmoid"),
    "gemm_alpha": _number("alpha", 1.0, 1.01, "Gemm"),
    "gemm_beta": _number("beta", 1.0, 1.01, "Gemm"),
    "gemm_transposed": square_gemm,
    "count_include_pad": _number("count_include_pad", 0, 1, "AveragePool"),
    "ceil_mode": _number("ceil_mode", 0, 1, *_POOLS),
    "topk_largest": _number("largest", 1, 0, "TopK"),
    "last_index": _number("select_last_index", 0, 1, "ArgMax", "ArgMin"),
    "cumsum_exclusive": _number("exclusive", 0, 1, "CumSum"),
    "cumsum_reverse": _number("reverse", 0, 1, "CumSum"),
    "gelu_approximate": _choice("approximate", "none", ("none", "tanh"), "Gelu"),
    "resize_mode": _choice("mode", "nearest", ("nearest", "linear", "cubic"), "Resize"),
    "resize_coordinates": _choice(
        "coordinate_transformation_mode", "half_pixel", _COORDINATES, "Resize"
    ),
    "resize_nearest": _choice(
        "nearest_mode", "round_prefer_floor", ("floor", "ceil", "round_prefer_ceil"), "Resize"
    ),
    "pad_mode": _choice("mode", "constant", ("constant", "edge", "reflect"), "Pad"),
    "axis": axis,
    "reduce_axes": reduce_axes,
    "keepdims": keepdims,
    "pads_swapped": pads_swapped,
    "auto_pad": auto_pad,
    "dilations": dilations,
    "strides": strides,
    "group": group,
    "perm": perm,
    "einsum": einsum,
}
