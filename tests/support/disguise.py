"""Changes how a model is written, never what it computes: names, order, no-op and dead nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper

from support.faults.site import bodies, walk
from support.graph_builder import Feed


@dataclass
class Disguised:
    """The disguised copy, and what became of the names that a fault is known by."""

    model: onnx.ModelProto
    nodes: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def node(self, name: str) -> str:
        """What the node `name` is called now."""
        return self.nodes.get(name, name)

    def value(self, name: str) -> str:
        """What the value `name` is called now."""
        return self.values.get(name, name)

    def feed(self, feed: Feed) -> Feed:
        """`feed` under the names that the disguised model's inputs have."""
        return {self.value(name): data for name, data in feed.items()}


Step = Callable[[Disguised, np.random.Generator], None]


def disguise(model: onnx.ModelProto, kind: str, rng: np.random.Generator) -> Disguised:
    """Apply every step of `kind` to a copy of `model`."""
    result = Disguised(onnx.ModelProto())
    result.model.CopyFrom(model)
    for step in DISGUISES[kind]:
        step(result, rng)
    return result


def _graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    inner = [body for _, node, _ in walk(graph) for body in bodies(node)]
    return [graph, *inner]


def _rename_values(result: Disguised, names: Mapping[str, str]) -> None:
    """One mapping for all graphs: it is injective, so scopes stay as they are."""
    for graph in _graphs(result.model.graph):
        infos = [*graph.input, *graph.output, *graph.value_info, *graph.initializer]
        for info in infos:
            info.name = names.get(info.name, info.name)
        for node in graph.node:
            node.input[:] = [names.get(item, item) for item in node.input]
            node.output[:] = [names.get(item, item) for item in node.output]
    result.values = _chained(result.values, names)


def _rename_nodes(result: Disguised, names: Mapping[str, str]) -> None:
    for _, node, _ in walk(result.model.graph):
        node.name = names.get(node.name, node.name)
    result.nodes = _chained(result.nodes, names)


