"""What runs a model, or knows what it computed elsewhere. One file each, found by discovery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from numpy.typing import NDArray

from pyonnxtool.errors import UsageError
from pyonnxtool.registry import Registry

if TYPE_CHECKING:
    from typing_extensions import Self

    from pyonnxtool._core import Model

Array: TypeAlias = NDArray[Any]
Output: TypeAlias = "Array | list[Any] | dict[Any, Any] | None"
"""A tensor, a sequence (of tensors or maps), a map, or an optional that holds nothing."""

OutputType: TypeAlias = "tuple[str | None, tuple[int | str | None, ...] | None]"
"""dtype and shape of an output; no dtype: it is not a tensor."""


@dataclass(frozen=True)
class RunOptions:
    """How to run. A backend refuses what it cannot honour, and ignores nothing that is set."""

    level: str = "all"
    """Graph optimization: "none", "basic", "extended" or "all"."""
    provider: str = "CPUExecutionProvider"
    threads: int = 0
    """0: the runtime's own choice."""
    custom_ops: tuple[str, ...] = ()
    """Shared libraries with custom operators."""
    prepack: bool = False
    """Let the runtime copy weights into the layout it likes, as it does for its users.

    Such a session gives the bits that a session from the file gives (on 35 models, at levels none
    and all). Without it a session costs next to nothing, and matrix products may round otherwise:
    up to 4e-6 of the output's scale on BERT.
    """
    disabled_optimizers: tuple[str, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    """Settings of the runtime by its own names: ("INFERENCE_PRECISION_HINT", "f16")."""


class Session(Protocol):
    """A model that is ready to run. Also a context manager."""

    @property
    def input_names(self) -> Sequence[str]:
        """What can be fed."""

    @property
    def output_names(self) -> Sequence[str]:
        """What `run` returns."""

    @property
    def output_types(self) -> Mapping[str, OutputType]:
        """What the runtime inferred of its outputs before any run; empty when it infers nothing."""

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """All outputs by name. Arrays may be views that keep the runtime's memory alive."""

    def close(self) -> None:
        """Give the memory back now. Arrays that `run` returned stay valid."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@runtime_checkable
class Backend(Protocol):
    """Runs any model that it is handed, so values can be probed."""

    name: str
    probes: bool
    aliases: tuple[str, ...]

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        """`options` as changed by what follows ":" in `m.onnx@name:word,word`."""

    def open(self, model: Model, options: RunOptions) -> Session:
        """The model, ready to run. Raises BackendError when the runtime refuses it."""

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """True when the same inputs give the same bits on every run, by the runtime's promise."""


@dataclass(frozen=True)
class Optimized:
    """What a runtime made of a model before it would run it."""

    model: Model
    """The graph as it would be run; weights that were changed on the way are not kept."""
    changed: tuple[str, ...]
    """The optimizers that changed something, in the order of their first change."""
    known: tuple[str, ...]
    """All optimizers that had their turn."""


@runtime_checkable
class Optimizing(Protocol):
    """A backend whose optimizers can be told apart and switched off one by one."""

    @property
    def levels(self) -> Sequence[str]:
        """What `RunOptions.level` can be, from no optimizers to all."""

    @property
    def rules(self) -> Mapping[str, Sequence[str]]:
        """Of optimizers that apply several rules: the rules, which can be disabled as well."""

    def optimized(self, model: Model, options: RunOptions) -> Optimized:
        """Optimize the model and run nothing. Raises BackendError."""


class Recorded(Protocol):
    """Values that were computed elsewhere: they come as they are, and cannot be probed."""

    def values(self, feeds: Mapping[str, Array], sample: int) -> dict[str, Array]:
        """The values of sample number `sample`, whose inputs are `feeds`."""


@runtime_checkable
class Recorder(Protocol):
    """Finds or makes recorded values."""

    name: str
    probes: bool
    aliases: tuple[str, ...]

    def record(self, spec: str) -> Recorded:
        """The values that `spec` (a file, a folder, a command) stands for."""


BACKENDS: Registry[str, Backend | Recorder] = Registry("backend", "pyonnxtool.backends")


def find_backend(name: str) -> Backend:
    """The backend of that name or alias. Raises UsageError, listing the ones there are."""
    named = {alias: key for key in BACKENDS for alias in BACKENDS[key].aliases}
    found = BACKENDS[named.get(name, name)]
    if isinstance(found, Backend):
        return found
    able = ", ".join(key for key in BACKENDS if isinstance(BACKENDS[key], Backend))
    raise UsageError(f"backend {name!r} holds values and runs no model; these run: {able}")


def find_recorder(name: str) -> Recorder:
    """The recorder of that name: "dump" or "command"."""
    found = BACKENDS[name]
    if isinstance(found, Recorder):
        return found
    raise AssertionError(f"backend {name!r} records nothing")
