"""Weights of equal bytes, once: read one after the other, and never held."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool import _core
from pyonnxtool.surgery.weight_places import WeightPlace, weight_places

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Tensor

_AT_ONCE = 1 << 24


@dataclass
class Shared:
    """What was shared."""

    count: int = 0
    saved: int = 0
    """Bytes that are stored once less."""
    stands_for: list[tuple[str, str]] = field(default_factory=list)
    """(weight that stays, weight that went) of the main graph."""


def share_equal(model: Model) -> Shared:
    """Readers of equal weights read the first of them, the others go.

    Equal are dtype, shape and every byte. A body reads one of a graph around it. What is an input
    or an output stays, and so do texts.
    """
    done = Shared()
    alike: dict[Any, list[WeightPlace]] = defaultdict(list)
    for place in weight_places(model):
        tensor = place.tensor
        if tensor.dtype != "string" and tensor.nbytes:
            alike[tensor.dtype, tensor.shape].append(place)
    for places in alike.values():
        if len(places) > 1:
            _share(model, places, done)
    for graph in {
        id(one.graph): one.graph for several in alike.values() for one in several
    }.values():
        graph.sort()
    return done


def _share(model: Model, places: list[WeightPlace], done: Shared) -> None:
    kept: dict[int, list[WeightPlace]] = defaultdict(list)
    for place in places:
        key = _hash(place.tensor)
        first = next((one for one in kept[key] if _seen(one, place) and _equal(one, place)), None)
        value = place.graph.value(place.name)
        if first is None or value.is_input or value.is_output:
            if not value.is_input:
                kept[key].append(place)
            continue
        place.graph.replace_uses(place.name, first.name)
        if place.node is not None:
            place.graph.remove_node(place.node)
        else:
            place.graph.remove_initializer(place.name)
        done.count += 1
        done.saved += place.tensor.nbytes
        if place.graph == model.graph:
            done.stands_for.append((first.name, place.name))


def _seen(first: WeightPlace, place: WeightPlace) -> bool:
    """Whether it is of the graph of the other one, or of one around that."""
    graph: Graph | None = place.graph
    while graph is not None and graph != first.graph:
        graph = graph.parent
    return graph is not None


def _hash(tensor: Tensor) -> int:
    found = _core.hash_bytes(_bytes(tensor))
    tensor.forget()
    return found


def _equal(first: WeightPlace, place: WeightPlace) -> bool:
    if first.tensor.location is not None and first.tensor.location == place.tensor.location:
        return True
    ours, theirs = (memoryview(_bytes(one.tensor)) for one in (first, place))
    same = all(
        ours[at : at + _AT_ONCE] == theirs[at : at + _AT_ONCE]
        for at in range(0, len(ours), _AT_ONCE)
    )
    for one in (first, place):
        one.tensor.forget()
    return same


def _bytes(tensor: Tensor) -> Any:
    return np.ravel(tensor.numpy()).view(np.uint8)
