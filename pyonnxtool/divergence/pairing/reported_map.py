"""The value map in the JSON report of a rewrite: `--map REPORT.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.errors import UsageError
from pyonnxtool.rewriting import InnerOrder, StandsFor

if TYPE_CHECKING:
    from pyonnxtool._core import Model


def is_report(text: str) -> bool:
    """Whether a text of `--map` names a report; a pair of values has an = and is no file."""
    return text.lower().endswith(".json") and ("=" not in text or Path(text).is_file())


def told_by(path: str, reference: Model, candidate: Model) -> list[StandsFor]:
    """The map in a report, as it stands between these two: the new model may be either of them.

    Raises UsageError for a file that is not there, or holds no value map.
    """
    report = _read(path)
    try:
        told = [_stands_for(one) for one in report["value_map"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError(f"--map {path}: its field value_map is not as a rewrite writes it") from (
            None
        )
    written = report.get("written") or ()
    if written and _is(reference, written[0]) and not _is(candidate, written[0]):
        return [swapped(one) for one in told]
    return told


def swapped(one: StandsFor) -> StandsFor:
    """What the old value is of the new one."""
    if one.perm is None and not one.inner:
        return StandsFor(one.old_value, one.value)
    rank = max((inner.axis for inner in one.inner), default=-1) + 1
    perm = list(one.perm or range(rank))
    inner = tuple(
        InnerOrder(
            perm.index(each.axis),
            tuple(each.sizes[factor] for factor in each.order),
            tuple(map(int, np.argsort(each.order))),
        )
        for each in one.inner
    )
    back = tuple(map(int, np.argsort(perm))) if one.perm is not None else None
    return StandsFor(one.old_value, one.value, back, inner)


def _read(path: str) -> Mapping[str, Any]:
    wanted = "the --json of specialize or layout is meant"
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"--map {path}: there is no such file; {wanted}") from None
    except OSError as error:
        raise UsageError(f"--map {path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"--map {path}: is no JSON: {error}; {wanted}") from error
    if not isinstance(found, dict) or "value_map" not in found:
        named = found.get("schema") if isinstance(found, dict) else None
        told = f"a report of schema {named!r} has" if named else "it has"
        raise UsageError(f"--map {path}: {told} no value map; {wanted}")
    return found


def _stands_for(told: Mapping[str, Any]) -> StandsFor:
    perm = told.get("perm")
    inner = tuple(
        InnerOrder(int(one["axis"]), tuple(map(int, one["sizes"])), tuple(map(int, one["order"])))
        for one in told.get("inner", ())
    )
    axes = None if perm is None else tuple(map(int, perm))
    return StandsFor(str(told["value"]), str(told["old_value"]), axes, inner)


def _is(model: Model, path: str) -> bool:
    """Whether this model is the file of the report, which may have been made in another folder."""
    if not model.path:
        return False
    there = Path(path)
    same = there.exists() and there.resolve() == Path(model.path).resolve()
    return same or (not there.exists() and there.name == Path(model.path).name)
