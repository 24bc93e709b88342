"""The program that is written beside a reduced model: it shows the difference without this tool."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyonnxtool.divergence.probe import Side

RUNNABLE = ("onnxruntime", "openvino", "reference")
"""Backends that the program can run itself; of others it has the numbers."""

_TEMPLATE = '''"""Shows what {shown!r} means; reduced by pyonnxtool {version}.

Needs numpy, onnx (to read the .pb files) and {packages}. Exits with 1 when it shows, with 0 when
it is gone.
"""

import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
KEPT = {kept!r}
# How each side is run; None: its numbers are in the .pb files.
REFERENCE = {reference}
CANDIDATE = {candidate}
# (output of the reference, output of the candidate, largest |difference| that is accepted)
OUTPUTS = {outputs}
COMMAND = {command}
TIMEOUT = {timeout!r}


def tensors(folder, start):
    """The tensors of the .pb files, by name."""
    found = {{}}
    for path in sorted((HERE / folder).glob(start + "_*.pb")):
        proto = onnx.TensorProto.FromString(path.read_bytes())
        found[proto.name] = numpy_helper.to_array(proto)
    return found


def run(side):
    """All outputs of a side by name."""
    path, feeds = str(HERE / side["model"]), tensors(side["inputs"], "input")
    if side["runtime"] == "onnxruntime":
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, side["level"])
        for key, value in side["config"].items():
            options.add_session_config_entry(key, value)
        for library in side["custom_ops"]:
            options.register_custom_ops_library(library)
        session = ort.InferenceSession(
            path, options, providers=side["providers"], disabled_optimizers=side["disabled"]
        )
        names = [value.name for value in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds)))
    if side["runtime"] == "openvino":
        import openvino as ov

        compiled = ov.Core().compile_model(path, side["device"], side["config"])
        made = compiled(feeds)
        return {{name: made[output] for output in compiled.outputs for name in output.names}}
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(path)
    return dict(zip(session.output_names, session.run(None, feeds)))


def values(side, start):
    return tensors("test_data_set_0", start) if side is None else run(side)


def differs():
    ours, theirs = values(REFERENCE, "output"), values(CANDIDATE, "candidate_output")
    bad = False
    for name, other, limit in OUTPUTS:
        a = np.asarray(ours[name if REFERENCE else other])
        b = np.asarray(theirs[other])
        if a.shape != b.shape:
            print(f"{{other}}: shape {{a.shape}} against {{b.shape}}")
            bad = True
        elif a.dtype.kind in "OUS":
            count = int((a.astype(str) != b.astype(str)).sum())
            print(f"{{other}}: {{count}} of {{a.size}} texts differ")
            bad |= count > 0
        else:
            a, b = a.astype(np.float64), b.astype(np.float64)
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            finite = np.isfinite(a) & np.isfinite(b)
            gap = float(np.max(np.abs(a - b), where=finite, initial=0.0))
            scale = float(np.max(np.abs(a), where=np.isfinite(a), initial=0.0))
            odd = int((~same & ~finite).sum())
            print(
                f"{{other}}: largest |difference| {{gap:.3g}} where the reference is up to"
                f" {{scale:.3g}} (accepted: {{limit:.3g}});"
                f" NaN or Inf on one side only at {{odd}} places"
            )
            bad |= gap > limit or odd > 0
    return bad


def gives_nan():
    bad = False
    for name, value in run(CANDIDATE).items():
        if np.asarray(value).dtype.kind == "f":
            count = int((~np.isfinite(value)).sum())
            print(f"{{name}}: {{count}} of {{value.size}} elements are NaN or Inf")
            bad |= count > 0
    return bad


def crashes():
    """The model is run in a process of its own."""
    try:
        done = subprocess.run(
            [sys.executable, __file__, "run"], capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        print(f"the runtime did not end within {{TIMEOUT:g}} s")
        return True
    print(*done.stderr.strip().splitlines()[-3:], sep="\\n")
    print(f"the runtime's process ended with exit code {{done.returncode}}")
    return done.returncode != 0


def complains():
    done = subprocess.run([word.replace("{{here}}", str(HERE)) for word in COMMAND])
    print(f"the command ended with exit code {{done.returncode}}")
    return done.returncode not in (0, 125)


if __name__ == "__main__":
    if sys.argv[1:] == ["run"]:
        run(CANDIDATE)
        sys.exit(0)
    shows = {{"diverges": differs, "nan": gives_nan, "crashes": crashes, "check": complains}}
    sys.exit(int(shows[KEPT]()))
'''

_LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


def script(
    *,
    version: str,
    kept: str,
    shown: str,
    reference: Mapping[str, Any] | None,
    candidate: Mapping[str, Any] | None,
    outputs: list[tuple[str, str, float]],
    command: list[str],
    timeout: float,
) -> str:
    """The program's text. The sides are what `settings` gives, None for numbers on disk."""
    sides = [side for side in (reference, candidate) if side is not None]
    packages = sorted({side["runtime"] for side in sides} - {"reference"}) or ["nothing else"]
    return _TEMPLATE.format(
        version=version,
        kept=kept,
        shown=shown,
        packages=" and ".join(packages),
        reference=_literal(reference),
        candidate=_literal(candidate),
        outputs=_literal(outputs),
        command=_literal(command),
        timeout=timeout,
    )


def settings(side: Side, model: str, inputs: str, *, plain: bool) -> dict[str, Any] | None:
    """How the program runs a side; None where it cannot.

    `plain`: as users run it, without the session settings by which this tool saves memory.
    """
    runtime, options = side.backend.name, side.options
    if side.recorded is not None or runtime not in RUNNABLE:
        return None
    made: dict[str, Any] = {"runtime": runtime, "model": model, "inputs": inputs}
    if runtime == "onnxruntime":
        memory = {} if plain or options.prepack else {"session.disable_prepacking": "1"}
        made |= {
            "level": _LEVELS[options.level],
            "providers": list(dict.fromkeys([options.provider, "CPUExecutionProvider"])),
            "disabled": list(options.disabled_optimizers),
            "custom_ops": list(options.custom_ops),
            "config": memory,
        }
    if runtime == "openvino":
        made |= {
            "device": options.provider.removesuffix("ExecutionProvider"),
            "config": dict(options.properties),
        }
    return made


def _literal(value: object) -> str:
    return pprint.pformat(value, width=96, sort_dicts=False)
