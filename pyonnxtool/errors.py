"""What can go wrong, and the exit code that each kind gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class PyonnxtoolError(Exception):
    """Base of every error that is not a bug: its text says what to do next."""

    exit_code = 2


class UsageError(PyonnxtoolError):
    """The request makes no sense: an unknown option value, a missing file, a wrong input name."""


class ModelError(PyonnxtoolError):
    """The model's bytes or its graph are not what ONNX allows."""


class BackendError(PyonnxtoolError):
    """A backend could not load or run a model, so nothing can be judged."""

    exit_code = 125


class Refused(PyonnxtoolError):  # noqa: N818 - the word that users read
    """A rewrite that is not provably safe. Nothing was written.

    `refusals` are its reasons, each with node and rule; the text lists them all, in `lines` where
    some are told together.
    """

    exit_code = 1

    def __init__(
        self, told: str, refusals: Sequence[object] = (), lines: Sequence[str] | None = None
    ) -> None:
        listed = refusals if lines is None else lines
        super().__init__(told + "".join(f"\n  - {one}" for one in listed))
        self.refusals = tuple(refusals)
