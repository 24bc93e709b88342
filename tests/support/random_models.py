"""Random models: each node reads what is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 21, 10

Shape = tuple[int, ...]
_KINDS = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "b": TensorProto.BOOL}
_UNARY = ("Abs", "Neg", "Exp", "Sigmoid", "Tanh", "Relu", "Gelu", "Mish", "HardSwish", "Softplus")
_UNARY += ("Sign", "Round", "Erf", "Celu", "Elu", "Selu", "Sin", "Floor", "Identity", "Atan")
_BINARY = ("Add", "Sub", "Mul", "Max", "Min", "Sum", "Mean")
_REDUCTIONS = ("Sum", "Mean", "Max", "Min", "L1", "L2", "Prod", "SumSquare", "LogSumExp")


class Writer:
    """A graph under construction; values by their kind: f floats, i small integers, b bools."""

    def __init__(self, seed: int, depth: int = 0, outer: Writer | None = None) -> None:
        self.rng = np.random.default_rng(seed) if outer is None else outer.rng
        self.depth = depth
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []
        self.values: dict[str, list[tuple[str, Shape]]] = {"f": [], "i": [], "b": []}
        self._count = [0] if outer is None else outer._count
        if outer is not None:
            self.values = {kind: list(there) for kind, there in outer.values.items()}

    def fresh(self) -> str:
        self._count[0] += 1
        return f"v{self._count[0]}"

    def integer(self, below: int) -> int:
        return int(self.rng.integers(below))

    def pick(self, options: Any) -> Any:
        return options[self.integer(len(options))]

    def value(self, kind: str) -> tuple[str, Shape]:
        """One that is there; newer ones are likelier."""
        there = self.values[kind]
        return there[max(self.integer(len(there)), self.integer(len(there)))]

    def const(self, data: Any, dtype: Any = np.int64) -> str:
        name = self.fresh()
        self.weights.append(numpy_helper.from_array(np.asarray(data, dtype), name))
        return name

    def put(self, kind: str, shape: Shape, op: str, *inputs: str, **attributes: Any) -> str:
        name = self.fresh()
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.values[kind].append((name, shape))
        return name


def _unary(w: Writer) -> None:
    name, shape = w.value("f")
    w.put("f", shape, w.pick(_UNARY), name)


def _binary(w: Writer) -> None:
    kind = w.pick("ffi")
    (a, left), (b, right) = w.value(kind), w.value(kind)
    try:
        shape = np.broadcast_shapes(left, right)
    except ValueError:
        b, shape = a, left
    if int(np.prod(shape)) <= 4096:
        w.put(kind, shape, w.pick(_BINARY if kind == "f" else _BINARY[:5]), a, b)


def _reduce(w: Writer) -> None:
    name, shape = w.value("f")
    keepdims = w.integer(2)
    axes = [axis for axis in range(len(shape)) if w.integer(2)]
    given = [w.const([axis - len(shape) * w.integer(2) for axis in axes])] if axes else []
    noop = 0 if axes else w.integer(2)
    gone = axes or ([] if noop else list(range(len(shape))))
    made = [1 if axis in gone else size for axis, size in enumerate(shape)]
    if not keepdims:
        made = [size for axis, size in enumerate(shape) if axis not in gone]
    how = {"keepdims": keepdims, "noop_with_empty_axes": noop}
    w.put("f", tuple(made), f"Reduce{w.pick(_REDUCTIONS)}", name, *given, **how)


def _normalize(w: Writer) -> None:
    name, shape = w.value("f")
    if not shape:
        return
    axis = w.integer(len(shape)) - len(shape) * w.integer(2)
    if w.integer(2):
        w.put("f", shape, w.pick(("Softmax", "LogSoftmax")), name, axis=axis)
        return
    scale = w.const(w.rng.normal(size=shape[axis % len(shape) :]), np.float32)
    w.put("f", shape, "LayerNormalization", name, scale, axis=axis)


def _reshape(w: Writer) -> None:
    name, shape = w.value(w.pick("ffi"))
    kind = "f" if (name, shape) in w.values["f"] else "i"
    choice = w.integer(3)
    if choice == 0 and shape:
        order = w.rng.permutation(len(shape)).tolist()
        w.put(kind, tuple(shape[axis] for axis in order), "Transpose", name, perm=order)
    elif choice == 1 and len(shape) < 4:
        axis = w.integer(len(shape) + 1)
        made = (*shape[:axis], 1, *shape[axis:])
        given = axis - (len(shape) + 1) * w.integer(2)
        w.put(kind, made, "Unsqueeze", name, w.const([given]))
    else:
        w.put(kind, (int(np.prod(shape)),), "Reshape", name, w.const([-1]))


def _slice(w: Writer) -> None:
    name, shape = w.value("f")
    if not shape:
        return
    axis = w.integer(len(shape))
    size = shape[axis]
    start, step = w.integer(size), w.pick((1, 1, 2, -1))
    ends = 2**31 if step > 0 else -(2**31)
    count = len(range(size)[start::step])
    made = (*shape[:axis], count, *shape[axis + 1 :])
    given = [w.const([one]) for one in (start, ends, axis - len(shape) * w.integer(2), step)]
    w.put("f", made, "Slice", name, *given)


def _pad(w: Writer) -> None:
    name, shape = w.value("f")
    if not shape or min(shape) < 2:
        return
    axis, mode = w.integer(len(shape)), w.pick(("constant", "edge", "reflect", "wrap"))
    inputs = [w.const([1, 1]), w.const(0.5, np.float32), w.const([axis])]
    made = (*shape[:axis], shape[axis] + 2, *shape[axis + 1 :])
    w.put("f", made, "Pad", name, *inputs, mode=mode)


def _choose(w: Writer) -> None:
    name, shape = w.value("f")
    flag = w.put("b", shape, w.pick(("Greater", "LessOrEqual", "Equal")), name, name)
    other = w.put("f", shape, "Clip", name, w.const(-1, np.float32), w.const(1, np.float32))
    w.put("f", shape, "Where", flag, name, other)


def _index(w: Writer) -> None:
    name, shape = w.value("f")
    if not shape or 0 in shape:
        return
    axis = w.integer(len(shape))
    choice = w.integer(4)
    if choice == 0:
        w.put("f", shape, "CumSum", name, w.const(axis), reverse=w.integer(2))
    elif choice == 1:
        places = w.const([-1, 0])
        w.put("f", (*shape[:axis], 2, *shape[axis + 1 :]), "Gather", name, places, axis=axis)
    elif choice == 2:
        made = tuple(size for place, size in enumerate(shape) if place != axis)
        last = w.integer(2)
        how = {"axis": axis - len(shape), "keepdims": 0, "select_last_index": last}
        w.put("i", made, "ArgMax", name, **how)
    elif len(shape) >= 2:
        w.put("f", shape, "Trilu", name, upper=w.integer(2))


def _cast(w: Writer) -> None:
    name, shape = w.value("i")
    w.put("f", shape, "Cast", name, to=TensorProto.FLOAT)


def _body(w: Writer, count: int) -> tuple[Writer, str, Shape]:
    inner = Writer(0, w.depth + 1, w)
    before = len(inner.nodes)
    while len(inner.nodes) < before + count:
        inner.pick(_STEPS)(inner)
    name, shape = inner.value("f")
    inner.nodes.append(helper.make_node("Identity", [name], [made := inner.fresh()]))
    return inner, made, shape


def _branches(w: Writer) -> None:
    if w.depth > 1:
        return
    name, _ = w.value("f")
    total = w.fresh()
    w.nodes.append(helper.make_node("ReduceSum", [name], [total], keepdims=0))
    flag = w.put("b", (), "Greater", total, w.const(0, np.float32))
    graphs, shapes = [], []
    for _ in range(2):
        inner, made, given = _body(w, 1 + w.integer(3))
        info = helper.make_tensor_value_info(made, TensorProto.FLOAT, given)
        graphs.append(helper.make_graph(inner.nodes, f"b{made}", [], [info], inner.weights))
        shapes.append(given)
    out = w.fresh()
    bodies = {"then_branch": graphs[0], "else_branch": graphs[1]}
    w.nodes.append(helper.make_node("If", [flag], [out], **bodies))
    if shapes[0] == shapes[1]:
        w.values["f"].append((out, shapes[0]))


_STEPS: tuple[Callable[[Writer], None], ...] = (
    *(_unary, _unary, _binary, _binary, _reduce, _normalize, _reshape, _slice, _pad, _choose),
    *(_index, _cast, _branches),
)


def random_model(seed: int, nodes: int = 12) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """A checked model and inputs for it."""
    w = Writer(seed)
    shapes = {"x": (2, 3, 4), "z": (3, 4), "s": ()}
    w.values["f"] = list(shapes.items())
    w.values["i"] = [("n", (3, 4))]
    while len(w.nodes) < nodes:
        w.pick(_STEPS)(w)
    outputs = [
        helper.make_tensor_value_info(name, _KINDS[kind], shape)
        for kind, there in w.values.items()
        for name, shape in there[-3:]
        if name not in (*shapes, "n")
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, at) for name, at in shapes.items()
    ]
    inputs.append(helper.make_tensor_value_info("n", TensorProto.INT64, (3, 4)))
    graph = helper.make_graph(w.nodes, f"random{seed}", inputs, outputs, w.weights)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    feeds = {name: w.rng.normal(size=at).astype(np.float32) for name, at in shapes.items()}
    return model, {**feeds, "n": w.rng.integers(-5, 6, (3, 4))}
