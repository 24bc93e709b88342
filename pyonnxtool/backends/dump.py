"""Values that a device or another run wrote down: an npz, or a folder of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pyonnxtool.backends import BACKENDS, Array, Recorded
from pyonnxtool.errors import BackendError, UsageError
from pyonnxtool.feeds.files import numbered, read_npy, read_npz, read_tensor


class Dump:
    """run.npz, folder/: arrays by value name, as they were dumped."""

    name = "dump"
    aliases: tuple[str, ...] = ()
    probes = False

    def record(self, spec: str) -> Recorded:
        """An .npz is one sample; a folder holds one per .npz or data set, or one of .npy files."""
        path = Path(spec)
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
        samples = _samples(path) if path.is_dir() else [path]
        if not samples:
            raise UsageError(f"{path}: no .npz, .npy or test_data_set_* in this folder")
        return DumpedValues(path, samples)


class DumpedValues:
    """The samples of one dump, each read when it is asked for."""

    def __init__(self, path: Path, samples: list[Path]) -> None:
        self._path = path
        self._samples = samples

    def values(self, feeds: Mapping[str, Array], sample: int) -> dict[str, Array]:
        """The arrays of that sample. The inputs are taken to be those of the dump."""
        if sample >= len(self._samples):
            raise BackendError(
                f"{self._path} holds {len(self._samples)} sample(s); sample {sample} was asked for:"
                " use fewer --samples"
            )
        path = self._samples[sample]
        if path.is_file():
            return read_npz(path) if path.suffix != ".npy" else {path.stem: read_npy(path)}
        return _tensors(path) or {
            file.relative_to(path).with_suffix("").as_posix(): read_npy(file)
            for file in sorted(path.rglob("*.npy"))
        }


def _samples(folder: Path) -> list[Path]:
    sets = numbered(path for path in folder.glob("test_data_set_*") if path.is_dir())
    archives = [path for path in folder.glob("*.npz") if not path.name.startswith("inputs")]
    if sets or archives:
        return sets or numbered(archives)
    return [folder] if any(folder.rglob("*.npy")) or any(folder.glob("output_*.pb")) else []


def _tensors(folder: Path) -> dict[str, Array]:
    """output_0.pb ... by the name that each carries, or else by its file's name."""
    found = {}
    for path in numbered(folder.glob("output_*.pb")):
        name, array = read_tensor(path, "named")
        found[name or path.stem] = np.asarray(array)
    return found


BACKENDS.add(Dump.name)(Dump())
