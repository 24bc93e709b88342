"""`python seeds.py FOLDER` writes the models that a fuzzer starts from."""

from __future__ import annotations

import sys
from pathlib import Path

from support import every_field
from support.suite import data_files, node_models

LARGEST = 32_768
"""Bytes. Mutations of a small model reach every branch, and are ten times as many a second."""


def write_seeds(folder: Path) -> int:
    """One model for each operator (its shortest case), the small ones of the data files, and some
    with every field that there is."""
    shortest: dict[str, bytes] = {}
    for name, model in node_models().items():
        family = "_".join(name.split("_")[:2])
        if len(model) < len(shortest.get(family, model + b"x")):
            shortest[family] = model
    models = [*shortest.values(), *(path.read_bytes() for path in data_files())]
    models += [every_field.model(variant, depth=3).SerializeToString() for variant in range(8)]
    small = [model for model in models if len(model) <= LARGEST]
    for number, model in enumerate(small):
        (folder / f"{number:04}.onnx").write_bytes(model)
    return len(small)


if __name__ == "__main__":
    print(write_seeds(Path(sys.argv[1])), "seeds")
