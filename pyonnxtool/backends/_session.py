"""What the sessions of all backends share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING

from pyonnxtool._core import op_table
from pyonnxtool.backends import Array, Output, OutputType, RunOptions
from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from typing_extensions import Self

    from pyonnxtool._core import Graph, Model

_STANDARD = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}


class OpenSession:
    """A context manager that closes itself."""

    input_names: Sequence[str]
    output_names: Sequence[str]
    output_types: Mapping[str, OutputType] = MappingProxyType({})

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
    bodies = graphs(model.graph)
    bodies += [body for function in model.functions for body in graphs(function.graph)]
    random = {op.op_type for op in op_table() if op.random}
    for graph in bodies:
        for node in graph.nodes:
            if (node.domain, node.op_type) in defined:
                continue
            if node.op_type in random or node.domain not in _STANDARD:
                return True
            if node.op_type == "Dropout" and len(node.inputs) > 2 and node.inputs[2] is not None:
                return True
    return False


def refuse_options(name: str, options: RunOptions) -> None:
    """For backends that interpret the model: they cannot load compiled operators."""
    if options.custom_ops:
        raise UsageError(f"{name} cannot load custom operators; --custom-ops is for onnxruntime")


def refuse_words(name: str, words: Sequence[str], options: RunOptions) -> RunOptions:
    """For backends without settings."""
    if words:
        raise UsageError(f"@{name} takes no settings; {','.join(words)!r} means nothing to it")
    return options


def library_path(name: str) -> str:
    """The absolute path of a custom-op library that exists."""
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"--custom-ops {name}: there is no such file")
    return str(path.resolve())
