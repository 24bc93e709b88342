"""Parts of reports: a culprit's surroundings as data to draw, and what got worse than before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GraphNode:
    """A box of the drawing of a culprit's surroundings."""

    key: str
    """Its name within this drawing, which edges refer to."""
    kind: str
    """"node", "weight", "input" or "output" of the graph."""
    role: str
    """"culprit", "region" (between the same matched values) or "around"."""
    name: str
    op_type: str
    domain: str
    introduced: float | None = None
    """Largest absolute difference that the node adds by itself; None where it is not known."""
    tolerance: float | None = None
    """How much of it rounding explains."""
    status: str = ""
    """Of the worst value that it makes: "ok", "noise" or "bad"; empty where not compared."""


@dataclass(frozen=True)
class GraphEdge:
    """A value on its way from the node that makes it to one that reads it."""

    source: str
    target: str
    value: str
    dtype: str
    shape: tuple[int | str | None, ...] | None
    """A size is a number, a name, or None when unknown; no shape at all when nothing is known."""


@dataclass(frozen=True)
class Surroundings:
    """A culprit and the candidate's nodes around it, as data to draw."""

    nodes: tuple[GraphNode, ...]
    """Producers before their consumers."""
    edges: tuple[GraphEdge, ...]
    left_out: int = 0
    """Neighbours of these nodes that were left out, so that the drawing stays small."""


@dataclass(frozen=True)
class Worse:
    """Something that got worse than it was in the baseline."""

    kind: str
    """"output", "value" or "culprit"."""
    name: str
    was: float | None
    """Largest absolute difference in the baseline; None where it had none or was not there."""
    now: float | None
    why: str


@dataclass(frozen=True)
class Baseline:
    """What got worse than in an older report of the same kind."""

    path: str
    worse: tuple[Worse, ...] = ()
    better: int = 0
    """How many outputs and values were bad there and are not any more."""
    gone: tuple[str, ...] = ()
    """Outputs and values that the older report has and this one has not."""
    notes: tuple[str, ...] = ()
