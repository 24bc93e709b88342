"""What is compared: "m.onnx@ort:none" and its like, and Python objects, as models on backends."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pyonnxtool.backends import BACKENDS, Recorded, RunOptions, find_backend, find_recorder
from pyonnxtool.backends.torch import TorchValues, is_torch, network_of
from pyonnxtool.divergence.network.side import NetworkBackend
from pyonnxtool.divergence.probe import Side
from pyonnxtool.divergence.recorded import RecordedBackend
from pyonnxtool.errors import UsageError
from pyonnxtool.model import as_model, load

if TYPE_CHECKING:
    from pyonnxtool._core import Model

SubjectLike: TypeAlias = "str | PathLike[str] | Model | tuple[Any, str] | Subject | Any"
"""A subject's text, a path, a Model, an onnx.ModelProto, or (one of these, "ort:none")."""

_RUNTIME = "onnxruntime"
_AS_WRITTEN = "onnxruntime:none"
"""A bare path: every node as the file has it. Optimizations would hide and move differences."""
_AS_IS = RunOptions()
_TORCH = ("torch", "pytorch")


@dataclass(frozen=True)
class Subject:
    """A model on the backend that runs it, or values that were recorded elsewhere."""

    text: str
    model: Model | None
    backend: str
    options: RunOptions = _AS_IS
    recorded: Recorded | None = None


def parse_subject(given: SubjectLike, options: RunOptions | None = None) -> Subject:
    """The subject that a text or an object stands for; `options` is what its settings start from.

    Raises UsageError for a file, backend or setting that does not exist, ModelError for a file
    that is no model.
    """
    options = options or _AS_IS
    if isinstance(given, Subject):
        return given
    if is_torch(given[0] if isinstance(given, tuple) and given else given):
        text = type(given[0] if isinstance(given, tuple) else given).__name__
        network = network_of(given, text)
        return Subject(text, None, "torch", options, TorchValues(network))
    if isinstance(given, tuple):
        what, backend = given
        return _placed(_model(what), backend, f"{_text(what)}@{backend}", options)
    if isinstance(given, str):
        return _from_text(given, options)
    return _placed(_model(given), _AS_WRITTEN, _text(given), options)


def sides(
    reference: SubjectLike, candidate: SubjectLike | None = None, custom_ops: Sequence[str] = ()
) -> tuple[Side, Side]:
    """Both sides of a comparison. Without a candidate: unoptimized against fully optimized."""
    options = RunOptions(custom_ops=tuple(custom_ops))
    first = parse_subject(reference, options)
    if candidate is not None:
        second = parse_subject(candidate, options)
        return _side(first, second), _side(second, first)
    if first.backend == "torch":
        raise UsageError(
            f"{first.text} is PyTorch: give the ONNX model that was exported from it as CAND"
        )
    second = replace(first, backend=_RUNTIME, options=options)
    if (first.backend, first.options) == (second.backend, second.options):
        first = replace(first, options=replace(options, level="none"))
    return tuple(  # type: ignore[return-value]  # two of them
        _side(replace(one, text=_described(one)), one) for one in (first, second)
    )


def _side(subject: Subject, other: Subject) -> Side:
    """Recorded values are those of the other side's model."""
    if subject.recorded is not None:
        if other.model is None:
            raise UsageError(
                f"{subject.text} and {other.text} are both recorded values: one of the two has to "
                "be a model"
            )
        backend = _stand_in(subject, subject.recorded, other.model)
        return Side(subject.text, other.model, backend, RunOptions(level="none"))
    assert subject.model is not None
    return Side(subject.text, subject.model, find_backend(subject.backend), subject.options)


def _stand_in(subject: Subject, recorded: Recorded, model: Model) -> RecordedBackend:
    if isinstance(recorded, TorchValues):
        return NetworkBackend(subject.text, recorded, recorded.network, model)
    return RecordedBackend(subject.text, recorded)


def _described(subject: Subject) -> str:
    """The subject with its backend written out."""
    base = subject.text
    if "@" in base and not Path(base).exists():
        base = base.rpartition("@")[0]
    if subject.backend == _RUNTIME:
        return f"{base}@ort:{subject.options.level}"
    return f"{base}@{subject.backend}"


def _from_text(text: str, options: RunOptions) -> Subject:
    if text.startswith("cmd:"):
        return Subject(text, None, "command", options, find_recorder("command").record(text[4:]))
    path, backend = _split(text)
    if backend in _TORCH or (not backend and path.endswith(".pt2")) or ".py:" in path:
        return Subject(text, None, "torch", options, find_recorder("torch").record(path))
    if not Path(path).exists():
        raise _missing(path)
    if not backend and (Path(path).is_dir() or Path(path).suffix in (".npz", ".npy")):
        return Subject(text, None, "dump", options, find_recorder("dump").record(path))
    if backend:
        find_backend(backend.partition(":")[0])
    return _placed(load(path), backend or _AS_WRITTEN, text, options)


def _split(text: str) -> tuple[str, str]:
    """Path and backend. An "@" belongs to the path when there is such a file."""
    if Path(text).exists():
        return text, ""
    path, at, backend = text.rpartition("@")
    if not at or "/" in backend or backend.partition(":")[0].endswith((".onnx", ".npz")):
        return text, ""
    return path, backend


def _placed(model: Model, backend: str, text: str, options: RunOptions) -> Subject:
    """The model on `name:word,word`."""
    name, _, words = backend.partition(":")
    found = find_backend(name)
    chosen = [word.strip() for word in words.split(",") if word.strip()]
    return Subject(text, model, found.name, found.configure(chosen, options))


def _model(given: Any) -> Model:
    if isinstance(given, str | PathLike) and not Path(given).is_file():
        raise _missing(str(given))
    return as_model(given)


def _text(given: Any) -> str:
    if isinstance(given, str | PathLike):
        return str(given)
    path = getattr(given, "path", "")
    graph = getattr(given, "graph", None)
    return str(path or getattr(graph, "name", "") or "model")


def _missing(path: str) -> UsageError:
    folder, name = Path(path).parent, Path(path).name
    there = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(name, there, n=3)
    hint = f"; did you mean {', '.join(str(folder / one) for one in close)}?" if close else ""
    if not folder.is_dir():
        hint = f"; {folder} is no folder"
    elif "@" in name:
        hint += f" (backends: {', '.join(BACKENDS)})"
    return UsageError(f"{path}: there is no such file{hint}")
