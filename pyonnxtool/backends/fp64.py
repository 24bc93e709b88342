"""Every node in float64: the referee that tells who is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyonnxtool.backends import BACKENDS, Array, Output, RunOptions, Session
from pyonnxtool.backends._session import draws_random_numbers, refuse_options, refuse_words

if TYPE_CHECKING:
    from pyonnxtool._core import Model


class Fp64:
    """@fp64: every node in float64, weights and constants widened, casts to floats not rounded."""

    name = "fp64"
    aliases: tuple[str, ...] = ()
    probes = True

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        """There is nothing to set."""
        return refuse_words(self.name, words, options)

    def open(self, model: Model, options: RunOptions) -> Session:
        """A weight is widened when a node needs it and forgotten after that."""
        # Both load onnx, which nobody has to wait for who only lists the backends.
        from pyonnxtool.backends._evaluation import EvaluatorSession  # noqa: PLC0415
        from pyonnxtool.backends._fp64_evaluator import Evaluator64  # noqa: PLC0415

        refuse_options(self.name, options)
        return EvaluatorSession(model, Evaluator64, self.name)

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """Numpy gives the same bits for the same arrays."""
        return not draws_random_numbers(model)


def evaluate_fp64(model: Model, feeds: Mapping[str, Array]) -> dict[str, Output]:
    """The outputs of `model`, computed in float64. Meant for a node or a region cut out.

    Float outputs are float64 whatever their type in the model; a cast to float32, float16 or
    bfloat16 does not round, one to float8 and below does. Raises BackendError for an operator
    without a reference implementation.
    """
    with Fp64().open(model, RunOptions()) as session:
        return session.run(feeds)


BACKENDS.add(Fp64.name)(Fp64())
