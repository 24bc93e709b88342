"""Models as people have them: paths, `Model`s, `onnx.ModelProto`s."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from pyonnxtool import _core
from pyonnxtool._core import Model
from pyonnxtool.errors import ModelError, UsageError

if TYPE_CHECKING:
    from onnx import ModelProto

ModelLike: TypeAlias = Union[str, "PathLike[str]", Model, "ModelProto"]
"""Whatever stands for a model."""

_MOST = 2**31 - 1  # bytes that one protobuf message may have


def load(path: str | PathLike[str]) -> Model:
    """Open a model file: `.onnx`, or text in `.onnxtxt`.

    The file is mapped and no weight is read. Raises ModelError, with file, byte and field, for a
    file that is no model, and for external data that leaves the model's folder.
    """
    text = fspath(path)
    if text.endswith(".onnxtxt"):
        return _from_text(Path(text))
    return _core.load(text)


def from_proto(proto: ModelProto, folder: str | PathLike[str] = "") -> Model:
    """The model of an `onnx.ModelProto`. External data is looked up in `folder`."""
    if proto.ByteSize() > _MOST:
        raise ModelError(
            "the ModelProto takes more than 2 GB, which protobuf cannot write; "
            "save it with external data (onnx.save_model) and load that file"
        )
    return _core.from_bytes(proto.SerializeToString(), fspath(folder))


def to_proto(model: Model, *, weights: str = "keep") -> ModelProto:
    """The model as an `onnx.ModelProto`.

    `weights`: "keep" leaves external data external, "inside" reads it in (2 GB at most).
    """
    from onnx import ModelProto  # noqa: PLC0415 - loaded when it is needed

    proto = ModelProto()
    proto.ParseFromString(model.to_bytes(weights=weights))
    return proto


def as_model(given: ModelLike) -> Model:
    """A path, a Model (returned as it is) or an `onnx.ModelProto`, as a Model."""
    if isinstance(given, Model):
        return given
    if isinstance(given, str | PathLike):
        return load(given)
    if hasattr(given, "SerializeToString"):
        return from_proto(given)
    raise UsageError(
        f"a {type(given).__name__} is no model: give a path, a Model or an onnx.ModelProto"
    )


def _from_text(path: Path) -> Model:
    from onnx import parser  # noqa: PLC0415 - loaded when it is needed

    try:
        proto = parser.parse_model(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot open the file: {error.strerror}") from error
    except (parser.ParseError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not ONNX text: {error}") from error
    return from_proto(proto, path.parent)
