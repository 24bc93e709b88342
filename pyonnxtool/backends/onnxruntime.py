"""onnxruntime, at any optimization level and on any of its providers."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnxruntime as ort

from pyonnxtool.backends import BACKENDS, Array, Optimized, Output, RunOptions, Session
from pyonnxtool.backends._ort_errors import explain
from pyonnxtool.backends._ort_optimizers import RULES, optimize
from pyonnxtool.backends._ort_outputs import with_named_outputs
from pyonnxtool.backends._ort_values import (
    from_ort,
    needs_ort_value,
    output_type,
    to_ort,
    to_ort_value,
)
from pyonnxtool.backends._session import OpenSession, draws_random_numbers, library_path
from pyonnxtool.errors import BackendError, UsageError

if TYPE_CHECKING:
    from pyonnxtool._core import Model

_LEVELS = {
    "none": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}
if hasattr(ort.GraphOptimizationLevel, "ORT_ENABLE_LAYOUT"):  # since 1.23
    _LEVELS = {**_LEVELS, "layout": ort.GraphOptimizationLevel.ORT_ENABLE_LAYOUT}
    _LEVELS["all"] = _LEVELS.pop("all")  # the last of them
_FATAL_ONLY = 4


class OnnxRuntime:
    """onnxruntime: @ort:none|basic|extended|all|<provider>|prepack."""

    name = "onnxruntime"
    aliases: tuple[str, ...] = ("ort",)
    probes = True

    def configure(self, words: Sequence[str], options: RunOptions) -> RunOptions:
        """A level, a provider (with or without "ExecutionProvider"), or "prepack"."""
        for word in words:
            if word in _LEVELS:
                options = replace(options, level=word)
            elif word == "prepack":
                options = replace(options, prepack=True)
            else:
                options = replace(options, provider=_provider(word))
        return options

    def open(self, model: Model, options: RunOptions) -> Session:
        """A session whose weights stay in the model's files: nothing of them is copied."""
        model = with_named_outputs(model)
        settings = _session_options(options)
        for key, value in _entries(model, options).items():
            settings.add_session_config_entry(key, value)
        linked = model.to_bytes(weights="link", folder=model.folder)
        try:
            session = ort.InferenceSession(
                linked,
                settings,
                providers=_providers(options.provider),
                disabled_optimizers=list(options.disabled_optimizers) or None,
            )
        except Exception as error:  # its exceptions have no common base but this
            raise _loading_error(error, options) from error
        return OnnxRuntimeSession(session)

    @property
    def levels(self) -> Sequence[str]:
        """In the order in which they add optimizers."""
        return tuple(_LEVELS)

    @property
    def rules(self) -> Mapping[str, Sequence[str]]:
        """Rewrite rules, which onnxruntime names nowhere at run time."""
        return RULES

    def optimized(self, model: Model, options: RunOptions) -> Optimized:
        """Made in another process, where the log can be read."""
        return optimize(
            model,
            level=_LEVELS[options.level].name,
            providers=_providers(options.provider),
            disabled=options.disabled_optimizers,
            custom_ops=[library_path(library) for library in options.custom_ops],
            entries=_entries(model, options),
        )

    def repeatable(self, model: Model, options: RunOptions) -> bool:
        """The CPU kernels sum in a fixed order for a fixed number of threads."""
        return options.provider == "CPUExecutionProvider" and not draws_random_numbers(model)


