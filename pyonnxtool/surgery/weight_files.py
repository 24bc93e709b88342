"""Arrays that take the place of weights, from .npz and .npy files; large ones are mapped."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from pyonnxtool.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[Any]

Replacements: TypeAlias = Union[
    str, "PathLike[str]", "Mapping[str, ArrayLike | str | PathLike[str]]", Sequence[str]
]
"""A file of named arrays (.npz), name to array or .npy file, or texts: "w.npz", "name=w.npy"."""

_LOCAL_HEADER = struct.Struct("<26xHH")
"""Of a member of a zip file: lengths of its name and of what follows it, at the end."""


def arrays_given(given: Replacements) -> dict[str, Array]:
    """Name to array. Raises UsageError for a file that is none of these, or cannot be read."""
    if isinstance(given, Mapping):
        return {name: _one(name, array) for name, array in given.items()}
    texts = [fspath(given)] if isinstance(given, str | PathLike) else list(given)
    found: dict[str, Array] = {}
    for text in texts:
        for name, array in _named(text).items():
            if name in found:
                raise UsageError(f"{name!r} is given twice; give one array for each weight")
            found[name] = array
    return found


def _one(name: str, given: Any) -> Array:
    if isinstance(given, str | PathLike):
        return _npy(Path(given))
    array = np.asarray(given)
    if array.dtype.kind not in "biufcSUO" and array.dtype.isbuiltin == 0:
        raise UsageError(f"{name}: an array of {array.dtype} is no weight")
    return array


def _named(text: str) -> dict[str, Array]:
    if Path(text).suffix == ".npz" and Path(text).exists():
        return _npz(Path(text))
    name, sign, path = text.rpartition("=")
    if sign and Path(path).suffix == ".npy":
        return {name: _npy(Path(path))}
    if Path(text).suffix == ".npz":
        raise UsageError(f"{text}: there is no such file")
    if Path(text).suffix == ".npy":
        raise UsageError(
            f"{text} holds an array without a name; write that of the weight before it, such as "
            f"weight={text}"
        )
    raise UsageError(
        f"{text!r} holds no weights: give an .npz, whose names are those of weights, or "
        "NAME=FILE.npy"
    )


def _npy(path: Path) -> Array:
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(array, np.ndarray):
        raise UsageError(f"{path} holds several arrays; name it .npz")
    return array


def _npz(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                member.filename.removesuffix(".npy"): _member(path, archive, member)
                for member in archive.infolist()
            }
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error) from error


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """A view of the file where the array lies in it as it is, else what is read."""
    with archive.open(member) as file:
        shape, fortran, dtype = _header(file)
        if member.compress_type != zipfile.ZIP_STORED or fortran or dtype.hasobject:
            file.seek(0)
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
            return array
        start = file.tell()
    with path.open("rb") as file:
        file.seek(member.header_offset)
        name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    offset = member.header_offset + _LOCAL_HEADER.size + name + extra + start
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", offset, shape)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read:
        raise ValueError(f"an array of format {version}")
    shape, fortran, dtype = read[version](file)
    return shape, fortran, dtype


def _unreadable(path: Path, error: Exception) -> UsageError:
    return UsageError(f"{path} cannot be read as numpy writes arrays: {error}")
