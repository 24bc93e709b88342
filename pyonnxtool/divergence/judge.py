"""Rows of the report: what was measured of a pair of values, and what it means."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyonnxtool.divergence.blame.why import label
from pyonnxtool.divergence.compare import Comparison, coarser
from pyonnxtool.divergence.rounding import op_info, terms
from pyonnxtool.divergence.sweep import Measured, Swept
from pyonnxtool.metrics import summary
from pyonnxtool.report import Metrics, ValueRow
from pyonnxtool.verdict import EPS, Tolerances, mismatched_non_finite, rounding_bound

if TYPE_CHECKING:
    from pyonnxtool._core import Node
    from pyonnxtool.divergence.case import Case


class Judge:
    """Knows the tolerances, and of each value what made it and from what."""

    def __init__(self, case: Case, tolerances: Tolerances, swept: Swept) -> None:
        self._case, self._tolerances, self.swept = case, tolerances, swept
        self._graph = case.candidate.model.graph

    def output_row(self, measured: Measured) -> ValueRow:
        """A final output: good when it is within the tolerance, whatever made the difference."""
        found = measured.accumulated
        assert found is not None
        name = measured.pair.candidate
        limit = self._tolerances.output_limit(name, found.dtype)
        status = "ok" if found.identical else "noise"
        if not self.within_tolerance(name, found):
            status = "bad"
        return self._made(measured, status, limit.absolute(found.scale))

    def within_tolerance(self, name: str, found: Comparison) -> bool:
        """A final output's difference is within the user's tolerance or its dtype's own."""
        if found.stats is None:
            return False
        if found.identical:
            return True
        return self._tolerances.output_limit(name, found.dtype).holds(found.stats)

    def row(self, measured: Measured) -> ValueRow:
        """A value on the way: bad when its node introduces more than rounding explains."""
        accumulated = measured.accumulated
        assert accumulated is not None
        bound = self.bound(measured)
        limit = self._tolerances.limit(measured.pair.candidate)
        if limit.given:
            good = accumulated.stats is not None and (
                accumulated.identical or limit.holds(accumulated.stats)
            )
            return self._made(
                measured, _status(accumulated, good), limit.absolute(accumulated.scale)
            )
        judged = measured.introduced
        if judged is None:
            good = self.within_tolerance(measured.pair.candidate, accumulated)
        else:
            good = judged.identical or _explained(judged, bound)
        return self._made(measured, _status(accumulated, good), bound)

    def bound(self, measured: Measured) -> float:
        """Largest |difference| that rounding explains at this value, for its own node."""
        found = measured.introduced or measured.accumulated
        if found is None or found.dtype not in EPS:
            return 0.0
        quantization = self._case.quantization
        explained = quantization.largest(measured, self.swept) if quantization else None
        if explained is not None:
            return explained
        node = self._graph.value(measured.pair.candidate).producer
        count = terms(node, self._shape_of, found.shape) if node is not None else 1.0
        # What is computed from float16 values is as coarse as they are, whatever it is cast to.
        dtype = found.dtype
        for source in self._sources(measured.pair.candidate):
            if source.accumulated is not None and source.accumulated.dtype in EPS:
                dtype = coarser(dtype, source.accumulated.dtype)
        return rounding_bound(dtype, count, self._magnitude(node, found))

    def _sources(self, name: str) -> list[Measured]:
        """The compared values that the value is computed from, seen through what is not paired."""
        found: dict[str, Measured] = {}
        pending, seen = [name], {name}
        while pending:
            node = self._graph.value(pending.pop()).producer
            if node is None:
                continue
            captured = [value.name for value in node.captured]
            for read in (*filter(None, node.input_names), *captured):
                if read in self.swept.values:
                    found[read] = self.swept.values[read]
                elif read not in seen:
                    seen.add(read)
                    pending.append(read)
        return list(found.values())

    def _magnitude(self, node: Node | None, found: Comparison) -> float:
        """The output's scale, or that of what is averaged: a mean near zero is a sum of more."""
        info = op_info(node) if node is not None else None
        if node is None or info is None or info.accumulation in ("none", "matmul", "conv"):
            return _scale(found)
        read = [self.swept.values.get(name) for name in node.input_names[:1]]
        scales = [m.accumulated.scale for m in read if m is not None and m.accumulated is not None]
        return max([_scale(found), *scales]) if info.accumulation == "reduce" else _scale(found)

    def gain(self, measured: Measured) -> float | None:
        """Relative error of the value over the largest relative error of what its node reads."""
        if measured.accumulated is None:
            return None
        read = self._sources(measured.pair.candidate)
        errors = [source.accumulated.relative for source in read if source.accumulated is not None]
        incoming = max(errors, default=0.0)
        if incoming == 0.0 or not math.isfinite(incoming):
            return None
        gain = measured.accumulated.relative / incoming
        return gain if math.isfinite(gain) else None

    def _shape_of(self, name: str) -> tuple[int, ...] | None:
        seen = self.swept.values.get(name)
        if seen is not None and seen.accumulated is not None:
            return seen.accumulated.shape
        shape = self._graph.value(name).shape
        if shape is None or not all(isinstance(dim, int) for dim in shape):
            return None
        return tuple(dim for dim in shape if isinstance(dim, int))

    def _made(self, measured: Measured, status: str, tolerance: float) -> ValueRow:
        found = measured.accumulated
        assert found is not None
        node = self._graph.value(measured.pair.candidate).producer
        view = measured.pair.view
        notes = [view.note] if view is not None else []
        notes += [found.note] if found.note else []
        if measured.introduced is not None and measured.introduced.note not in ("", found.note):
            notes.append(f"introduced: {measured.introduced.note}")
        if measured.error:
            notes.append("could not be run on its own")
        return ValueRow(
            value=measured.pair.candidate,
            reference_value=measured.pair.reference,
            node=label(node) if node is not None else "",
            op_type=node.op_type if node is not None else "",
            dtype=found.dtype,
            shape=found.shape,
            status=status,
            accumulated=metrics_of(found),
            introduced=metrics_of(measured.introduced),
            gain=self.gain(measured),
            tolerance=tolerance,
            note="; ".join(notes),
            sample=measured.sample,
        )


def metrics_of(found: Comparison | None) -> Metrics:
    """The report's numbers of one comparison; nothing where there are none."""
    return summary(found.stats) if found is not None and found.stats is not None else {}


def _status(accumulated: Comparison, good: bool) -> str:
    if not good:
        return "bad"
    return "ok" if accumulated.identical else "noise"


def _explained(found: Comparison, bound: float) -> bool:
    if found.stats is None or mismatched_non_finite(found.stats):
        return False
    assert found.judged is not None
    return found.judged.max_abs <= bound and found.dtype in EPS


def _scale(found: Comparison) -> float:
    """Largest magnitude of the reference that is no mask."""
    return float(found.judged.ref_abs_max) if found.judged is not None else 0.0
