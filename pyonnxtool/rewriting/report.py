"""The report of a rewrite, as frozen data. Each rewrite adds what only it has to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pyonnxtool.report import ValueRow

if TYPE_CHECKING:
    from pyonnxtool._core import Model

Axes = tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """What one rule did: "folded shape arithmetic", 37 times."""

    rule: str
    """What was done."""
    count: int
    """How often."""


@dataclass(frozen=True)
class Left:
    """Something that stays as it was although a rule looked at it, and why."""

    node: str
    """As messages name it: "node 'loop0' (Loop)"."""
    reason: str
    """Why, in words."""


@dataclass(frozen=True)
class InnerOrder:
    """The indices along one axis in another order: cut into factors, and these reordered."""

    axis: int
    """Of the old value."""
    sizes: Axes
    """Of the factors, as Reshape would cut the axis."""
    order: Axes
    """The factors in the order in which they are stored."""


@dataclass(frozen=True)
class StandsFor:
    """A value of the new model that holds what another name, or order of axes, holds in the old."""

    value: str
    """Its name in the new model."""
    old_value: str
    """Its name in the old model."""
    perm: Axes | None = None
    """Its axes are those of the old value in this order; null: they are the same."""
    inner: tuple[InnerOrder, ...] = ()
    """Axes whose elements are stored in another order too."""


@dataclass(frozen=True)
class Measure:
    """How large a model is. Nodes in the bodies of If, Loop and Scan count as nodes."""

    nodes: int
    shape_ops: int
    """Nodes that only work out sizes or choose what runs: Shape, Size, ConstantOfShape, Range, If
    and Loop."""
    weight_bytes: int
    """Bytes of all initializers."""


@dataclass(frozen=True)
class Verification:
    """The old and the new model gave the same outputs."""

    samples: int
    """How many sets of inputs both models were run on."""
    sizes: tuple[Mapping[str, tuple[int, ...]], ...]
    """Shapes of the inputs that were run, each combination once."""
    outputs: tuple[ValueRow, ...]
    """Final outputs, each of its worst sample."""
    tolerance: str
    """By how much an output may differ, in words."""
    notes: tuple[str, ...] = ()
    """What was not compared, and why."""
    backends: tuple[str, str] = ("onnxruntime", "onnxruntime")
    """What ran the old model and the new one: "reference" where onnxruntime takes no such opset."""
    drifted: tuple[str, ...] = ()
    """Outputs that differ by more than is allowed although every node, given the old model's
    values, stays within its rounding."""


@dataclass(frozen=True, kw_only=True)
class RewriteReport:
    """What a rewrite did, what it left, and how that was checked."""

    model: str
    """The model as the user named it."""
    changes: tuple[Change, ...]
    """What was done, in the order of first use."""
    value_map: tuple[StandsFor, ...] = ()
    """Values of the new model that stand for values with another name, or in another layout."""
    left: tuple[Left, ...] = ()
    """What a rule looked at and did not change."""
    before: Measure
    """The old model."""
    after: Measure
    """The new model."""
    verification: Verification | None = None
    """Null when the models were not run."""
    written: tuple[str, ...] = ()
    """Files that were written."""
    notes: tuple[str, ...] = ()

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(old value, new value) of those with the same axes."""
        return tuple((one.old_value, one.value) for one in self.value_map if one.perm is None)


Report_co = TypeVar("Report_co", bound=RewriteReport, covariant=True)


@dataclass(frozen=True)
class Rewrite(Generic[Report_co]):
    """The new model and the report. The old model is as it was."""

    model: Model
    report: Report_co
