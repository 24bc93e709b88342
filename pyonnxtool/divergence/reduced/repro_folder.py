"""A reduced model in a folder: ONNX backend-test layout, a program that shows it, an issue text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.divergence.reduced.check_command import save_whole
from pyonnxtool.divergence.reduced.keep import Shown
from pyonnxtool.divergence.reduced.repro_issue import issue_text
from pyonnxtool.divergence.reduced.repro_script import script, settings
from pyonnxtool.divergence.reduced.trial import Part, Trial
from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.files import write_npz

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.probe import Side
    from pyonnxtool.report import ReduceReport

_DATA, _REFERENCE_DATA = "test_data_set_0", "reference_data_set_0"
_OURS = frozenset({"model.onnx", "reference.onnx", "model.onnx.data", "reference.onnx.data"}) | {
    *(_DATA, _REFERENCE_DATA, "inputs.npz", "repro.py", "ISSUE.md"),
}
_PATIENCE = 300.0
"""Seconds that the written program may take when it is tried out."""
_SHOWS = 1


@dataclass(frozen=True)
class Repro:
    """What is written down."""

    trial: Trial
    shown: Shown
    report: ReduceReport
    reference: Side
    candidate: Side
    expected: Mapping[str, Any]
    """The reference's outputs under the candidate's names; empty where it gives none."""
    command: tuple[str, ...] = ()
    """For "check": the words of the command, with {model} and its like in them."""
    timeout: float = _PATIENCE


def check_folder(folder: Path, *, force: bool) -> None:
    """Raises UsageError for a folder that may not be written."""
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise UsageError(f"{folder}: there is no folder {parent}")
    if folder.is_dir():
        there = sorted(path.name for path in folder.iterdir())
        strange = [name for name in there if name not in _OURS]
        if there and not force:
            raise UsageError(f"{folder} exists and is not empty; give --force or another folder")
        if strange:
            raise UsageError(
                f"{folder} holds {strange[0]!r}, which no earlier run wrote; --force does not "
                "delete it: give another folder"
            )
    elif folder.exists():
        raise UsageError(f"{folder} is a file; give a folder that does not exist yet")


def write_repro(folder: Path, repro: Repro, *, force: bool) -> ReduceReport:
    """Write all of it or nothing; gives the report with the folder, its files and notes."""
    check_folder(folder, force=force)
    target = folder.absolute()
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        shows = _fill(draft, repro)
        notes = repro.report.notes
        if not shows and repro.report.kept == "check" and not repro.command:
            notes = (*notes, "there is no repro.py: the check was a function, not a command")
        elif not shows:
            notes = (*notes, "repro.py alone does not show it: run the subjects named above")
        files = sorted(str(p.relative_to(draft)) for p in draft.rglob("*") if p.is_file())
        report = replace(
            repro.report, folder=str(folder), files=(*files, "ISSUE.md"), notes=tuple(notes)
        )
        outputs = [_typed(name, value) for name, value in repro.expected.items()]
        (draft / "ISSUE.md").write_text(
            issue_text(report, repro.reference, repro.candidate, outputs), encoding="utf-8"
        )
        _put(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return report


def _put(draft: Path, target: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    draft.chmod(0o777 & ~umask)  # mkdtemp makes folders that only their owner reads
    if target.is_dir():
        old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        target.replace(old)  # an empty folder gives way
        draft.replace(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        draft.replace(target)


def _fill(draft: Path, repro: Repro) -> bool:
    """All but the issue's text. Says whether the program shows what it should."""
    trial, candidate = repro.trial, dict(repro.shown.candidate)
    save_whole(trial.candidate.model, draft / "model.onnx")
    _write_tensors(draft / _DATA, "input", _ordered(trial.candidate))
    expected = {
        pair.candidate: repro.expected[pair.candidate]
        for pair in trial.outputs
        if pair.candidate in repro.expected
    }
    _write_tensors(draft / _DATA, "output", expected)
    _write_tensors(draft / _DATA, "candidate_output", candidate)
    ours, inputs = "model.onnx", _DATA
    if trial.reference is not None and not _alike(trial.reference.model, trial.candidate.model):
        ours = "reference.onnx"
        save_whole(trial.reference.model, draft / ours)
        if not _same_feeds(trial.reference.feeds, trial.candidate.feeds):
            inputs = _REFERENCE_DATA
            _write_tensors(draft / inputs, "input", _ordered(trial.reference))
    if repro.report.kept == "check":
        if not repro.command:
            return False
        write_npz(draft / "inputs.npz", trial.candidate.feeds)
    return _write_script(draft, repro, ours, inputs)


