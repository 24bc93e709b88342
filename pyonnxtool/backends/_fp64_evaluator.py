"""The reference evaluator with every real number in float64, constants and weights included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TypeProto
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from pyonnxtool.backends._fp64_ops import EXACT
from pyonnxtool.errors import BackendError

_NARROW = {"float16", "bfloat16", "float32"}


def widen(value: Any) -> Any:
    """float64 for a narrower float, complex128 for complex64, lists element by element.

    Types below 16 bits are left alone: like integers they hold quantized values.
    """
    if isinstance(value, list):
        return [widen(item) for item in value]
    if isinstance(value, np.ndarray):
        if value.dtype.name in _NARROW:
            return value.astype(np.float64)
        if value.dtype == np.complex64:
            return value.astype(np.complex128)
    return np.float64(value) if isinstance(value, np.float32 | np.float16) else value


class Evaluator64(ReferenceEvaluator):
    """Bodies of control flow and functions are evaluated by this class too.

    Where an implementation insists on float32 it gets float32, and `notes` says so.
    """

    def __init__(self, proto: Any, *args: Any, **kwargs: Any) -> None:
        self.notes: dict[str, None] = {}
        super().__init__(proto, *args, **kwargs)
        self._last_uses = _last_uses(list(self.nodes_), set(self.output_names_))

    def _load_impl(self, node: NodeProto, input_types: TypeProto | None = None) -> Any:
        if node.domain == "" and node.op_type in EXACT:
            return EXACT[node.op_type]
        return super()._load_impl(node, input_types)

    def run(
        self,
        output_names: Sequence[str] | None,
        feed_inputs: Mapping[str, Any],
        attributes: dict[str, Any] | None = None,
        *_: Any,
        **__: Any,
    ) -> list[Any]:
        """As the base class does, but widens what enters and leaves each node."""
        results: dict[str, Any] = {"": None, **self.rt_inits_, **feed_inputs}
        for node, done in zip(self.rt_nodes_, self._last_uses, strict=True):
            inputs = [widen(results[name]) for name in node.input]
            outputs = self._evaluate(node, inputs, results, attributes)
            results.update(zip(node.output, map(widen, outputs), strict=False))
            for name in done:
                results.pop(name, None)
        return [widen(results[name]) for name in output_names or self.output_names]

    def _evaluate(
        self,
        node: OpRun,
        inputs: list[Any],
        results: dict[str, Any],
        attributes: dict[str, Any] | None,
    ) -> Sequence[Any]:
        extra: dict[str, Any] = {"context": dict(results)} if node.need_context() else {}
        if node.has_linked_attribute and attributes:
            extra["linked_attributes"] = attributes
        try:
            outputs: Sequence[Any] = node.run(*inputs, **extra)  # type: ignore[no-untyped-call]
        except BackendError:
            raise
        except Exception as error:  # implementations raise anything when they dislike a type
            outputs = self._in_float32(node, inputs, extra, error)
        if any(getattr(item, "dtype", None) == np.float32 for item in outputs) and any(
            getattr(item, "dtype", None) == np.float64 for item in inputs
        ):
            self._note(node)
        return outputs

    def _in_float32(
        self, node: OpRun, inputs: list[Any], extra: dict[str, Any], error: Exception
    ) -> Sequence[Any]:
        try:
            narrow = map(_narrow, inputs)
            outputs: Sequence[Any] = node.run(*narrow, **extra)  # type: ignore[no-untyped-call]
        except BackendError:
            raise
        except Exception:  # the first error says more
            cause = error.__cause__ or error
            raise BackendError(
                f"fp64 cannot evaluate {_named(node.onnx_node)}: {type(cause).__name__}: {cause}"
            ) from error
        self._note(node)
        return outputs

    def _note(self, node: OpRun) -> None:
        self.notes[f"{_named(node.onnx_node)} was computed in float32"] = None


def _narrow(value: Any) -> Any:
    if isinstance(value, list):
        return [_narrow(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value.astype(np.float32)
    return value


def _named(node: NodeProto) -> str:
    return f"node {node.name or ','.join(node.output)!r} ({node.op_type})"


def _last_uses(nodes: list[NodeProto], kept: set[str]) -> list[list[str]]:
    """For each node the names that nobody after it reads."""
    seen = set(kept)
    done: list[list[str]] = []
    for node in reversed(nodes):
        names = _names_read(node) | set(node.output)
        done.append(sorted(names - seen - {""}))
        seen |= names
    return done[::-1]


def _names_read(node: NodeProto) -> set[str]:
    names = set(node.input)
    for attribute in node.attribute:
        for body in [attribute.g, *attribute.graphs] if attribute.type in (5, 10) else []:
            names |= _names_inside(body)
    return names


def _names_inside(graph: GraphProto) -> set[str]:
    names = {value.name for value in graph.output}
    return names.union(*(_names_read(node) for node in graph.node))
