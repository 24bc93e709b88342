"""Where in the network's source a node comes from, as its exporter wrote it down."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyonnxtool._core import Node

_PREFIX = "pkg.torch.onnx."
_FRAME = re.compile(
    r'File "(?P<file>[^"]+)", line (?P<line>\d+)[^\n]*(?:\n[ \t]+(?P<code>[^\n]+))?'
)
_OF_TORCH = re.compile(r"[/\\]torch[/\\](nn|_|functional|overrides|onnx|export|fx|utils)")
_FX_NODE = re.compile(r"%(?P<name>\w+) : .*?call_function\[target=(?P<target>[\w.]+)\]")


@dataclass(frozen=True)
class FxNode:
    """The node of the exported program that an ONNX node was made from."""

    name: str
    op: str
    """Without namespace and overload: "linear"."""
    module: str


def fx_node(metadata: Mapping[str, str]) -> FxNode | None:
    """None where the exporter left no trace of it."""
    found = _FX_NODE.match(metadata.get(_PREFIX + "fx_node", ""))
    if found is None:
        return None
    parts = found["target"].split(".")
    op = parts[-2] if len(parts) > 2 else parts[-1]
    scopes = _listed(metadata.get(_PREFIX + "name_scopes", ""))
    return FxNode(found["name"], op.strip("_"), scopes[-2] if len(scopes) > 1 else "")


def module_of(node: Node) -> str:
    """Path of the module around a node: "encoder.layer.3.attention"; empty if it is unknown."""
    scopes = _listed(node.metadata.get(_PREFIX + "name_scopes", ""))
    if len(scopes) > 1:
        return scopes[-2]
    return module_path(node.name) or next(map(module_path, node.output_names), "")


def module_path(name: str) -> str:
    """The scope in a name of the TorchScript exporter, as a path of modules.

    "/layer1/layer1.0/conv1/Conv" is in "layer1.0.conv1": a child of a sequence repeats its name.
    """
    if not name.startswith("/"):
        return ""
    path: list[str] = []
    for scope in name.split("/")[1:-1]:
        repeated = path[-1].rpartition(".")[2] + "." if path else "."
        path.append(scope.removeprefix(repeated))
    return ".".join(path)


def source_of(trace: str) -> str:
    """'model.py:31: x = self.fc(x)', of the innermost frame that is not torch's own."""
    frames = list(_FRAME.finditer(trace))
    own = [frame for frame in frames if not _OF_TORCH.search(frame["file"])] or frames
    if not own:
        return ""
    frame = own[-1]
    code = f": {frame['code'].strip()}" if frame["code"] else ""
    return f"{_short(frame['file'])}:{frame['line']}{code}"


def source_of_node(node: Node) -> str:
    """The same from the metadata of an ONNX node."""
    return source_of(node.metadata.get(_PREFIX + "stack_trace", ""))


def _short(path: str) -> str:
    """Relative when it is below the folder that the user is in."""
    with_root = Path(path)
    if with_root.is_absolute() and with_root.is_relative_to(Path.cwd()):
        return os.path.relpath(path)
    return path


def _listed(text: str) -> Sequence[str]:
    try:
        found = ast.literal_eval(text) if text else []
    except (ValueError, SyntaxError):
        return []
    return [str(item) for item in found] if isinstance(found, list) else []
