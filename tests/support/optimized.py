"""Trials whose candidate went through an optimizer, damaged before that or after."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence

import onnx

from support.faults import FAULTS, Planted, plant
from support.faults.site import walk
from support.graph_builder import Case
from support.optimizers import Optimizer
from support.ort_runs import Outputs, difference, run
from support.trials import SMALL, Trial, seeded, with_aliases


def optimized_trials(
    case: Case,
    optimizers: Mapping[str, Optimizer],
    kinds: Sequence[str] = (),
    sample: int = 3,
    seed: int = 0,
) -> Iterator[Trial]:
    """For each optimizer: its file as it is, `sample` faults planted before it, and as many after.

    The reference is `case` as it was written.
    """
    expected = run(case.model, case.feeds)
    for name, optimize in optimizers.items():
        model = optimize(case.model)
        effect = None if model is None else _effect(expected, model, case)
        if model is None or effect is None:
            continue
        yield Trial(case.name, name, "control", case.model, model, case.feeds, "no fault", effect)
        for planted in _planted(case, case.model, f"{name}/before", kinds, sample, seed):
            trial = _damaged_first(case, planted, name, optimize, expected)
            if trial is not None:
                yield trial
        for planted in _planted(case, model, f"{name}/after", kinds, sample, seed):
            if planted.effect > 4 * effect:
                yield _damaged_last(case, planted, name)


def _planted(
    case: Case, model: onnx.ModelProto, purpose: str, kinds: Sequence[str], sample: int, seed: int
) -> Iterator[Planted]:
    """Up to `sample` faults of different kinds that show in the outputs."""
    _named(model)
    rng = seeded(case.name, purpose, seed=seed)
    expected, found = run(model, case.feeds), 0
    for kind in rng.permutation(sorted(set(kinds or FAULTS) & set(FAULTS))):
        if found == sample:
            return
        planted = plant(str(kind), model, case.feeds, rng, expected, attempts=2)
        if planted is not None and planted.demanded:
            found += 1
            yield planted


def _damaged_first(
    case: Case, planted: Planted, name: str, optimize: Optimizer, expected: list[Outputs]
) -> Trial | None:
    model = optimize(planted.model)
    effect = None if model is None else _effect(expected, model, case)
    if model is None or effect is None:
        return None
    names = planted.culprits[0]
    kept = _survivors(planted.model, model, names)
    _named(model)
    lost = names - _known_names(planted.model, model, names)
    blamed = kept | _heirs(planted.model, model, lost)
    if model.ByteSize() < SMALL:
        blamed = with_aliases(case, model, blamed)
    return Trial(
        case.name, f"{name}/before/{planted.kind}", "none", case.model, model, case.feeds,
        planted.description, effect, (blamed,),
        reference_culprits=planted.reference_culprits | names, fused=not kept,
    )  # fmt: skip


def _damaged_last(case: Case, planted: Planted, name: str) -> Trial:
    originals = {(node.name, node.op_type) for node in case.model.graph.node}
    blamed = [node for node in planted.model.graph.node if node.name in planted.culprits[0]]
    fused = not any((node.name, node.op_type) in originals for node in blamed)
    culprits = planted.culprits
    if planted.model.ByteSize() < SMALL:
        culprits = tuple(with_aliases(case, planted.model, names) for names in culprits)
    return Trial(
        case.name, f"{name}/after/{planted.kind}", "none", case.model, planted.model, case.feeds,
        planted.description, planted.effect, culprits,
        reference_culprits=planted.reference_culprits, fused=fused,
    )  # fmt: skip


def _effect(expected: list[Outputs], model: onnx.ModelProto, case: Case) -> float | None:
    try:
        return difference(expected, run(model, case.feeds))
    except Exception:  # what onnxruntime wrote for its own use it may refuse as a file
        return None


def _survivors(
    before: onnx.ModelProto, after: onnx.ModelProto, names: frozenset[str]
) -> frozenset[str]:
    """Those of `names` that the optimizer left as they are: same operator, same outputs."""
    there = {(node.op_type, *node.output): node.name for _, node, _ in walk(after.graph)}
    blamed = [node for _, node, _ in walk(before.graph) if node.name in names]
    kept = [there.get((node.op_type, *node.output)) for node in blamed]
    return frozenset(name for name in kept if name)


def _known_names(
    before: onnx.ModelProto, after: onnx.ModelProto, names: frozenset[str]
) -> frozenset[str]:
    """Those of `names` of which `_survivors` finds the node."""
    return frozenset(name for name in names if _survivors(before, after, frozenset({name})))


def _heirs(
    before: onnx.ModelProto, after: onnx.ModelProto, names: frozenset[str]
) -> frozenset[str]:
    """The optimized nodes that make what the lost ones made: the next values that are left."""
    makers = {value: node for node in after.graph.node for value in node.output}
    known = {value for node in before.graph.node for value in node.output}
    found: set[str] = set()
    pending = [v for _, node, _ in walk(before.graph) if node.name in names for v in node.output]
    seen = set(pending)
    while pending:
        value = pending.pop()
        if value in makers:
            found |= _with_new_parts(makers, makers[value], known)
            continue
        for node in before.graph.node:
            if value in node.input:
                pending += [name for name in node.output if name not in seen]
                seen.update(node.output)
    return frozenset(found)


def _with_new_parts(
    makers: Mapping[str, onnx.NodeProto], node: onnx.NodeProto, known: set[str]
) -> set[str]:
    """The node, and those before it whose values are new: parts of what it stands for."""
    found = {node.name}
    for value in node.input:
        if value in makers and value not in known:
            found |= _with_new_parts(makers, makers[value], known)
    return found


def _named(model: onnx.ModelProto) -> None:
    """Optimizers leave nodes without names; here a fault is known by one."""
    taken = {node.name for node in model.graph.node}
    for node in model.graph.node:
        if not node.name:
            fresh = f"unnamed_{zlib.crc32('/'.join(node.output).encode()):x}"
            assert fresh not in taken
            node.name = fresh
            taken.add(fresh)
