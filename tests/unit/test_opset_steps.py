"""fixtures/opset_steps.json: the steps that need no adapter, every one of them read by somebody.

It is derived from the onnx package's schemas: an operator is listed under the opset that changed
it when nodes that use nothing new are written alike below. That says nothing about what they mean.
When a release of onnx adds an opset, the first test here fails. Then:

 1. Read the schema texts of each step that it names (`onnx.defs.get_schema(op, version).doc`, and
    those of attributes and operands) beside the ones before. What changed its meaning goes into
    downgrade/meaning.py and gets an adapter; so do new signatures and new operators without a good
    function body.
 2. Raise NEWEST_REVIEWED in downgrade/steps.py, and write the list with WRITE_STEPS=1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pyonnxtool.downgrade.adapters import ADAPTERS
from pyonnxtool.downgrade.meaning import CHANGED_MEANING
from pyonnxtool.downgrade.steps import NEWEST_REVIEWED, step_of
from pyonnxtool.op_schemas import newest_opset, schema_at, standard_ops, versions_of

FILE = Path(__file__).parents[2] / "fixtures/opset_steps.json"
LOWEST_TARGET = 7


def derived() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for op in standard_ops():
        for version in versions_of(op):
            step = step_of(op, version)
            assert step is not None
            kept = step.keeps_signature and (op, version) not in CHANGED_MEANING
            if version > LOWEST_TARGET and kept:
                found.setdefault(str(version), []).append(op)
    return {version: found[version] for version in sorted(found, key=int, reverse=True)}


def test_the_steps_that_need_no_adapter_are_those_that_were_read() -> None:
    if os.environ.get("WRITE_STEPS"):
        FILE.write_text(json.dumps(derived(), indent=1) + "\n")
    reviewed = json.loads(FILE.read_text())
    now = derived()
    unread = {
        version: sorted(set(ops) - set(reviewed.get(version, []))) for version, ops in now.items()
    }
    unread = {version: ops for version, ops in unread.items() if ops}
    assert not unread, (
        f"steps that nobody has read; the head of this file says what to do: {unread}"
    )
    known = {version: ops for version, ops in reviewed.items() if int(version) <= newest_opset()}
    gone = {version: sorted(set(ops) - set(now.get(version, []))) for version, ops in known.items()}
    assert not any(gone.values()), f"steps that the schemas no longer have: {gone}"


def test_the_newest_opset_was_read() -> None:
    assert newest_opset() <= NEWEST_REVIEWED, "the head of this file says what to do"


@pytest.mark.parametrize(("op", "version"), list(CHANGED_MEANING))
def test_a_step_of_another_meaning_looks_free(op: str, version: int) -> None:
    """Otherwise it need not be listed."""
    step = step_of(op, version)
    assert step is not None
    assert step.keeps_signature
    assert not step.free


def test_adapters_are_of_steps_that_there_are() -> None:
    strangers = [key for key in ADAPTERS if step_of(*key) is None and not _has_new_body(*key)]
    assert not strangers


def _has_new_body(op: str, version: int) -> bool:
    """Whether the schema, which is not new, has another function body from this opset on."""
    schema = schema_at(op, version)
    return schema is not None and version in schema.function_opset_versions
