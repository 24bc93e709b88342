"""fixtures/golden/downgrade/*.txt: a model, the opset to go to, and what comes out, or why not.

    to: 17
    ulp: 2            (optional: how far floats may be off; 0 unless given)
    of: largest       (optional: ULP of the largest number, not of each)
    -----
    <ir_version: 8, opset_import: ["" : 18]>
    g (float[2,3] x) => (float[2,1] y) <int64[1] a = {1}> { y = ReduceMean (x, a) }
    -----
    the model that comes out, as the onnx package prints it, or the text of the refusal

WRITE_GOLDEN=1 writes the last part anew. Models that come out are run beside the given ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import onnx
import pytest

from pyonnxtool.errors import Refused
from support.downgraded import check, lowered

FOLDER = Path(__file__).parents[2] / "fixtures/golden/downgrade"
GOLDENS = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_step_down(path: Path) -> None:
    head, before, after = path.read_text().split("-----\n")
    settings = dict(line.split(": ", 1) for line in head.strip().splitlines())
    to = int(settings["to"])
    try:
        text = onnx.printer.to_text(lowered(before, to)) + "\n"
    except Refused as error:
        text = f"{error}\n"
    else:
        check(before, to, ulp=int(settings.get("ulp", 0)), of=settings.get("of", "each"))
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(f"{head}-----\n{before}-----\n{text}")
    else:
        assert text == after
