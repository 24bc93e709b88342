"""The Markdown text that is pasted into a bug report of the runtime."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool.divergence.probe import Side
    from pyonnxtool.report import ReduceReport, ValueRow

_RUNTIMES = {"openvino": "openvino", "torch": "torch"}
_SETTING = {
    "none": "without graph optimizations",
    "basic": "at optimization level basic",
    "extended": "at optimization level extended",
    "all": "at optimization level all",
}
_MOST_OPERATORS = 4


def issue_text(
    report: ReduceReport, reference: Side, candidate: Side, expected: Sequence[str]
) -> str:
    """The whole text: what happens, how to see it, the graph, the numbers, the versions."""
    parts = [f"# {_title(report, reference, candidate)}", "## What happens", _happens(report)]
    if report.kept == "check":
        parts.append("A command decides whether it is there; repro.py runs it.")
    elif reference is not candidate:
        parts.append(f"- reference: {_ran(reference)}\n- candidate: {_ran(candidate)}")
    parts += ["## To reproduce", _steps(report)]
    inputs = ", ".join(f"`{_code(one)}`" for one in report.inputs) or "none"
    parts += ["## Model", f"Inputs: {inputs}", fenced(report.graph)]
    if report.reference_graph:
        parts += ["The reference is another model (`reference.onnx`):"]
        parts += [fenced(report.reference_graph)]
    if report.outputs:
        parts += ["## Numbers", _table(report.outputs)]
    elif expected:
        parts.append(f"Expected outputs: {', '.join(f'`{_code(one)}`' for one in expected)}")
    names = {side.backend.name for side in (reference, candidate)}
    parts += ["## Versions", "\n".join(f"- {line}" for line in environment(names))]
    return "\n\n".join(parts) + "\n"


def environment(backends: set[str]) -> list[str]:
    """Versions of what takes part, of Python, the system and the processor."""
    packages = ["onnxruntime", "onnx", "numpy"]
    packages += [_RUNTIMES[name] for name in sorted(backends) if name in _RUNTIMES]
    lines = [f"{name} {_version(name)}" for name in packages]
    lines.append(f"Python {platform.python_version()}")
    lines.append(f"{platform.platform()}")
    lines.append(f"CPU: {_processor()}")
    lines.append(f"reduced by pyonnxtool {_version('pyonnxtool')}")
    return lines


def fenced(text: str) -> str:
    """A code block that no backticks in the text can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip()}\n{fence}"


def _title(report: ReduceReport, reference: Side, candidate: Side) -> str:
    kinds = list(dict.fromkeys(node.op_type for node in report.nodes))
    what = ", ".join(kinds[:_MOST_OPERATORS]) + (" ..." if len(kinds) > _MOST_OPERATORS else "")
    name = candidate.backend.name
    told = {
        "crashes": f"{name} fails on {what}",
        "nan": f"{what}: NaN or infinities from finite inputs ({name})",
        "check": f"{what}: wrong result",
        "diverges": f"{what}: {name} differs from {reference.backend.name}",
    }[report.kept]
    if report.kept == "diverges" and name == reference.backend.name:
        level = _SETTING.get(candidate.options.level, "")
        told = f"{what}: wrong result {level}" if not report.reference_graph else f"{what} differs"
    return _line(told)


def _happens(report: ReduceReport) -> str:
    count = len(report.nodes)
    size = f"{count} node{'s' if count != 1 else ''}"
    return (
        f"{_line(report.shown)}.\n\nThe model was reduced from {report.nodes_before} nodes to "
        f"{size}; without any one of them this is gone."
    )


def _steps(report: ReduceReport) -> str:
    if "repro.py" not in report.files:
        return f"Model and inputs are in {_listed(report.files)}."
    files = [file for file in report.files if file not in ("repro.py", "ISSUE.md")]
    return f"Unpack the attached files ({_listed(files)}) and run\n\n{fenced('python repro.py')}"


def _table(rows: Sequence[ValueRow]) -> str:
    lines = [
        "| output | dtype | shape | max abs difference | max rel | accepted | note |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = [row.accumulated.get("max_abs"), row.accumulated.get("max_rel"), row.tolerance]
        told = ["" if number is None else f"{number:.3g}" for number in numbers]
        shape = "x".join(map(str, row.shape)) or "scalar"
        cells = [f"`{_code(row.value)}`", row.dtype, shape, *told, _line(row.note)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ran(side: Side) -> str:
    if side.recorded is not None:
        return f"recorded values, {_line(Path(side.text).name)}"
    options, name = side.options, side.backend.name
    if name == "onnxruntime":
        return f"onnxruntime {_SETTING[options.level]}, {options.provider}"
    settings = ", ".join(f"{key}={value}" for key, value in options.properties)
    return name + (f" ({settings})" if settings else "")


def _listed(files: Sequence[str]) -> str:
    return ", ".join(f"`{file}`" for file in files)


def _line(text: str) -> str:
    """Text of one line that Markdown shows as it is, in a table as well."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", plain)


def _code(text: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain.replace("`", "'").replace("|", "\\|")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
