"""What the sessions of all backends share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from pyonnxtool.backends import Array, Output, RunOptions
from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

    from pyonnxtool._core import Graph, Model

_RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
_STANDARD = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}


class OpenSession:
    """A context manager that closes itself."""

    input_names: Sequence[str]
    output_names: Sequence[str]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def graphs(graph: Graph) -> list[Graph]:
    """The graph and all bodies inside it, outermost first."""
    found = [graph]
    for node in graph.nodes:
        for body in node.subgraphs:
            found += graphs(body)
    return found


def draws_random_numbers(model: Model) -> bool:
    """True when a node may give other values on every run.

    A seed does not help: onnxruntime's generator moves on from run to run. Operators of other
    domains may do anything, so they count as random, unless the model itself defines them.
    """
    defined = {(function.domain, function.name) for function in model.functions}
    bodies = [graph for graph in graphs(model.graph)]
    bodies += [body for function in model.functions for body in graphs(function.graph)]
    for graph in bodies:
        for node in graph.nodes:
            if (node.domain, node.op_type) in defined:
                continue
            if node.op_type in _RANDOM or node.domain not in _STANDARD:
                return True
            if node.op_type == "Dropout" and len(node.inputs) > 2 and node.inputs[2] is not None:
                return True
    return False


def refuse_unsupported(name: str, options: RunOptions) -> None:
    """For backends that interpret the model: custom-op libraries cannot be loaded."""
    if options.custom_ops:
        raise UsageError(f"{name} cannot load custom operators; --custom-ops is for onnxruntime")


def library_path(name: str) -> str:
    """The absolute path of a custom-op library that exists."""
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"--custom-ops {name}: there is no such file")
    return str(path.resolve())
