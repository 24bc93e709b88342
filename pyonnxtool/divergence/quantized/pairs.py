"""Which value of a quantized model is which of the float model that it was made from.

Both are aligned by their float sketches (csrc/passes/quantization.h). What a sketch leaves out is
put back here: of a value, its quantized and dequantized form and what Relu or Clip makes of it are
all one value there, and each form has its own counterpart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.divergence.plan import Pair
from pyonnxtool.divergence.quantized.numbers import (
    OUTPUT_SLOTS,
    QuantizedView,
    carried_steps,
    output_steps,
)
from pyonnxtool.feeds.dtypes import numpy_dtype

if TYPE_CHECKING:
    from pyonnxtool._core import Graph, Model, Node, Tensor

_FAMILIES = {
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), "QDQ"),
    **dict.fromkeys(OUTPUT_SLOTS, "QOperator"),
    **dict.fromkeys(("DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"), "dynamic"),
    **dict.fromkeys(("DynamicQuantizeMatMul", "MatMulIntegerToFloat"), "dynamic"),
    **dict.fromkeys(("MatMulNBits", "GatherBlockQuantized"), "weights"),
}
_FAMILIES["QuantizeLinear"] = "QDQ"
_MANY_MORE = 0.1
_INTEGER_SUMS = ("MatMulInteger", "ConvInteger", "MatMulInteger16")

Names = list[tuple[str, str]]


def families(model: Model) -> Counter[str]:
    """How many nodes of each way to quantize there are: "QDQ", "QOperator", "dynamic", ..."""
    kinds = (_FAMILIES.get(node.op_type) for node in model.graph.nodes)
    return Counter(kind for kind in kinds if kind is not None)


@dataclass
class QuantizedAlignment:
    """As `_core.Alignment`, with the forms of each value told apart."""

    values: list[tuple[str, str, bool]]
    nodes: list[tuple[int, int, bool]]
    constants: Names
    no_ops: list[int]
    ambiguous: list[str]
    unmatched: list[str]
    unmatched_reference: list[str]
    pairs: list[Pair] = field(default_factory=list)
    fused: list[str] = field(default_factory=list)
    folded: Mapping[str, Tensor] = field(default_factory=dict)
    """Weights that the reference has not, but an optimized copy of it: by the candidate's name."""
    strangers: int = 0
    """Nodes of one sketch too many for the other, by operator."""
    share: float = 1.0
    """Of the values of both sketches: how many have a partner."""

    @property
    def fit(self) -> tuple[int, float]:
        """How well the two graphs go together; more is better."""
        return (-self.strangers, self.share)

    @property
    def alignment(self) -> QuantizedAlignment:
        """Itself: it is an alignment and a lineup in one."""
        return self


def differs_in_quantization(reference: Model, candidate: Model) -> bool:
    """Whether the two are quantized in different ways, or only one of them is."""
    ours, theirs = families(reference), families(candidate)
    if set(ours) != set(theirs):
        return True
    return any(abs(ours[kind] - theirs[kind]) > _MANY_MORE * ours[kind] for kind in ours)


def align_quantized(
    reference: Model, candidate: Model, inputs: Sequence[tuple[str, str]], outputs: Names
) -> QuantizedAlignment | None:
    """None where both models are quantized alike, or not at all."""
    if not differs_in_quantization(reference, candidate):
        return None
    cut_off = _rectifiers(reference.graph) != _rectifiers(candidate.graph)
    ours, our_links = _core.float_sketch(reference, cut_off)
    theirs, their_links = _core.float_sketch(candidate, cut_off)
    found = _core.align(ours, theirs, list(inputs), list(outputs))
    forms = _Forms(reference, our_links), _Forms(candidate, their_links)
    values = [*inputs_of_forms(inputs, forms[1]), *found.values]
    pairs = _pairs(*forms, values)
    paired = {pair.reference for pair in pairs}
    roots = [*found.unmatched_reference, *(a for a, _, _ in found.values)]
    missing = [name for root in roots for name in _ends(forms[0], root) if name is not None]
    place = {name: i for i, name in enumerate(_core.produced_values(candidate))}
    pairs.sort(key=lambda pair: place.get(pair.candidate, -1))
    alone = len(found.unmatched_reference) + len(found.unmatched) + len(found.ambiguous)
    ops, others = _operators(ours.graph), _operators(theirs.graph)
    return QuantizedAlignment(
        strangers=sum(((ops - others) + (others - ops)).values()),
        share=2 * len(found.values) / max(2 * len(found.values) + alone, 1),
        values=[(pair.reference, pair.candidate, pair.sure) for pair in pairs],
        nodes=found.nodes,
        constants=found.constants,
        no_ops=[id for id in found.no_ops if _is_no_op(candidate.graph.node(id), theirs.graph)],
        ambiguous=found.ambiguous,
        unmatched=found.unmatched,
        unmatched_reference=[name for name in dict.fromkeys(missing) if name not in paired],
        pairs=pairs,
    )


