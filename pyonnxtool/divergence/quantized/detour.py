"""A quantized model that was made from an optimized copy of the float model.

Quantizers advise to optimize first (fold BatchNormalization into Conv, fuse, drop shape
arithmetic). Then the quantized model has the optimized copy's structure. So that copy is made
again, paired with the float model by values, which agree, and with the quantized model by
structure, which agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.backends import RunOptions, find_backend
from pyonnxtool.divergence.constants import constant
from pyonnxtool.divergence.pairing.fingerprints import Lineup, pair_by_values
from pyonnxtool.divergence.probe import Sample, Side
from pyonnxtool.divergence.quantized.pairs import Names, QuantizedAlignment, align_quantized
from pyonnxtool.errors import PyonnxtoolError

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.sweep import Progress

_LEVELS = ("basic", "extended")
_LARGEST_BYTES = 1 << 30


def line_up_quantized(
    reference: Side,
    candidate: Side,
    inputs: Names,
    outputs: Names,
    samples: Callable[[], Sequence[Sample]],
    *,
    memory: int,
    progress: Progress,
) -> QuantizedAlignment | None:
    """None where both models are quantized alike, or not at all."""
    best = align_quantized(reference.model, candidate.model, inputs, outputs)
    if best is None or best.fit == (0, 1.0) or reference.recorded is not None:
        return best
    if sum(tensor.nbytes for tensor in reference.model.graph.initializers) > _LARGEST_BYTES:
        return best
    for level in _LEVELS:
        progress("lining up with the optimized reference", _LEVELS.index(level), len(_LEVELS))
        try:
            between = _between(reference, level)
            behind = align_quantized(between.model, candidate.model, inputs, outputs)
            if behind is None or behind.fit <= best.fit:
                continue
            same = [(name, name) for name, _ in inputs]
            ends = [(name, name) for name, _ in outputs]
            before = pair_by_values(
                reference, between, same, ends, samples, memory=memory, given=(), progress=progress
            )
        except PyonnxtoolError:
            continue
        best = _joined(reference.model, between.model, before, behind)
    return best


def _between(reference: Side, level: str) -> Side:
    from pyonnxtool.backends._ort_saved import saved_by_onnxruntime  # noqa: PLC0415 - loads it

    made = saved_by_onnxruntime(reference.model, level)
    backend = find_backend("onnxruntime")
    return Side(f"{reference.text} at {level}", made, backend, RunOptions(level="none"))


def _joined(
    reference: Model, between: Model, before: Lineup, behind: QuantizedAlignment
) -> QuantizedAlignment:
    """Pairs of the reference and the candidate by what stands between them."""
    ours = {pair.candidate: pair for pair in before.pairs if pair.view is None}
    ours_of_node = {middle: (own, same) for own, middle, same in before.alignment.nodes}
    ours_of_constant = {middle: own for own, middle in before.alignment.constants}
    inputs = {value.name for value in reference.graph.inputs}
    pairs = []
    for pair in behind.pairs:
        if pair.reference in inputs:
            pairs.append(pair)
        elif pair.reference in ours:
            own = ours[pair.reference]
            pairs.append(replace(pair, reference=own.reference, sure=pair.sure and own.sure))
    paired = {pair.reference for pair in pairs}
    graph = reference.graph
    made = [(name, graph.value(name).producer) for name in _core.produced_values(reference)]
    computed = [name for name, node in made if node is not None and node.op_type != "Constant"]
    lost = [name for name in computed if name not in paired]
    kept = {pair.reference for pair in before.pairs}
    return replace(
        behind,
        values=[(pair.reference, pair.candidate, pair.sure) for pair in pairs],
        nodes=[
            (ours_of_node[middle][0], theirs, same and ours_of_node[middle][1])
            for middle, theirs, same in behind.nodes
            if middle in ours_of_node
        ],
        constants=[
            (ours_of_constant[middle], theirs)
            for middle, theirs in behind.constants
            if middle in ours_of_constant
        ],
        folded={
            theirs: held
            for middle, theirs in behind.constants
            if middle not in ours_of_constant and (held := constant(between, middle)) is not None
        },
        unmatched_reference=lost,
        fused=[name for name in lost if name not in kept],
        pairs=pairs,
    )
