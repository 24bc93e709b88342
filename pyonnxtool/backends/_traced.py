"""What a network tells of itself while it runs: its values, and where in its source each is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from pyonnxtool.backends import Array


@dataclass(frozen=True)
class Traced:
    """One value that a network computed on the way."""

    name: str
    """Unique in its network: an fx node ("linear_3"; "split__1" for the second of several)."""
    op: str = ""
    """The operator without overload: "linear", "softmax"."""
    module: str = ""
    """Path of the innermost module around it: "encoder.layer.3.attention"."""
    call: str = ""
    """The operation as text: "layer_norm(add_1, [768], weight, bias, eps=1e-12)"."""
    trace: str = ""
    """The stack at this operation as Python prints it, innermost frame last."""
    step: bool = False
    """Computed inside of an operator; the exporters may write it as a node of its own."""
    leaves: tuple[str, ...] = ()
    """Paths of the modules that return it; "#2" after a path for its second call."""


Reading: TypeAlias = "Callable[[], Array]"
"""The value as an array; valid while the visitor that it was handed to runs."""

Visitor: TypeAlias = "Callable[[Traced, Reading], None]"


class Network(Protocol):
    """A network that runs outside of ONNX, whose values can be watched."""

    training: bool
    """Some module of it is in training mode."""

    @property
    def notes(self) -> Sequence[str]:
        """What the user should know of how it was run, in sentences; grows with the runs."""

    def input_shapes(self, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Shapes that it was written for, of those ONNX inputs whose shape is known."""

    def outputs(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Final outputs in order, by the names that they have here ("0", "1" where none).

        `feeds` are an ONNX model's inputs in its order. Raises BackendError or UsageError.
        """

    def trace(self, feeds: Mapping[str, Array], visit: Visitor) -> None:
        """Run once and show every value to `visit`, in the order of computing."""

    def exact(self, feeds: Mapping[str, Array], name: str, given: Collection[str]) -> Array | None:
        """A value in float64, computed from what the network has at `given`; None if it cannot."""

    def weights(self) -> dict[str, Array]:
        """Parameters and buffers by their names, without a copy where there can be none."""
