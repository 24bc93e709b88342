"""What a search has run so far, one JSON line a run, so that it can be continued."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from pyonnxtool.errors import UsageError
from pyonnxtool.report import Step

if TYPE_CHECKING:
    from os import PathLike

    from pyonnxtool._core import Model
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.verdict import Tolerances

_SCHEMA = "pyonnxtool/bisect-journal/1"
_BLOCK = 1 << 24


class Journal:
    """Runs by their keys. Every new one is on disk before the next begins."""

    def __init__(self, path: Path, known: dict[str, Step], file: IO[str]) -> None:
        self.path, self._known, self._file = path, known, file

    @classmethod
    def begin(cls, path: str | PathLike[str], case_key: str) -> Journal:
        """A new file. Raises UsageError when there is one already, or it cannot be written."""
        target = Path(path)
        try:
            file = target.open("x", encoding="utf-8")
        except FileExistsError:
            raise UsageError(
                f"--journal {target}: the file exists; continue it with --resume {target}, or "
                "give another name"
            ) from None
        except OSError as error:
            raise UsageError(f"--journal {target}: cannot be written: {error.strerror}") from error
        journal = cls(target, {}, file)
        journal._write({"schema": _SCHEMA, "case": case_key})
        return journal

    @classmethod
    def resume(cls, path: str | PathLike[str], case_key: str) -> Journal:
        """The runs of an earlier search, which new ones are added to.

        Raises UsageError for a file that is no journal, or that is of another case.
        """
        target = Path(path)
        try:
            lines = list(_lines(target.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise UsageError(f"--resume {target}: cannot be read: {reason}") from error
        if not lines or lines[0].get("schema") != _SCHEMA:
            raise UsageError(f"--resume {target}: this is no journal of bisect")
        if lines[0].get("case") != case_key:
            raise UsageError(
                f"--resume {target}: the journal is of another case: models, inputs, backends, "
                "tolerances, --only and --skip have to be those that it was begun with; start a "
                "new one with --journal"
            )
        names = {one.name for one in fields(Step)}
        known = {
            line["key"]: Step(**{name: _number(line[name]) for name in names & line.keys()})
            for line in lines[1:]
        }
        file = target.open("a", encoding="utf-8")
        file.truncate(_whole_bytes(target, len(lines)))
        return cls(target, known, file)

    def find(self, key: str) -> Step | None:
        """What came out of this run, if the journal has it."""
        return self._known.get(key)

    def add(self, key: str, step: Step) -> None:
        """Note a run."""
        self._known[key] = step
        self._write({"key": key, **asdict(step)})

    def close(self) -> None:
        """Nothing is added any more."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        plain = {name: _plain(value) for name, value in line.items()}
        self._file.write(json.dumps(plain, allow_nan=False) + "\n")
        self._file.flush()


def case_key(case: Case, tolerances: Tolerances) -> str:
    """The same for the same models, inputs and options, wherever the files lie."""
    digest = hashlib.sha256()
    for side in (case.reference, case.candidate):
        digest.update(repr((side.backend.name, side.options)).encode())
        digest.update(_content(side.model))
        if side.recorded is not None:  # what was recorded has no other name
            digest.update(side.text.encode())
    for sample in case.samples:
        for name, value in sorted(sample.reference.items()):
            array = np.ascontiguousarray(value)
            digest.update(repr((name, array.dtype.str, array.shape)).encode())
            digest.update(repr(array.tolist()).encode() if array.dtype.hasobject else array.data)
    digest.update(repr((tolerances, case.pairs, case.outputs)).encode())
    return digest.hexdigest()


def _content(model: Model) -> bytes:
    """A digest of the model's bytes. Files are read block by block: none is held in memory."""
    digest = hashlib.sha256()
    if not model.path:
        digest.update(model.to_bytes(weights="keep"))
    for name in (*filter(None, [model.path]), *model.external_files()):
        with (Path(model.folder) / name).open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.digest()


def _lines(text: str) -> Iterator[dict[str, Any]]:
    """The whole lines; one that was cut off by the end of the process is left out."""
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            return
        try:
            found = json.loads(line)
        except ValueError:
            return
        if not isinstance(found, dict):
            return
        yield found


def _whole_bytes(path: Path, lines: int) -> int:
    """The length of the first lines: what an interrupted write left behind them is dropped."""
    return sum(len(line) for line in path.read_bytes().splitlines(keepends=True)[:lines])


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    return float(value) if value in ("inf", "-inf", "nan") else value
