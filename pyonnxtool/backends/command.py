"""Any program that reads inputs from an npz and writes what it computed to another."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pyonnxtool.backends import BACKENDS, Array, Recorded
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.feeds.files import read_npz, write_npz

_TIMEOUT = 600.0
_TAIL = 2000


class Command:
    """cmd:"prog {inputs} {outputs}": a program that reads an npz of inputs and writes one."""

    name = "command"
    aliases: tuple[str, ...] = ("cmd",)
    probes = False

    def record(self, spec: str) -> Recorded:
        """`spec` is split as a shell would, but no shell runs; see `CommandValues`."""
        try:
            words = shlex.split(spec)
        except ValueError as error:
            raise UsageError(f"cmd:{spec}: {error}") from error
        if len(words) == 1 and " " in words[0]:
            return self.record(words[0])
        if not words:
            raise UsageError('cmd: names no program; write cmd:"prog {inputs} {outputs}"')
        return CommandValues(words)


class CommandValues:
    """Runs the program once per sample.

    {inputs} and {outputs} stand for the two files; without them both paths are added at the end.
    """

    def __init__(self, words: list[str], timeout: float = _TIMEOUT) -> None:
        placed = any("{inputs}" in word or "{outputs}" in word for word in words)
        self._words = words if placed else [*words, "{inputs}", "{outputs}"]
        self._timeout = timeout

    def values(self, feeds: Mapping[str, Array], sample: int) -> dict[str, Array]:
        """What the program wrote for these inputs. Raises BackendError with its last words."""
        with tempfile.TemporaryDirectory(prefix="pyonnxtool-") as folder:
            inputs, outputs = Path(folder, "inputs.npz"), Path(folder, "outputs.npz")
            write_npz(inputs, feeds)
            self._run(
                [
                    word.replace("{inputs}", str(inputs)).replace("{outputs}", str(outputs))
                    for word in self._words
                ]
            )
            if not outputs.is_file():
                raise BackendError(f"{self._shown()} wrote no {{outputs}} file")
            try:
                return read_npz(outputs)
            except UsageError as error:
                raise BackendError(f"{self._shown()} wrote a file that is no npz") from error

    def _run(self, words: list[str]) -> None:
        try:
            done = subprocess.run(words, capture_output=True, timeout=self._timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise BackendError(
                f"{self._shown()} took longer than {self._timeout:g} s{_tail(error.stderr)}"
            ) from error
        except OSError as error:
            raise BackendError(f"{self._shown()} cannot be started: {error.strerror}") from error
        if done.returncode != 0:
            raise BackendError(
                f"{self._shown()} failed with exit code {done.returncode}{_tail(done.stderr)}"
            )

    def _shown(self) -> str:
        return f"the command '{' '.join(self._words)}'"


def _tail(stderr: bytes | None) -> str:
    text = (stderr or b"").decode(errors="replace").strip()
    return f":\n{text[-_TAIL:]}" if text else ", and wrote nothing to stderr"


BACKENDS.add(Command.name)(Command())
