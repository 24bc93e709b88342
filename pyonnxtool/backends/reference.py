"""The evaluator of the onnx package: slow, and as near to the specification as there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyonnxtool.backends import BACKENDS, RunOptions, Session
from pyonnxtool.backends._session import draws_random_numbers, refuse_options, refuse_words

if TYPE_CHECKING:
    from pyonnxtool._core import Model


class Reference:
    """@reference: the ReferenceEvaluator of the onnx package, node by node in numpy."""

    name = "reference"
    aliases: tuple[str, ...] = ()
    probes = True

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        """There is nothing to set."""
        return refuse_words(self.name, words, options)

    def open(self, model: Model, options: RunOptions) -> Session:
        """Never reads a weight before a node uses it."""
        refuse_options(self.name, options)
        # Both load onnx, which nobody has to wait for who only lists the backends.
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

        from pyonnxtool.backends._evaluation import EvaluatorSession  # noqa: PLC0415

        return EvaluatorSession(model, ReferenceEvaluator, self.name)

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """Numpy gives the same bits for the same arrays."""
        return not draws_random_numbers(model)


BACKENDS.add(Reference.name)(Reference())
