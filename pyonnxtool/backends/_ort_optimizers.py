"""Which optimizers of onnxruntime change a model, and what it looks like afterwards."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.backends import Optimized
from pyonnxtool.errors import BackendError

if TYPE_CHECKING:
    from pyonnxtool._core import Model

_LOGGED = re.compile(r"GraphTransformer (\S+) modified: ([01])")
_SCRIPT = Path(__file__).with_name("_ort_trace.py")

RULES: Mapping[str, tuple[str, ...]] = {
    "Level1_RuleBasedTransformer": (
        "EliminateIdentity",
        "EliminateSlice",
        "UnsqueezeElimination",
        "EliminateDropout",
        "ExpandElimination",
        "CastElimination",
        "CastChainElimination",
        "PreShapeNodeElimination",
        "NoopElimination",
        "DivMulFusion",
        "FuseReluClip",
        "GemmSumFusion",
        "GemmTransposeFusion",
        "NotWhereFusion",
        "ConvAddFusion",
        "ConvMulFusion",
        "ConvBNFusion",
        "Pad_Fusion",
        "MatMul_BatchNormalization_Fusion",
        "LabelEncoderFusion",
    ),
    "Level2_RuleBasedTransformer": (
        "ClipQuantRewrite",
        "ReluQuantRewrite",
        "GemmTransposeFusion",
    ),
}
"""Rewrite rules by the transformer that applies them. The log names transformers only.

From GenerateRewriteRules in onnxruntime/core/optimizer/graph_transformer_utils.cc and the names
that the rules' constructors give themselves; the same from 1.20 to 1.31 (tried with 1.31.1). A
session ignores a name that it does not know.
"""


def optimize(
    model: Model,
    *,
    level: str,
    providers: Sequence[str],
    disabled: Sequence[str],
    custom_ops: Sequence[str],
    entries: Mapping[str, str],
) -> Optimized:
    """Make a session in a process of its own and read its log. `level` is onnxruntime's name.

    Raises BackendError when onnxruntime refuses the model, or the process dies.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        wanted = {
            "path": str(path),
            "level": level,
            "providers": list(providers),
            "disabled": list(disabled),
            "custom_ops": list(custom_ops),
            "entries": dict(entries),
        }
        linked = model.to_bytes(weights="link", folder=model.folder)
        done = subprocess.run(
            [sys.executable, str(_SCRIPT)],
            input=json.dumps(wanted).encode() + b"\n" + linked,
            capture_output=True,
            check=False,
        )
        log = done.stderr.decode(errors="replace")
        if done.returncode != 0:
            raise BackendError(f"onnxruntime's optimizers cannot be traced: {_last_words(log)}")
        changed = [name for name, modified in _LOGGED.findall(log) if modified == "1"]
        known = [name for name, _ in _LOGGED.findall(log)]
        return Optimized(
            _core.from_bytes(path.read_bytes()),
            tuple(dict.fromkeys(changed)),
            tuple(dict.fromkeys(known)),
        )


def _last_words(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1][:400] if lines else "the process ended without a word"
