"""Faults in which operator stands where, and what it reads."""

from __future__ import annotations

import numpy as np

from support.faults.site import Site

REPLACEMENTS = {
    "Relu": ("LeakyRelu", {"alpha": 0.01}),
    "LeakyRelu": ("Relu", {}),
    "Erf": ("Tanh", {}),
    "Tanh": ("Erf", {}),
    "Sigmoid": ("HardSigmoid", {}),
    "HardSigmoid": ("Sigmoid", {}),
    "HardSwish": ("Relu", {}),
    "Max": ("Min", {}),
    "Min": ("Max", {}),
    "Sin": ("Cos", {}),
    "Add": ("Sub", {}),
    "Sub": ("Add", {}),
    "Softmax": ("LogSoftmax", {"axis": -1}),
    "ArgMax": ("ArgMin", None),
    "ReduceMean": ("ReduceSum", None),
    "ReduceL2": ("ReduceL1", None),
    "GlobalAveragePool": ("GlobalMaxPool", {}),
    "Greater": ("Less", {}),
    "Elu": ("Selu", {}),
    "Softplus": ("Relu", {}),
    "Sqrt": ("Abs", {}),
}  # fmt: skip


def operands_swapped(site: Site) -> str | None:
    if site.node.op_type not in ("Sub", "Div", "Pow", "MatMul", "Greater", "Less", "Concat"):
        return None
    if len(site.node.input) < 2 or site.node.input[0] == site.node.input[1]:
        return None
    site.node.input[0], site.node.input[1] = site.node.input[1], site.node.input[0]
    return "operands swapped"


def branches_swapped(site: Site) -> str | None:
    if site.node.op_type != "Where":
        return None
    site.node.input[1], site.node.input[2] = site.node.input[2], site.node.input[1]
    return "branches swapped"


def replaced(site: Site) -> str | None:
    """Another operator of the same kind; None keeps the attributes."""
    if site.node.domain or site.node.op_type not in REPLACEMENTS:
        return None
    old = site.node.op_type
    new, attributes = REPLACEMENTS[old]
    if attributes is None:
        site.node.op_type = new
    else:
        site.replace(new, list(site.node.input), **attributes)
    return f"{new} instead of {old}"


def pool_kind(site: Site) -> str | None:
    other = {"MaxPool": "AveragePool", "AveragePool": "MaxPool"}.get(site.node.op_type)
    if other is None:
        return None
    for name in ("count_include_pad", "storage_order", "dilations"):
        site.set(name, None)
    site.node.op_type = other
    return f"{other} instead"


def dropped(site: Site) -> str | None:
    unary = ("Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "HardSwish", "Neg", "Abs", "Sqrt")
    old = site.node.op_type
    if old not in (*unary, "PRelu", "Elu", "Exp", "InstanceNormalization", "BatchNormalization"):
        return None
    return f"{old} removed" if site.remove() else None


def residual_dropped(site: Site) -> str | None:
    if site.node.op_type != "Add" or any(site.const(i) is not None for i in (0, 1)):
        return None
    kept = int(site.rng.integers(2))
    site.culprits |= {site.node.name, *site.readers(site.node.output[0])}
    site.reference_culprits.add(site.node.name)
    site.replace("Identity", [site.node.input[kept]])
    return f"only input {kept} is left of the sum"


def wrong_source(site: Site) -> str | None:
    """An input comes from another, earlier value; onnxruntime says whether the shapes allow."""
    free = [i for i, name in enumerate(site.node.input) if name and site.const(i) is None]
    earlier = [name for node in site.graph.node[: site.position()] for name in node.output]
    if not free or len(earlier) < 2:
        return None
    index = int(site.rng.choice(free))
    source = str(site.rng.choice(earlier[-12:]))
    if source == site.node.input[index] or not source:
        return None
    old, site.node.input[index] = site.node.input[index], source
    return f"input {index} reads {source} instead of {old}"


def gelu_by_tanh(site: Site) -> str | None:
    """Erf of a decomposed Gelu becomes the tanh approximation of it, as five nodes more."""
    if site.node.op_type != "Erf":
        return None
    source = site.node.input[0]
    cubic, one, factor = (site.add_const(c) for c in (0.08943, 1.0, 2 / np.sqrt(np.pi)))
    site.insert_before(
        0,
        ("Mul", (".", source), {}),
        ("Mul", (".", cubic), {}),
        ("Add", (".", one), {}),
        ("Mul", (".", source), {}),
        ("Mul", (".", factor), {}),
    )
    site.replace("Tanh", list(site.node.input))
    return "the tanh approximation instead of Erf"


def outputs_swapped(site: Site) -> str | None:
    if site.node.op_type != "Split":
        return None
    outputs = site.node.output
    readers = [*site.readers(outputs[0]), *site.readers(outputs[1])]
    site.culprits |= {site.node.name, *readers}
    outputs[0], outputs[1] = outputs[1], outputs[0]
    return "two outputs swapped"


def slice_shifted(site: Site) -> str | None:
    if site.node.op_type != "Slice":
        return None
    starts, ends = site.const(1), site.const(2)
    if starts is None or ends is None:
        return None
    step = 1 if (starts == 0).all() else -1
    site.put(1, starts + step)
    site.put(2, np.where(np.abs(ends) < 1 << 30, ends + step, ends))
    return f"starts and ends moved by {step}"


def gather_index(site: Site) -> str | None:
    index = site.const(1)
    if site.node.op_type != "Gather" or index is None:
        return None
    changed = index.copy()
    changed.flat[0] = changed.flat[0] + 1 if changed.flat[0] == 0 else changed.flat[0] - 1
    site.put(1, changed)
    return "the first index is off by one"


def reshape_order(site: Site) -> str | None:
    """The data is permuted before the reshape, so the shapes all stay."""
    shape = site.const(1)
    if site.node.op_type != "Reshape" or shape is None:
        return None
    rank = int(site.rng.integers(2, 5))
    order = [*range(rank - 2), rank - 1, rank - 2]
    site.insert_before(0, ("Transpose", (".",), {"perm": order}))
    return f"Transpose {order} before the reshape"


PLANTERS = {
    "operands_swapped": operands_swapped,
    "branches_swapped": branches_swapped,
    "op_replaced": replaced,
    "pool_kind": pool_kind,
    "node_dropped": dropped,
    "residual_dropped": residual_dropped,
    "wrong_source": wrong_source,
    "gelu_by_tanh": gelu_by_tanh,
    "outputs_swapped": outputs_swapped,
    "slice_shifted": slice_shifted,
    "gather_index": gather_index,
    "reshape_order": reshape_order,
}