def _chained(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    chained = {key: new.get(value, value) for key, value in old.items()}
    return chained | {key: value for key, value in new.items() if key not in old}


def _inner_values(model: onnx.ModelProto) -> list[str]:
    """Names of computed values and body inputs, in order, without graph inputs and outputs."""
    public = {item.name for item in [*model.graph.input, *model.graph.output]}
    names: dict[str, None] = {}
    for graph in _graphs(model.graph)[1:]:
        names |= {item.name: None for item in graph.input}
    names |= {name: None for _, node, _ in walk(model.graph) for name in node.output if name}
    return [name for name in names if name not in public]


def _weights(model: onnx.ModelProto) -> list[str]:
    public = {item.name for item in model.graph.input}
    tensors = [item.name for graph in _graphs(model.graph) for item in graph.initializer]
    return [name for name in dict.fromkeys(tensors) if name not in public]


def _node_names(model: onnx.ModelProto) -> list[str]:
    return list(dict.fromkeys(node.name for _, node, _ in walk(model.graph) if node.name))


def rename_all(result: Disguised, rng: np.random.Generator) -> None:
    """Every value, weight and node gets a name that says nothing."""
    values = [*_inner_values(result.model), *_weights(result.model)]
    order = rng.permutation(len(values))
    _rename_values(result, {name: f"t{order[i]}" for i, name in enumerate(values)})
    nodes = _node_names(result.model)
    _rename_nodes(result, {name: f"n{i}" for i, name in enumerate(nodes)})


def shift_names(result: Disguised, rng: np.random.Generator) -> None:
    """The next value's name for each value, as numbered exports look after one insertion."""
    del rng
    for names in (_inner_values(result.model), _weights(result.model)):
        _rename_values(result, dict(zip(names, [*names[1:], *names[:1]], strict=True)))
    nodes = _node_names(result.model)
    _rename_nodes(result, dict(zip(nodes, [*nodes[1:], *nodes[:1]], strict=True)))


def swap_names(result: Disguised, rng: np.random.Generator) -> None:
    """All names stay in use, but for other values and nodes of the same operator."""
    producers = {
        node.output[0]: node.op_type for _, node, _ in walk(result.model.graph) if node.output
    }
    for group in _grouped(_inner_values(result.model), producers):
        _rename_values(result, dict(zip(group, rng.permutation(group).tolist(), strict=True)))
    kinds = {node.name: node.op_type for _, node, _ in walk(result.model.graph)}
    for group in _grouped(_node_names(result.model), kinds):
        _rename_nodes(result, dict(zip(group, rng.permutation(group).tolist(), strict=True)))


def _grouped(names: Iterable[str], kinds: Mapping[str, str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(kinds.get(name, ""), []).append(name)
    return list(groups.values())


def rename_public(result: Disguised, rng: np.random.Generator) -> None:
    """Graph inputs and outputs change their names too (they keep their order)."""
    del rng
    graph = result.model.graph
    names = {item.name: f"in_{i}" for i, item in enumerate(graph.input)}
    _rename_values(result, names | {o.name: f"out_{i}" for i, o in enumerate(graph.output)})


def drop_node_names(result: Disguised, rng: np.random.Generator) -> None:
    """Nodes have no names at all; a culprit is known by its outputs."""
    del rng
    _rename_nodes(result, dict.fromkeys(_node_names(result.model), ""))


def reorder(result: Disguised, rng: np.random.Generator) -> None:
    """Another topological order of the same nodes."""
    graph = result.model.graph
    produced = {name for node in graph.node for name in node.output if name}
    waiting = [(node, _reads(node) & produced) for node in graph.node]
    ordered: list[onnx.NodeProto] = []
    done: set[str] = set()
    while waiting:
        ready = [index for index, item in enumerate(waiting) if item[1] <= done]
        node, _ = waiting.pop(int(rng.choice(ready)))
        ordered.append(node)
        done |= set(node.output)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)


def _reads(node: onnx.NodeProto) -> set[str]:
    """Inputs of the node and of everything in its bodies."""
    inner = [other for body in bodies(node) for _, other, _ in walk(body)]
    names = {name for other in [node, *inner] for name in other.input if name}
    return names | {item.name for body in bodies(node) for item in body.output}


def _float_edges(model: onnx.ModelProto, rng: np.random.Generator, share: float) -> list[str]:
    """Some computed values that are surely float tensors of the main graph."""
    inferred = onnx.shape_inference.infer_shapes(_without_weights(model)).graph
    floats = {
        info.name
        for info in [*inferred.value_info, *inferred.output]
        if info.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    names = [n for node in model.graph.node for n in node.output if n in floats]
    public = {item.name for item in model.graph.output}
    names = [name for name in names if name not in public]
    count = max(1, int(len(names) * share))
    return [str(name) for name in rng.permutation(names)[:count]]


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large weights become inputs, so that inference is quick on models of any size."""
    light = onnx.ModelProto()
    light.CopyFrom(model)
    large = [t for t in light.graph.initializer if np.prod(t.dims, dtype=float) > 64]
    for tensor in large:
        light.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    kept = [t for t in light.graph.initializer if np.prod(t.dims, dtype=float) <= 64]
    del light.graph.initializer[:]
    light.graph.initializer.extend(kept)
    return light


def _insert_after(model: onnx.ModelProto, value: str, node: onnx.NodeProto) -> None:
    """Put `node`, which reads `value`, behind its producer; all other readers read the node."""
    for _, other, _ in walk(model.graph):
        other.input[:] = [node.output[0] if item == value else item for item in other.input]
    for graph in _graphs(model.graph)[1:]:
        for item in graph.output:
            item.name = node.output[0] if item.name == value else item.name
    node.input[0] = value
    at = next(i for i, other in enumerate(model.graph.node) if value in other.output)
    model.graph.node.insert(at + 1, node)


def insert_identities(result: Disguised, rng: np.random.Generator) -> None:
    """Identity behind a third of the values."""
    for i, value in enumerate(_float_edges(result.model, rng, 0.3)):
        node = helper.make_node("Identity", [value], [f"id_{i}_out"], name=f"id_{i}")
        _insert_after(result.model, value, node)


def insert_noops(result: Disguised, rng: np.random.Generator) -> None:
    """Dropout, Cast to the same type, two transposes, times one: all leave the bits alone."""
    opset = next(o.version for o in result.model.opset_import if o.domain in ("", "ai.onnx"))
    one = "noop_one"
    result.model.graph.initializer.append(helper.make_tensor(one, TensorProto.FLOAT, [], [1.0]))
    kinds = ["Cast", "Mul", "Identity"] + (["Dropout"] if opset >= 12 else [])
    for i, value in enumerate(_float_edges(result.model, rng, 0.2)):
        kind = str(rng.choice(kinds))
        attributes = {"to": TensorProto.FLOAT} if kind == "Cast" else {}
        inputs = [value, one] if kind == "Mul" else [value]
        node = helper.make_node(kind, inputs, [f"noop_{i}_out"], name=f"noop_{i}", **attributes)
        _insert_after(result.model, value, node)


def insert_dead(result: Disguised, rng: np.random.Generator) -> None:
    """Nodes that nobody reads: copies of real nodes, and chains of new ones."""
    graph = result.model.graph
    plain = [node for node in graph.node if not any(True for _ in bodies(node))]
    for i in rng.permutation(len(plain))[: max(2, len(plain) // 8)]:
        copy = onnx.NodeProto.FromString(plain[i].SerializeToString())
        copy.name = f"dead_copy_{i}"
        copy.output[:] = [name and f"dead_copy_{i}_{j}" for j, name in enumerate(copy.output)]
        graph.node.insert(next(j for j, o in enumerate(graph.node) if o is plain[i]) + 1, copy)
    for i, value in enumerate(_float_edges(result.model, rng, 0.1)):
        at = next(j for j, other in enumerate(graph.node) if value in other.output)
        graph.node.insert(at + 1, helper.make_node("Neg", [value], [f"dead_{i}"], name=f"dn_{i}"))
        last = helper.make_node("Relu", [f"dead_{i}"], [f"dead_{i}_end"], name=f"dr_{i}")
        graph.node.insert(at + 2, last)


def weights_to_constants(result: Disguised, rng: np.random.Generator) -> None:
    """Half of the initializers become Constant nodes."""
    graph = result.model.graph
    tensors = list(graph.initializer)
    moved = {tensors[i].name for i in rng.permutation(len(tensors))[: len(tensors) // 2 + 1]}
    moved -= {item.name for item in [*graph.input, *graph.output]}
    nodes = [
        helper.make_node("Constant", [], [t.name], name=f"constant_{i}", value=t)
        for i, t in enumerate(tensors)
        if t.name in moved
    ]
    kept = [tensor for tensor in tensors if tensor.name not in moved]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for node in reversed(nodes):
        graph.node.insert(0, node)


def constants_to_weights(result: Disguised, rng: np.random.Generator) -> None:
    """Constant nodes that hold a tensor become initializers."""
    del rng
    graph = result.model.graph
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        if node.attribute[0].name == "value" and node.output[0] not in (
            item.name for item in graph.output
        ):
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            graph.node.remove(node)


def drop_value_infos(result: Disguised, rng: np.random.Generator) -> None:
    """No recorded shapes, another producer."""
    del rng
    for graph in _graphs(result.model.graph):
        del graph.value_info[:]
    result.model.producer_name = "disguise"


DISGUISES: dict[str, tuple[Step, ...]] = {
    "none": (),
    "renamed": (rename_all,),
    "names_shifted": (shift_names,),
    "names_swapped": (swap_names,),
    "public_renamed": (rename_public, rename_all),
    "nameless": (drop_node_names,),
    "reordered": (reorder,),
    "identities": (insert_identities,),
    "noops": (insert_noops,),
    "dead": (insert_dead,),
    "to_constants": (weights_to_constants,),
    "to_weights": (constants_to_weights, drop_value_infos),
    "all_kept": (insert_identities, insert_dead, weights_to_constants, reorder),
    "all_renamed": (insert_identities, insert_dead, weights_to_constants, reorder, rename_all),
    "all_swapped": (insert_noops, insert_dead, reorder, swap_names, drop_value_infos),
}