def inputs_of_forms(
    inputs: Sequence[tuple[str, str]], theirs: _Forms
) -> list[tuple[str, str, bool]]:
    """Graph inputs that have other forms: a quantized input is a value like any other."""
    return [(ours, name, True) for ours, name in inputs if len(theirs.of(name)) > 1]


class _Forms:
    """All forms of each value of one model, by the value that the sketch knows them as."""

    def __init__(self, model: Model, links: Sequence[tuple[str, str, str]]) -> None:
        self.model, self.graph = model, model.graph
        self._root: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        self._above: dict[str, tuple[str, str]] = {}
        self._integer: dict[str, bool] = {}
        for source, made, carry in links:
            root = self._root.get(source, source)
            self._root[made] = root
            self._members.setdefault(root, [root]).append(made)
            self._above[made] = (source, carry)

    def of(self, root: str) -> list[str]:
        """The value itself and its other forms, in graph order."""
        return self._members.get(root, [root])

    def carries(self, name: str) -> list[str]:
        """What was done on the way from the root to this form."""
        found: list[str] = []
        while name in self._above:
            name, carry = self._above[name]
            found.append(carry)
        return found

    def is_integer(self, name: str) -> bool:
        """Quantized, or a sum of products of integers."""
        if name not in self._integer:
            self._integer[name] = self._tell_integer(name)
        return self._integer[name]

    def _tell_integer(self, name: str) -> bool:
        above = self._above.get(name)
        if above is not None:
            source, carry = above
            return carry in ("quantizes", "accumulates") or (
                carry == "rectifies" and self.is_integer(source)
            )
        node = self.graph.value(name).producer
        if node is None:
            return (self.graph.value(name).dtype or "").startswith(("int8", "uint8"))
        if node.op_type in _INTEGER_SUMS:
            return True
        if node.op_type in OUTPUT_SLOTS:
            return output_steps(self.model, node) is not None
        return carried_steps(self.model, name) is not None

    def cut_off(self, name: str) -> bool:
        """Whether Relu or Clip, or a quantizer that may stand for one, was passed."""
        carries = self.carries(name)
        root = self._root.get(name, name)
        explicit = [form for form in self.of(root) if "rectifies" in self.carries(form)]
        if explicit:
            return "rectifies" in carries
        return "quantizes" in carries or self.is_integer(root)


def _pairs(ours: _Forms, theirs: _Forms, values: Sequence[tuple[str, str, bool]]) -> list[Pair]:
    pairs: dict[str, Pair] = {}
    for a, b, sure in values:
        plain, cut = _ends(ours, a)
        for name in theirs.of(b):
            if theirs.graph.value(name).is_input or name in pairs:
                continue
            partner = cut if theirs.cut_off(name) else plain
            if partner is None:
                continue
            pair = _pair(theirs, partner, name, sure)
            if pair is not None:
                pairs[name] = pair
    return list(pairs.values())


def _ends(ours: _Forms, root: str) -> tuple[str | None, str | None]:
    """Of the reference's forms in float, the last one as it was computed, and the last of all.

    The second was rectified, or went through a quantizer that may stand for Relu or Clip.
    """
    forms = [name for name in ours.of(root) if not ours.is_integer(name)]
    if not forms:
        return None, None
    plain = [name for name in forms if not {"quantizes", "rectifies"} & set(ours.carries(name))]
    return (plain or forms)[-1], forms[-1]


def _pair(theirs: _Forms, partner: str, name: str, sure: bool) -> Pair | None:
    """Integers are compared through their steps; those that have none are left out."""
    if not theirs.is_integer(name):
        return Pair(partner, name, sure)
    node = theirs.graph.value(name).producer
    if node is None or node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear"):
        return None  # its DequantizeLinear stands for it
    steps = carried_steps(theirs.model, name)
    if steps is None:
        return None
    return Pair(partner, name, sure, QuantizedView(steps, numpy_dtype(steps.dtype)))


def _rectifiers(graph: Graph) -> int:
    return sum(node.op_type in ("Relu", "Clip") for node in graph.nodes)


def _operators(graph: Graph) -> Counter[str]:
    """How many there are of each. Gemm is a MatMul with an Add, as which it may be quantized."""
    found = Counter(n.op_type for n in graph.nodes if n.op_type not in ("Identity", "Constant"))
    found["MatMul"] += found["Gemm"]
    found["Add"] += sum(n.op_type == "Gemm" and len(n.input_names) > 2 for n in graph.nodes)
    del found["Gemm"]
    return found


def _is_no_op(node: Node, sketch: Graph) -> bool:
    """It is one in the model as well, not in the sketch only."""
    return sketch.node(node.id).op_type == node.op_type
