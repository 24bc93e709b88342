"""Inputs from files: npz, npy, ONNX backend-test folders, and scripts that make them."""

from __future__ import annotations

import inspect
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyonnxtool.errors import UsageError
from pyonnxtool.feeds.check import check_feeds, fit_stored, required_inputs
from pyonnxtool.user_file import module_of, told_of

if TYPE_CHECKING:
    from pyonnxtool._core import Model, Value

Array = NDArray[Any]
_FORMS = (
    "an .npz, an .npy, a folder of inputs_0.npz ..., of one .npy per input or of"
    " test_data_set_0 ..., or script.py:function"
)


def load_feeds(spec: str | Path, model: Model, samples: int | None = None) -> list[dict[str, Any]]:
    """All samples that `spec` holds (the first `samples`, if given), checked against the model."""
    text = str(spec)
    script, colon, function = text.rpartition(":")
    if colon and script.endswith(".py"):
        found = _from_script(Path(script), function, model)
    else:
        found = _from_path(Path(text), model)
    if not found:
        raise UsageError(f"--inputs {text}: no inputs in there; {_FORMS} is expected")
    chosen = found[:samples]
    values = {value.name: value for value in model.graph.inputs}
    fitted = []
    for index, feeds in enumerate(chosen):
        arrays = {name: _fitted(given, values.get(name)) for name, given in feeds.items()}
        check_feeds(model, arrays, f"--inputs {text}, sample {index}" if index else text)
        fitted.append(arrays)
    return fitted


def read_npz(path: Path) -> dict[str, Array]:
    """Every array of the file. Pickled objects are refused: they could run code."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise UsageError(f"{path}: holds one array, not an npz archive of named arrays")
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """An archive that `read_npz` reads. np.savez takes no array called "file"; an input may be."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                text = array.dtype.kind == "O"
                np.lib.format.write_array(
                    member, array.astype(np.str_) if text else array, allow_pickle=False
                )


def read_npy(path: Path) -> Array:
    """The array of one .npy file."""
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise _unreadable(path, error) from error
    return array


def read_tensor(path: Path, kind: str = "tensor") -> Any:
    """A backend-test .pb file: a tensor, a list for kind "sequence", maybe None for "optional".

    With kind "named": the tensor's own name, which may be empty, and the tensor.
    """
    import onnx  # noqa: PLC0415 - only these files need it
    from onnx import numpy_helper  # noqa: PLC0415

    readers: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        "sequence": (onnx.SequenceProto, numpy_helper.to_list),
        "optional": (onnx.OptionalProto, numpy_helper.to_optional),
        "map": (onnx.MapProto, numpy_helper.to_dict),
        "named": (onnx.TensorProto, lambda proto: (proto.name, numpy_helper.to_array(proto))),
    }
    message, convert = readers.get(kind, (onnx.TensorProto, numpy_helper.to_array))
    try:
        return convert(message.FromString(path.read_bytes()))
    except Exception as error:  # protobuf's own errors differ by version
        raise _unreadable(path, error) from error


def numbered(paths: Iterable[Path]) -> list[Path]:
    """Sorted so that 10 comes after 9."""
    return sorted(paths, key=lambda path: [_key(part) for part in re.split(r"(\d+)", path.name)])


def _key(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() else (-1, part)


def _from_path(path: Path, model: Model) -> list[dict[str, Any]]:
    if path.is_dir():
        return _from_folder(path, model)
    if not path.is_file():
        raise UsageError(f"--inputs {path}: there is no such file or folder; give {_FORMS}")
    if path.suffix == ".npz":
        return [dict(read_npz(path))]
    if path.suffix in (".npy", ".pb"):
        inputs = required_inputs(model)
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs)
            raise UsageError(f"--inputs {path}: one array, but the model takes {names}; use .npz")
        is_npy = path.suffix == ".npy"
        return [{inputs[0].name: read_npy(path) if is_npy else read_tensor(path, inputs[0].kind)}]
    raise UsageError(f"--inputs {path}: unknown kind of file; give {_FORMS}")


def _from_folder(folder: Path, model: Model) -> list[dict[str, Any]]:
    """Backend-test data sets first, then one .npz per sample, then one .npy per input."""
    sets = numbered(path for path in folder.glob("test_data_set_*") if path.is_dir())
    sets = sets or ([folder] if any(folder.glob("input_*.pb")) else [])
    if sets:
        return [_from_data_set(path, model) for path in sets]
    archives = numbered(folder.glob("inputs*.npz"))
    archives = archives or [
        path for path in numbered(folder.glob("*.npz")) if not path.name.startswith("outputs")
    ]
    if archives:
        return [dict(read_npz(path)) for path in archives]
    arrays = {path.stem: read_npy(path) for path in numbered(folder.glob("*.npy"))}
    return [dict(arrays)] if arrays else []


def _from_data_set(folder: Path, model: Model) -> dict[str, Any]:
    """input_0.pb, input_1.pb, ... are the model's inputs in order."""
    files = numbered(folder.glob("input_*.pb"))
    inputs = required_inputs(model)
    if len(files) > len(inputs):
        inputs = list(model.graph.inputs)
    if len(files) != len(inputs):
        names = ", ".join(value.name for value in inputs)
        raise UsageError(f"{folder}: {len(files)} input files, but the model takes {names}")
    return {
        value.name: read_tensor(path, value.kind) for path, value in zip(files, inputs, strict=True)
    }


def _from_script(path: Path, function: str, model: Model) -> list[dict[str, Any]]:
    """What the function returns: one mapping, or an iterable of them. It may take the model."""
    try:
        module = module_of(path)
    except UsageError as error:
        raise UsageError(f"--inputs {error}") from error
    make = getattr(module, function, None)
    if not callable(make):
        raise UsageError(f"--inputs {path}:{function}: the script defines no such function")
    try:
        made = make(model) if inspect.signature(make).parameters else make()
        found = [made] if isinstance(made, Mapping) else list(made)
    except Exception as error:  # whatever the user's own code raises
        raise UsageError(f"--inputs {path}:{function} failed: {told_of(error, path)}") from error
    if not all(isinstance(feeds, Mapping) for feeds in found):
        raise UsageError(
            f"--inputs {path}:{function} must return a mapping of input names to arrays, or several"
        )
    return [dict(feeds) for feeds in found]


def _fitted(given: Any, value: Value | None) -> Any:
    return fit_stored(given, value) if isinstance(given, np.ndarray) else given


def _unreadable(path: Path, error: Exception) -> UsageError:
    if "allow_pickle" in str(error):
        return UsageError(f"{path}: holds Python objects, which are not loaded for safety")
    return UsageError(f"{path}: cannot be read: {error}")
