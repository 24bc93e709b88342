"""What a rule says of a node: keep it, change it where it stands, replace it, or refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pyonnxtool.rewriting.refusal import Refusal

AttributeValue: TypeAlias = "int | float | str | bytes | Sequence[int] | Sequence[float]"


@dataclass(frozen=True)
class Keep:
    """The node means the same already."""


@dataclass(frozen=True)
class Edit:
    """The node stays, with its name and outputs, and is changed in place."""

    drop: Sequence[str] = ()
    """Attributes that go, where it has them."""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    """Attributes that are set."""
    inputs: Sequence[str] | None = None
    """All inputs, "" for an omitted one; None: as they are."""
    op_type: str | None = None
    """Another operator of the same domain."""


KEEP = Keep()

Decision: TypeAlias = "Keep | Edit | Refusal | str | Sequence[str]"
"""A name, or one for each output ("" where nothing reads it), replaces the node: values that the
tape made, or values that were there before."""