def _write_script(draft: Path, repro: Repro, ours: str, inputs: str) -> bool:
    """The plainest program that shows it: with the sessions that users make, else with ours."""
    for plain in (True, False):
        reference = settings(repro.reference, ours, inputs, plain=plain)
        if repro.trial.reference is None:
            reference = None  # its numbers are all there is
        text = script(
            version=_version(),
            kept=repro.report.kept,
            shown=repro.report.shown,
            reference=reference,
            candidate=settings(repro.candidate, "model.onnx", _DATA, plain=plain),
            outputs=[
                (pair.reference, pair.candidate, repro.shown.limits.get(pair.candidate, 0.0))
                for pair in repro.trial.outputs
                if pair.candidate in repro.shown.outputs
            ],
            command=[_placed(word) for word in repro.command],
            timeout=repro.timeout,
        )
        (draft / "repro.py").write_text(text, encoding="utf-8")
        if _tried(draft / "repro.py"):
            return True
    return False


def _tried(path: Path) -> bool:
    try:
        done = subprocess.run(
            [sys.executable, "-B", str(path)],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == _SHOWS and not done.stderr.startswith(b"Traceback")


def _write_tensors(folder: Path, start: str, arrays: Mapping[str, Any]) -> None:
    from onnx import numpy_helper  # noqa: PLC0415 - loaded when it is needed

    folder.mkdir(exist_ok=True)
    tensors = {name: value for name, value in arrays.items() if isinstance(value, np.ndarray)}
    for index, (name, array) in enumerate(tensors.items()):
        proto = numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
        (folder / f"{start}_{index}.pb").write_bytes(proto.SerializeToString())


def _ordered(part: Part) -> dict[str, Any]:
    """The feeds in the order of the graph's inputs, as the layout wants them."""
    names = [value.name for value in part.model.graph.inputs]
    return {name: part.feeds[name] for name in names if name in part.feeds}


def _alike(ours: Model, theirs: Model) -> bool:
    def written(model: Model) -> tuple[str, bytes]:
        return model.folder, model.to_bytes(weights="link", folder=model.folder)

    return written(ours) == written(theirs)


def _same_feeds(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    return ours.keys() == theirs.keys() and all(
        ours[name].dtype == theirs[name].dtype and ours[name].shape == theirs[name].shape
        for name in ours
    )


def _placed(word: str) -> str:
    """A word of the check's command with places in the folder where the program lies."""
    places = {"model": "model.onnx", "inputs": "inputs.npz", "reference": "reference.onnx"}
    for name, file in places.items():
        word = word.replace(f"{{{name}}}", f"{{here}}/{file}")
    return word.replace("{folder}", "{here}")


def _typed(name: str, value: Any) -> str:
    return f"{name} {value.dtype}{list(value.shape)}" if isinstance(value, np.ndarray) else name


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("pyonnxtool")
    except PackageNotFoundError:
        return "(not installed)"


def expected_outputs(trial: Trial, made: Mapping[str, Any]) -> dict[str, Any]:
    """The reference's outputs under the candidate's names."""
    return {
        pair.candidate: made[pair.reference] for pair in trial.outputs if pair.reference in made
    }


def typed_feeds(feeds: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """What each input is: `x float32[1, 8]`."""
    return tuple(_typed(name, feeds[name]) for name in names if name in feeds)
