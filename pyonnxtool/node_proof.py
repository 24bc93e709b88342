"""Where nothing runs the old model: each node that was lowered, beside a reference of its operator.

The new model is run, and what a lowered node read in it is given to the reference, so an error is
seen at the node that makes it. All other nodes are the same in both models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.agreement import judged, side_of
from pyonnxtool.divergence.case import feeds_of
from pyonnxtool.divergence.compare import dtype_of
from pyonnxtool.errors import BackendError
from pyonnxtool.expansion import operator_of
from pyonnxtool.feeds.dtypes import numpy_dtype
from pyonnxtool.references import REFERENCES
from pyonnxtool.rewriting import Refusal, StandsFor, Verification, refused
from pyonnxtool.rewriting.island import isolated
from pyonnxtool.rewriting.node_view import NodeView
from pyonnxtool.rewriting.operand import Facts, Operand
from pyonnxtool.symbolics._signature import arguments_of
from pyonnxtool.user_file import told_of
from pyonnxtool.wording import distance, plural

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Node
    from pyonnxtool.divergence.probe import Values
    from pyonnxtool.proof import Check
    from pyonnxtool.report import ValueRow
    from pyonnxtool.symbolics._catalogue import Known

_MOST_NAMED = 4


@dataclass(frozen=True)
class Lowered:
    """What was lowered: the nodes of the old model, and what stands for its values in the new."""

    old: Model
    nodes: Sequence[Node]
    new: Model
    told: Sequence[StandsFor] = ()

    def name(self, old: str) -> str:
        """What the new model calls a value of the old one."""
        return self._names.get(old, old)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {one.old_value: one.value for one in self.told}


def verify_by_node(
    what: str, lowered: Lowered, known: Mapping[str, Known], check: Check
) -> Verification:
    """Run the new model, and each lowered node on what it read there; `what` names the rewrite.

    `known` are symbolics by operator, "DOMAIN::OP", with their references; ours are in
    `pyonnxtool.references`. onnxruntime runs a node of an operator that has none, if it can.
    Raises Refused when an output of a node differs by more than is allowed, and BackendError where
    that cannot be said: a node in a body, one that neither onnxruntime nor a reference knows, or a
    new model that does not run.
    """
    facts = Facts(lowered.old)
    views = [_Lone(node, facts, lowered, known, check) for node in lowered.nodes]
    probed = _probed(lowered, views)
    feeds = feeds_of(lowered.new, check.inputs, check.samples, check.seed, None, None)
    side, note = side_of("the new model", probed, check)
    held = ((value.name, value.initializer) for value in lowered.new.graph.inputs)
    defaults = {name: tensor.numpy() for name, tensor in held if tensor is not None}
    worst: dict[str, tuple[float, ValueRow]] = {}
    for number, fed in enumerate(feeds):
        values = {**defaults, **fed, **side.run_whole(fed, last=number + 1 == len(feeds))}
        for view in views:
            for row in view.compared(values, check, number):
                if row[1].value not in worst or row[0] > worst[row[1].value][0]:
                    worst[row[1].value] = row
        if check.progress is not None:
            check.progress("verifying", number + 1, len(feeds))
    rows = tuple(row for _, row in worst.values())
    bad = [row for row in rows if row.status == "bad"]
    if bad:
        raise refused(what, [_differs(row) for row in bad[:_MOST_NAMED]])
    sizes = [{name: np.shape(value) for name, value in fed.items()} for fed in feeds]
    counts = Counter(operator_of(node) for node in lowered.nodes)
    told = ", ".join(f"{count} {operator}" for operator, count in counts.items())
    return Verification(
        samples=len(feeds),
        sizes=tuple({str(one): one for one in sizes}.values()),
        outputs=rows,
        tolerance=check.tolerances.sentence(row.dtype for row in rows),
        notes=(
            f"nothing here runs the old model: {plural(len(views), 'node')} ({told}) compared one "
            "by one with references, on what they read in the new model",
            *filter(None, [note]),
        ),
        backends=("references", side.backend.name),
    )


def _differs(row: ValueRow) -> Refusal:
    why = distance(row) or row.note or "it is of another type"
    told = f"its output {row.value!r} differs from the reference: {why}"
    return Refusal(row.node, row.op_type, told)


def _probed(lowered: Lowered, views: Sequence[_Lone]) -> Model:
    """The new model with what these nodes read and made as outputs, which is what is looked at."""
    probed = lowered.new.copy()
    graph = probed.graph
    for output in graph.outputs:
        graph.remove_output(output.name)
    there = {value.name: value for value in graph.values}
    for view in views:
        for old in view.names:
            value = there.get(lowered.name(old))
            if not value or not (value.producer or value.is_input):
                raise BackendError(
                    f"the new model does not compute {old!r} of {view.label}: does its symbolic "
                    "leave that out?"
                )
            if value.producer is not None and not value.is_output:
                graph.add_output(value.name)
    return probed


class _Lone:
    """A lowered node, and what is to be looked at to check it."""

    def __init__(
        self,
        node: Node,
        facts: Facts,
        lowered: Lowered,
        known: Mapping[str, Known],
        check: Check,
    ) -> None:
        self._operator = operator_of(node)
        if node.graph.parent is not None:
            raise BackendError(f"node {node.label} is in a body, whose values nothing returns")
        self._view = NodeView(node, lowered.old.opset_imports.get("", 1), facts)
        self._constants = {
            str(one): array for one in self._view.inputs if one and (array := one.const) is not None
        }
        self._known = known.get(self._operator)
        self._lowered, self._check = lowered, check
        self._alone = isolated(node, facts)

    @property
    def label(self) -> str:
        """For messages."""
        return self._view.node.label

    @property
    def names(self) -> list[str]:
        """Values of the old model that are to be looked at in the new one."""
        node = self._view.node
        read = [name for name in node.input_names if name and name not in self._constants]
        return [*read, *self._wanted]

    @property
    def _wanted(self) -> list[str]:
        """Outputs that something reads; others need not be lowered."""
        made = (value for value in self._view.node.outputs if value is not None)
        return [value.name for value in made if value.is_output or value.consumers]

    def compared(self, values: Values, check: Check, number: int) -> list[tuple[float, ValueRow]]:
        """A rank and a row for each output, by the values of the new model."""
        node = self._view.node
        found = {old: values[new] for old in self.names if (new := self._lowered.name(old))}
        expected = self._expected({**self._constants, **found})
        rows = []
        for name in self._wanted:
            value = expected[name]
            made = _in_dtype_of(found[name], value)
            rank, row = judged(name, made, found[name], check.tolerances, sample=number)
            rows.append((rank, _named(row, node)))
        return rows

    def _expected(self, values: Mapping[str, Any]) -> dict[str, Any]:
        reference = self._known.reference if self._known is not None else None
        if reference is None and self._operator in REFERENCES:
            reference = REFERENCES[self._operator]
        if reference is None:
            by_torch = self._by_torch(values)
            return self._by_onnxruntime(values) if by_torch is None else by_torch
        node = self._view.node
        inputs, named = self._given(values)
        try:
            made = reference(*inputs, **named)
        except Exception as error:  # whatever the user's own code raises
            raise BackendError(
                f"the reference of {self._operator} failed at {node.label}: {told_of(error)}"
            ) from error
        outputs = [made] if isinstance(made, np.ndarray | np.generic) else list(made)
        if len(outputs) < len(node.output_names):
            raise BackendError(
                f"the reference of {self._operator} returns {plural(len(outputs), 'array')}, and "
                f"{node.label} has {plural(len(node.output_names), 'output')}"
            )
        return {
            name: np.asarray(one)
            for name, one in zip(node.output_names, outputs, strict=False)
            if name in self._wanted
        }

    def _given(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What the reference is called with: by the symbolic's signature, or all that there is."""

        def array(one: Any) -> Any:
            if isinstance(one, Operand):
                return values[str(one)] if one else None
            return [array(each) for each in one] if isinstance(one, list) else one

        symbolic = self._known.function if self._known is not None else None
        named = arguments_of(symbolic, self._view) if symbolic is not None else None
        if named is not None:
            return [], {name: array(one) for name, one in named.items()}
        return [array(one) for one in self._view.inputs], dict(self._view.attributes)

    def _by_torch(self, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Of an operator of torch, what that computes; None where it is not installed."""
        domain, _, operator = self._operator.rpartition("::")
        if operator == "ATen":
            operator = str(self._view.attributes.get("operator", ""))
        elif domain != "org.pytorch.aten":
            return None
        try:
            from pyonnxtool.backends._torch_aten import computed  # noqa: PLC0415 - torch
        except ModuleNotFoundError:
            return None
        made = computed(operator, [values[str(one)] if one else None for one in self._view.inputs])
        return dict(zip(self._view.node.output_names, made, strict=False))

    def _by_onnxruntime(self, values: Mapping[str, Any]) -> dict[str, Any]:
        graph = self._alone.graph
        taken = {value.name for value in graph.inputs}
        for value in (*graph.inputs, *graph.outputs):  # behind a custom node types are unknown
            array = values.get(value.name)
            if value.dtype is None and isinstance(array, np.ndarray):
                graph.declare(value.name, dtype_of(array), [None] * array.ndim)
        side, _ = side_of(self._operator, self._alone, self._check)
        try:
            return side.run_whole({name: values[name] for name in taken}, last=True)
        except BackendError as error:
            torch = " (of torch's own operators, torch is one: install it)"
            raise BackendError(
                f"no reference of {self._operator} is known"
                f"{torch if self._operator.startswith('org.pytorch.aten') else ''}: mark its "
                f"symbolic with @pyonnxtool.symbolic({self._operator!r}, reference=...)"
            ) from error


def _in_dtype_of(found: object, expected: Any) -> Any:
    """A reference may compute in double whatever the node's floats are."""
    if not isinstance(found, np.ndarray) or not isinstance(expected, np.ndarray):
        return expected
    floats = expected.dtype.kind == "f" and numpy_dtype(dtype_of(found)).kind in "fV"
    return expected.astype(found.dtype) if floats else expected


def _named(row: ValueRow, node: Node) -> ValueRow:
    label = node.name or next(filter(None, node.output_names))
    return replace(row, node=label, op_type=operator_of(node))
