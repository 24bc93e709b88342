"""Models run in a process of their own, which may crash or hang without harm to this one."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from signal import Signals
from typing import IO, TYPE_CHECKING, Any

from pyonnxtool import _core
from pyonnxtool.backends import BACKENDS, find_backend
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool._core import Model
    from pyonnxtool.divergence.probe import Side, Values

_CHILD = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from pyonnxtool.divergence.search.isolated import serve; serve()"
)
_TAIL = 400


class Failed(Exception):  # noqa: N818 - a result, not a mistake
    """A run that gave no outputs. `how`: "error", "crash" or "hang"."""

    def __init__(self, how: str, text: str, signature: str) -> None:
        super().__init__(text)
        self.how = how
        self.signature = signature
        """What two failures of one kind have in common: no names, no numbers."""


class Here:
    """Runs in this process."""

    def run(self, side: Side, model: Model, feeds: Mapping[str, Any]) -> Values:
        """All outputs of `model` on the backend of `side`. Raises Failed."""
        try:
            with side.open(model) as session:
                outputs = session.run(feeds)
        except BackendError as error:
            raise failed_with(str(error)) from error
        side.runs += 1
        return outputs

    def close(self) -> None:
        """There is nothing to end."""


class Apart:
    """Runs in a child process, which is started again when it died.

    `timeout`: seconds until a run counts as hung.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._child: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def run(self, side: Side, model: Model, feeds: Mapping[str, Any]) -> Values:
        """As `Here.run`; also when the runtime takes its process down."""
        side.runs += 1
        linked = model.to_bytes(weights="link", folder=model.folder)
        task = (linked, model.folder, side.backend.name, side.options, dict(feeds))
        child = self._started()
        assert child.stdin is not None
        assert child.stdout is not None
        hung = threading.Event()

        def end() -> None:
            hung.set()
            child.kill()

        timer = threading.Timer(self._timeout, end)
        timer.start()
        try:
            pickle.dump(task, child.stdin, pickle.HIGHEST_PROTOCOL)
            child.stdin.flush()
            good, answer = pickle.load(child.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise self._death(hung.is_set()) from None
        finally:
            timer.cancel()
        if not good:
            raise failed_with(f"{side.text}: {answer}")
        values: Values = answer
        return values

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for stream in (self._child.stdin, self._child.stdout, self._errors):
                try:
                    if stream is not None:
                        stream.close()
                except OSError:  # what it was still to be sent
                    continue
            self._child = self._errors = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
            self._child = subprocess.Popen(
                [sys.executable, "-c", _CHILD, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        return self._child

    def _death(self, hung: bool) -> Failed:
        """Says how the child ended."""
        assert self._child is not None
        assert self._errors is not None
        code = self._child.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = f": {lines[-1][-_TAIL:]}" if lines else ""
        self.close()
        if hung:
            return Failed("hang", f"did not end within {self._timeout:g} s", "hang")
        if code < 0:
            return Failed("crash", f"the process was killed by {_signal(-code)}{last}", str(code))
        return Failed("crash", f"the process ended with exit code {code}{last}", str(code))


def serve() -> None:
    """The child: a task on standard input, an answer on standard output, until there is no more.

    Whatever a runtime prints goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            data, folder, name, options, feeds = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        answer: tuple[bool, Any]
        try:
            with find_backend(name).open(_core.from_bytes(data, folder), options) as session:
                answer = (True, session.run(feeds))
        except BackendError as error:
            answer = (False, str(error))
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


def can_be_apart(side: Side) -> bool:
    """Whether a child finds the backend: one that a program registered itself is only here."""
    name = side.backend.name
    return name in BACKENDS and type(side.backend).__module__.startswith("pyonnxtool.backends.")


def failed_with(text: str) -> Failed:
    """An error of the runtime, told by its words without what is in quotes, paths and numbers."""
    _, _, words = text.partition(": ")
    words = re.sub(r"'[^']*'|\"[^\"]*\"|\([^()]*/[^()]*\)|\{[^{}]*\}|\[[^\[\]]*\]", "", words)
    return Failed("error", text, re.sub(r"[^A-Za-z]+", " ", words).strip())


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