class OnnxRuntimeSession(OpenSession):
    """A loaded model. Outputs are views of onnxruntime's memory wherever numpy has the type."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._types = {value.name: value.type for value in session.get_inputs()}
        self.input_names = tuple(self._types)
        self.output_names = tuple(value.name for value in session.get_outputs())
        outputs = session.get_outputs()
        self.output_types = {value.name: output_type(value) for value in outputs}
        self._exotic = [value.name for value in outputs if needs_ort_value(value.type)]
        self._whole = all(value.type.startswith("tensor(") for value in outputs)

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Output]:
        """All outputs by name; they stay valid after `close`."""
        if self._session is None:
            raise AssertionError("the session is closed")
        try:
            given = {key: to_ort(array, self._types.get(key, "")) for key, array in feeds.items()}
            found = self._run_typed(given) if self._exotic else self._run_plain(given)
        except Exception as error:  # its exceptions have no common base but this
            raise BackendError(f"onnxruntime failed to run the model: {explain(error)}") from error
        return {name: found[name] for name in self.output_names}

    def close(self) -> None:
        """Also asks the C library to return what the session freed."""
        if self._session is not None:
            self._session = None
            _trim()

    def _run_plain(self, feeds: Mapping[str, Any]) -> dict[str, Output]:
        names = [name for name in self.output_names if name not in self._exotic]
        return dict(zip(names, self._session.run(names, feeds), strict=True))

    def _run_typed(self, feeds: Mapping[str, Any]) -> dict[str, Output]:
        """Types that numpy lacks come as OrtValues, sequences and maps only as Python objects.

        A model that has both is run once for each.
        """
        names = list(self.output_names) if self._whole else self._exotic
        given = {name: to_ort_value(feed) for name, feed in feeds.items()}
        values = self._session.run_with_ort_values(names, given)
        found: dict[str, Output] = dict(zip(names, map(from_ort, values), strict=True))
        return found if self._whole else found | self._run_plain(feeds)


def _session_options(options: RunOptions) -> Any:
    """Options that keep memory low: no arena, no pattern block, no packed copies of weights.

    An arena is no faster for a session that runs once or twice, and holds on to up to twice
    the memory of the outputs (measured on ResNet-50, SegFormer and GPT-2 with all values marked).
    """
    if options.level not in _LEVELS:
        raise UsageError(f"level {options.level!r}: use one of {', '.join(_LEVELS)}")
    settings = ort.SessionOptions()
    settings.graph_optimization_level = _LEVELS[options.level]
    settings.log_severity_level = _FATAL_ONLY
    settings.intra_op_num_threads = options.threads
    settings.enable_cpu_mem_arena = False
    settings.enable_mem_pattern = False
    for library in options.custom_ops:
        try:
            settings.register_custom_ops_library(library_path(library))
        except UsageError:
            raise
        except Exception as error:  # its exceptions have no common base but this
            raise UsageError(f"--custom-ops {library}: {explain(error)}") from error
    return settings


def _entries(model: Model, options: RunOptions) -> dict[str, str]:
    """Where weights are looked up, and what is not done with them."""
    entries = {
        "session.model_external_initializers_file_folder_path": model.folder,
        # Spinning threads would slow down the session that is being made meanwhile.
        "session.intra_op.allow_spinning": "0",
        "session.inter_op.allow_spinning": "0",
    }
    return entries if options.prepack else {**entries, "session.disable_prepacking": "1"}


def _provider(word: str) -> str:
    available = ort.get_available_providers()
    for name in available:
        if word.lower() in (name.lower(), name.removesuffix("ExecutionProvider").lower()):
            return str(name)
    raise UsageError(
        f"onnxruntime has no provider {word!r} here; there are: {', '.join(available)}"
        f" (and the levels {', '.join(_LEVELS)})"
    )


def _providers(name: str) -> list[str]:
    """The provider, and the CPU for the nodes that it leaves."""
    first = _provider(name)
    return list(dict.fromkeys([first, "CPUExecutionProvider"]))


def _loading_error(error: Exception, options: RunOptions) -> BackendError:
    where = f"level {options.level}, {options.provider}"
    return BackendError(f"onnxruntime refuses the model ({where}): {explain(error)}")


def _trim() -> None:
    """Have glibc return freed blocks: below its mmap threshold (32 MB at most) it keeps them."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


BACKENDS.add(OnnxRuntime.name)(OnnxRuntime())
