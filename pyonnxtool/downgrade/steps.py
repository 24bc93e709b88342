"""What one opset changed of one operator, read from the schemas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from onnx import helper

from pyonnxtool.downgrade.meaning import CHANGED_MEANING
from pyonnxtool.op_schemas import versions_of

if TYPE_CHECKING:
    from onnx.defs import OpSchema

NEWEST_REVIEWED = 28
"""The newest opset whose changes were read by us; fixtures/opset_steps.json has the review."""


@dataclass(frozen=True)
class Step:
    """An operator that is new or was changed in an opset."""

    op_type: str
    version: int
    newer: OpSchema
    older: OpSchema | None
    """None: the operator is new."""
    changes: tuple[str, ...]
    """What of the signature is not as before. Wider types, and attributes and inputs that were
    added with a default, are no change: they are checked where a node uses them."""

    @property
    def free(self) -> bool:
        """Whether a node that uses nothing new is the same operator below, by its signature.

        Meaning can change under one signature: such a step is not free, nor is one of an opset that
        nobody has read yet.
        """
        if (self.op_type, self.version) in CHANGED_MEANING or self.version > NEWEST_REVIEWED:
            return False
        return self.keeps_signature

    @property
    def keeps_signature(self) -> bool:
        """Whether older nodes are newer ones as well, as far as the schemas can say."""
        return self.older is not None and not self.changes


@cache
def step_of(op_type: str, version: int) -> Step | None:
    """What `version` changed of the operator; None when it left it alone."""
    versions = versions_of(op_type)
    if version not in versions:
        return None
    below = [v for v in versions if v < version]
    newer, older = versions[version], versions[max(below)] if below else None
    if older is None:
        changes: tuple[str, ...] = ("it is new",)
    elif older.deprecated and not newer.deprecated:
        changes = ("it is deprecated below",)
    else:
        changes = (*_attribute_changes(newer, older), *_operand_changes(newer, older))
    return Step(op_type, version, newer, older, changes)


def default_of(schema: OpSchema, name: str) -> Any:
    """Default of an attribute; None where it has none."""
    known = schema.attributes[name].default_value
    return helper.get_attribute_value(known) if known.type else None


def _attribute_changes(newer: OpSchema, older: OpSchema) -> list[str]:
    found = []
    for name, attribute in newer.attributes.items():
        before = older.attributes.get(name)
        if before is None:
            if attribute.required:
                found.append(f"attribute {name} is new and required")
        elif (before.type, before.required) != (attribute.type, attribute.required):
            found.append(f"attribute {name} is declared otherwise")
        elif default_of(newer, name) != default_of(older, name):
            was, now = default_of(older, name), default_of(newer, name)
            found.append(f"attribute {name} is {was!r} by default below, not {now!r}")
    gone = [name for name in older.attributes if name not in newer.attributes]
    return found + [f"attribute {name} is gone" for name in gone]


def _operand_changes(newer: OpSchema, older: OpSchema) -> list[str]:
    found = []
    for side in ("inputs", "outputs"):
        new, old = getattr(newer, side), getattr(older, side)
        if len(new) < len(old):
            found.append(f"{side} {', '.join(one.name for one in old[len(new) :])} are gone")
        for ours, theirs in zip(new, old, strict=False):
            if (ours.name, ours.option) != (theirs.name, theirs.option):
                found.append(f"{side[:-1]} {ours.name} was {theirs.name}, or was not optional")
        optional = type(old[0].option).Optional if old else None
        added = [one.name for one in new[len(old) :] if one.option != optional]
        found += [f"{side[:-1]} {name} is new" for name in added]
    return found
