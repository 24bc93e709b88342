"""One node in another layout, as its layout rule draws it: run beside the node of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pyonnxtool import _core, from_proto
from pyonnxtool.errors import Refused
from support.graph_builder import Feed
from support.ort_runs import difference, run

Inner = Sequence[tuple[int, Sequence[int], Sequence[int]]]
"""(axis of the value, sizes of its factors, their order as they are stored)."""

Array = NDArray[Any]


def stored(array: Array, perm: Sequence[int], inner: Inner = ()) -> Array:
    """What a value is stored as: its axes in this order, some reordered within themselves."""
    for axis, sizes, order in inner:
        array = _reordered(array, axis, sizes, order)
    return np.ascontiguousarray(array.transpose(perm)).reshape([array.shape[at] for at in perm])


def unstored(array: Array, perm: Sequence[int], inner: Inner = ()) -> Array:
    """The value that is stored so."""
    array = array.transpose(np.argsort(perm)) if perm else array
    for axis, sizes, order in inner:
        within = [sizes[at] for at in order]
        array = _reordered(array, axis, within, [int(at) for at in np.argsort(order)])
    return array


def _reordered(array: Array, axis: int, sizes: Sequence[int], order: Sequence[int]) -> Array:
    cut = array.reshape(*array.shape[:axis], *sizes, *array.shape[axis + 1 :])
    places = [*range(axis), *(axis + at for at in order), *range(axis + len(sizes), cut.ndim)]
    return cut.transpose(places).reshape(array.shape)


def relaid(
    model: onnx.ModelProto, operand: str, perm: Sequence[int], inner: Inner = ()
) -> _core.RelaidNode:
    """The only node of the model when the value `operand` that it reads or makes is stored so."""
    (node,) = model.graph.node
    made = operand in node.output
    slot = list(node.output if made else node.input).index(operand)
    given = [(axis, list(sizes), list(order)) for axis, sizes, order in inner]
    return _core.relayout_node(from_proto(model), node.name, made, slot, list(perm), given)


def refusal(model: onnx.ModelProto, operand: str, perm: Sequence[int], inner: Inner = ()) -> str:
    """Why the rule does not draw the node so."""
    with pytest.raises(Refused) as caught:
        relaid(model, operand, perm, inner)
    return str(caught.value)


def check_rule(
    model: onnx.ModelProto,
    operand: str,
    perm: Sequence[int],
    inner: Inner = (),
    *,
    feed: Feed | None = None,
    tolerance: float = 0.0,
    reference: bool = False,
) -> _core.RelaidNode:
    """Both forms of the only node compute the same, and the operand is stored as it was asked for.

    Runs onnxruntime without optimizations, or the reference evaluator. `feed` is in the file's
    layouts; what it lacks is drawn at random. Every bit has to agree, unless a tolerance relative
    to the scale of an output is stated.
    """
    (node,) = model.graph.node
    drawn = relaid(model, operand, perm, inner)
    _is_as_asked(drawn, node, operand, perm, inner)
    given = random_feed(model) | (feed or {})
    constants = {tensor.name for tensor in model.graph.initializer}
    other = onnx.ModelProto.FromString(drawn.model.to_bytes())
    wanted = {value.name for value in other.graph.input}
    moved: Feed = {}
    layouts = zip(drawn.input_names, drawn.inputs, drawn.input_inner, node.input, strict=True)
    for name, order, within, filed in layouts:
        if name in wanted and filed not in constants:
            assert name is not None and order is not None
            moved[name] = stored(given[filed], order, within or ())
    read = {value.name for value in model.graph.input}
    ours = _run(model, {name: given[name] for name in read}, reference)
    theirs = dict(
        zip((out.name for out in other.graph.output), _run(other, moved, reference), strict=True)
    )
    made = zip(drawn.output_names, drawn.outputs, drawn.output_inner, node.output, strict=True)
    names = [value.name for value in model.graph.output]
    for name, order, within, filed in made:
        if name is None or filed not in names:
            continue
        got = unstored(theirs[name], order or [], within or ())
        _agree(filed, ours[names.index(filed)], got, tolerance)
    return drawn


def random_feed(model: onnx.ModelProto) -> Feed:
    """Something for each input that is a tensor of known rank; each named size is another prime."""
    rng = np.random.default_rng(5)
    primes = (number for number in count(2) if all(number % low for low in range(2, number)))
    sizes: dict[str, int] = {}
    feed = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        if not tensor.HasField("shape"):
            continue
        dims = [
            one.dim_value if one.HasField("dim_value") else _size(sizes, one.dim_param, primes)
            for one in tensor.shape.dim
        ]
        feed[value.name] = _random(rng, helper.tensor_dtype_to_np_dtype(tensor.elem_type), dims)
    return feed


def op_types(drawn: _core.RelaidNode) -> list[str]:
    """Of the nodes that stand for the one."""
    return [node.op_type for node in drawn.model.graph.nodes]


def constant(drawn: _core.RelaidNode, slot: int) -> Array:
    """A constant of the last node, as it is stored."""
    model = onnx.ModelProto.FromString(drawn.model.to_bytes())
    name = model.graph.node[-1].input[slot]
    (tensor,) = (one for one in model.graph.initializer if one.name == name)
    return numpy_helper.to_array(tensor)


def _size(sizes: dict[str, int], name: str, primes: Any) -> int:
    if not name:
        return int(next(primes))
    if name not in sizes:
        sizes[name] = int(next(primes))
    return sizes[name]


def _random(rng: np.random.Generator, dtype: np.dtype[Any], dims: Sequence[int]) -> Array:
    if dtype.kind == "b":
        return rng.integers(0, 2, dims).astype(np.bool_)
    if dtype.kind in "iu":
        return rng.integers(0 if dtype.kind == "u" else -9, 10, dims).astype(dtype)
    if dtype.kind in "OUST":
        return rng.integers(0, 100, dims).astype(str).astype(object)
    return rng.normal(size=dims).astype(dtype)


def _is_as_asked(
    drawn: _core.RelaidNode, node: onnx.NodeProto, operand: str, perm: Sequence[int], inner: Inner
) -> None:
    made = operand in node.output
    slot = list(node.output if made else node.input).index(operand)
    layouts, within = (
        (drawn.outputs, drawn.output_inner) if made else (drawn.inputs, drawn.input_inner)
    )
    assert layouts[slot] == list(perm)
    wanted = [(axis, list(sizes), list(order)) for axis, sizes, order in inner]
    assert within[slot] == wanted


def _run(model: onnx.ModelProto, feed: Mapping[str, Array], reference: bool) -> list[Array]:
    if reference:
        return list(ReferenceEvaluator(model).run(None, dict(feed)))
    (outputs,) = run(model, [dict(feed)])
    return outputs


def _agree(name: str, ours: Array, theirs: Array, tolerance: float) -> None:
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, name
    if tolerance:
        apart = difference([[ours]], [[theirs]])
        assert apart is not None and apart <= tolerance, (name, apart)
    elif ours.dtype == object:
        assert np.array_equal(ours, theirs), name
    else:
        assert ours.tobytes() == np.ascontiguousarray(theirs).tobytes(), name
