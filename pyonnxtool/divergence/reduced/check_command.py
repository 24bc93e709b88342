"""A program of the user's that is asked whether a model still has the bug."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.files import write_npz

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.reduced.trial import Part, Trial

_GOOD, _SKIP = 0, 125
_SCRIPTS = (".py", ".sh", ".pl", ".rb")
_INSIDE = 1 << 30
"""Bytes of weights up to which a model is written as one file."""


class CheckCommand:
    """`PROGRAM {model} {inputs}`: exit code 0 is good, 125 cannot tell, any other is still bad.

    {model} is an .onnx file and {inputs} an .npz of its inputs, {reference} and
    {reference_inputs} the same of the reference, {folder} where they lie. Without any of them the
    model's path is added at the end. The words are split as a shell would, but no shell runs.
    """

    def __init__(self, text: str, timeout: float) -> None:
        """Raises UsageError for a program, or a script among the words, that is not there."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"--check {text}: {error}") from error
        if not words:
            raise UsageError("--check names no program; write --check 'PROGRAM {model} {inputs}'")
        if shutil.which(words[0]) is None:
            raise UsageError(f"--check: there is no program {words[0]!r}; give its whole path")
        for word in words[1:]:
            if word.endswith(_SCRIPTS) and "{" not in word and not Path(word).exists():
                raise UsageError(f"--check: there is no file {word!r}")
        names = ("{model}", "{inputs}", "{folder}", "{reference}")
        placed = any(name in word for word in words for name in names)
        self.words = words if placed else [*words, "{model}"]
        self._timeout = timeout

    def __call__(self, trial: Trial) -> str:
        """How the command ended, where that means that the bug is still there; else nothing."""
        with tempfile.TemporaryDirectory(prefix="pyonnxtool-") as name:
            folder = Path(name)
            places = {"folder": str(folder), **_write(trial.candidate, folder, "model", "inputs")}
            if trial.reference is not None:
                places |= _write(trial.reference, folder, "reference", "reference_inputs")
            code = self._ended([_filled(word, places) for word in self.words])
        if code in (_GOOD, _SKIP):
            return ""
        if code is None:
            return f"the command did not end within {self._timeout:g} s"
        if code < 0:
            return f"the command was killed by signal {-code}"
        return f"the command ended with exit code {code}"

    def lasting(self) -> tuple[str, ...]:
        """The words for another folder: files among them by their whole paths."""
        program = shutil.which(self.words[0]) or self.words[0]
        found = [program, *self.words[1:]]
        return tuple(str(Path(word).absolute()) if Path(word).exists() else word for word in found)

    def _ended(self, words: list[str]) -> int | None:
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        except OSError as error:
            raise UsageError(f"--check {words[0]}: cannot be started: {error.strerror}") from error
        return done.returncode


def save_whole(model: Model, path: Path) -> None:
    """Write a model that needs no other file, or only its own where the weights are too large."""
    size = sum(tensor.nbytes for tensor in model.graph.initializers)
    model.save(str(path), weights="inside" if size < _INSIDE else "external", force=True)


def _write(part: Part, folder: Path, model: str, inputs: str) -> dict[str, str]:
    paths = {model: folder / f"{model}.onnx", inputs: folder / f"{inputs}.npz"}
    save_whole(part.model, paths[model])
    write_npz(paths[inputs], part.feeds)
    return {name: str(path) for name, path in paths.items()}


def _filled(word: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(f"{{{name}}}", path)
    return word
