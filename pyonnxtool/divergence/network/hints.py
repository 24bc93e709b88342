"""Which value of a network an ONNX value is probably, by what the exporters call things.

A hint is only a guess: numbering differs between exports, scopes are folded away. Values decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.divergence.network.provenance import fx_node, module_path

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Node
    from pyonnxtool.backends._traced import Traced

_SAME_OP = {
    "conv": ("conv1d", "conv2d", "conv3d", "convolution"),
    "gemm": ("linear", "addmm"),
    "matmul": ("matmul", "bmm", "mm", "linear"),
    "add": ("add", "linear", "addmm"),
    "sub": ("sub", "rsub"),
    "pow": ("pow", "square"),
    "reducemean": ("mean",),
    "reducesum": ("sum",),
    "reducemax": ("amax", "max"),
    "reducemin": ("amin", "min"),
    "transpose": ("permute", "transpose", "t"),
    "reshape": ("view", "reshape", "flatten"),
    "flatten": ("flatten",),
    "gather": ("embedding", "select", "index_select", "index"),
    "concat": ("cat", "concat", "stack"),
    "batchnormalization": ("batch_norm",),
    "layernormalization": ("layer_norm",),
    "groupnormalization": ("group_norm",),
    "instancenormalization": ("instance_norm",),
    "maxpool": ("max_pool2d", "max_pool1d", "max_pool3d"),
    "averagepool": ("avg_pool2d", "avg_pool1d", "avg_pool3d"),
    "globalaveragepool": ("adaptive_avg_pool2d", "mean"),
    "resize": ("upsample_nearest2d", "upsample_bilinear2d", "interpolate", "upsample_bicubic2d"),
    "clip": ("clamp", "hardtanh", "relu6"),
    "where": ("where", "masked_fill"),
    "leakyrelu": ("leaky_relu",),
    "logsoftmax": ("log_softmax",),
    "hardswish": ("hardswish",),
    "hardsigmoid": ("hardsigmoid",),
    "slice": ("slice",),
    "split": ("split", "chunk", "split_with_sizes", "unbind"),
}
"""ONNX operator to what torch calls it, where that is not the same word."""
_DECOMPOSED = {
    "native_layer_norm": "layer_norm",
    "native_group_norm": "group_norm",
    "permute": "transpose",
    "clone": "contiguous",
    "to_copy": "to",
}


def hints(graph: Graph, traced: Sequence[Traced]) -> dict[str, list[str]]:
    """ONNX value to the network's values that it may be, the likeliest first."""
    found: dict[str, list[str]] = defaultdict(list)
    for some in (_by_metadata(graph, traced), _by_module(graph, traced), _by_op(graph, traced)):
        for value, name in some.items():
            if name not in found[value]:
                found[value].append(name)
    return dict(found)


def _by_metadata(graph: Graph, traced: Sequence[Traced]) -> dict[str, str]:
    """The dynamo exporter tells the fx node: the k-th of its operator in its module."""
    counted: dict[tuple[str, str], list[str]] = defaultdict(list)
    last: dict[str, Node] = {}
    for node in graph.order():
        origin = fx_node(node.metadata)
        if origin is not None:
            if origin.name not in last:
                counted[origin.module, _plain(origin.op)].append(origin.name)
            last[origin.name] = node
    if not last:  # metadata was stripped: names are the fx nodes' where it is the same export
        named = {value.name for value in traced}
        return {value.name: value.name for value in graph.values if value.name in named}
    known: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in traced:
        if not one.step:
            known[one.module, _plain(one.op)].append(one.name)
    found: dict[str, str] = {}
    for key, names in counted.items():
        for name, ours in _matched(names, known.get(key, [])):
            if len(last[name].output_names) == 1:
                found[last[name].output_names[0]] = ours
    return found


def _matched(theirs: Sequence[str], ours: Sequence[str]) -> list[tuple[str, str]]:
    """By place where there are equally many; else by name, which is right up to a difference."""
    if len(theirs) == len(ours):
        return list(zip(theirs, ours, strict=True))
    return [(name, name) for name in theirs if name in ours]


def _by_module(graph: Graph, traced: Sequence[Traced]) -> dict[str, str]:
    """The value that leaves a scope of the TorchScript exporter is what the module returns."""
    returned: dict[str, list[str]] = defaultdict(list)
    for value in traced:
        for path in value.leaves:
            returned[path].append(value.name)
    leaving: dict[str, list[str]] = defaultdict(list)
    for node in graph.order():
        scope = _scope(node)
        for name in node.output_names if scope else ():
            readers = graph.value(name).consumers if name else []
            outside = [r for r in readers if not _scope(r).startswith(scope)]
            if name and (outside or graph.value(name).is_output):
                for above in _scopes_left(scope, [_scope(r) for r in outside]):
                    leaving[module_path(above + "x")].append(name)
    found: dict[str, str] = {}
    for path, names in leaving.items():
        ours = returned.get(path) or returned.get(_counted(path), [])
        if len(names) == len(ours):
            found |= {n: o for n, o in zip(names, ours, strict=True) if n not in found}
    return found


def _by_op(graph: Graph, traced: Sequence[Traced]) -> dict[str, str]:
    """The k-th operator of a kind in a module, where both have equally many."""
    ours: dict[tuple[str, str], list[str]] = defaultdict(list)
    whole: dict[tuple[str, str], list[str]] = defaultdict(list)
    for value in traced:
        ours[value.module, value.op.replace("_", "")].append(value.name)
        if not value.step:
            whole[value.module, value.op.replace("_", "")].append(value.name)
    theirs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in graph.order():
        path = module_path(node.name) if node.name.startswith("/") else None
        if path is not None and len(node.output_names) == 1:
            # The name tells what the exporter wrote, the operator what it is by now.
            word = node.name.rpartition("/")[2].rstrip("0123456789").rstrip("_")
            theirs[path, word.lower()].append(node.output_names[0])
    found: dict[str, str] = {}
    for (path, op), names in theirs.items():
        for word in _SAME_OP.get(op, (op,)):
            key = (path, word.replace("_", ""))
            fitting = [some[key] for some in (whole, ours) if len(some.get(key, ())) == len(names)]
            if fitting:
                found |= dict(zip(names, fitting[0], strict=True))
                break
    return found


def _scope(node: Node) -> str:
    """The "/layer1/layer1.0/conv1/" of a node of the TorchScript exporter."""
    name = node.name if node.name.startswith("/") else next(iter(node.output_names), "")
    return name[: name.rfind("/") + 1] if name.startswith("/") else ""


def _scopes_left(scope: str, readers: Sequence[str]) -> list[str]:
    """The scopes around a value that some reader is outside of, innermost first."""
    found = []
    while len(scope) > 1:
        if not readers or any(not reader.startswith(scope) for reader in readers):
            found.append(scope)
        scope = scope[: scope.rstrip("/").rfind("/") + 1]
    return found


def _plain(op: str) -> str:
    """Decompositions of torch have names of their own for what a module calls."""
    for family in ("batch_norm", "conv"):
        if family in op:
            return family
    return _DECOMPOSED.get(op, op)


def _counted(path: str) -> str:
    """The scope "relu_1" is the second call of relu."""
    head, mark, number = path.rpartition("_")
    return f"{head}#{int(number) + 1}" if mark and number.isdecimal() else path
