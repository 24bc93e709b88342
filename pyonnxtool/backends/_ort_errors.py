"""onnxruntime's exception texts, made readable: the node first, no C++ files, and what to do."""

from __future__ import annotations

import re

_NOISE = (
    r"\[ONNXRuntimeError\] : \d+ : \w+ : ",
    r"Load model from .*? failed:",
    r"/\S+\.(?:cc|h|hpp|cpp):\d+ [^\n]*?\) ",
    r"Exception during initialization: ",
    r"This is an invalid model\. ",
    r"\s*Please fix either the inputs/outputs or the model\.",
)
_NODE_PATTERNS = (
    re.compile(r"while running (?P<op>\S+) node\. Name:'(?P<name>[^']*)'(?: Status Message: )?"),
    re.compile(r"In Node, \(\"(?P<name>[^\"]*)\", (?P<op>[^,]+), \"[^\"]*\", -?\d+\)"),
    re.compile(r"implementation for (?P<op>\S+?)\(-?\d+\) node with name '(?P<name>[^']*)'"),
    re.compile(r"Node \((?P<name>[^)]+)\) Op \((?P<op>\w+)\)"),
    re.compile(r"Op \((?P<op>\w+)\) \[\w+\]"),
)
_ADVICE = (
    (
        r"is not a registered function/op|No Op registered|No opset import",
        "a custom operator needs its library: --custom-ops FILE",
    ),
    (
        r"is under development|Unsupported model IR version|ONNX Runtime only \*guarantees",
        "the model is newer than this onnxruntime: install a newer one, or lower the opset",
    ),
    (
        r"Could not find an implementation",
        "this provider has no kernel for the node's types: try another provider or @reference",
    ),
    (r"bad_alloc|Failed to allocate|out of memory", "not enough memory: try a lower --memory"),
)
_LONGEST = 600


def explain(error: BaseException) -> str:
    """One or two lines: "node 'conv1' (Conv): what happened; what to do"."""
    raw = str(error)
    text = raw
    for noise in _NOISE:
        text = re.sub(noise, "", text)
    text = " ".join(text.replace("Non-zero status code returned", "").split())
    node = ""
    for pattern in _NODE_PATTERNS:
        match = pattern.search(text)
        if match:
            node = _node_name(match.groupdict())
            if "while running" in match.group():
                text = text.replace(match.group(), "")
            break
    text = text.strip(" :,;.") or type(error).__name__
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "..."
    advice = next((hint for pattern, hint in _ADVICE if re.search(pattern, raw)), "")
    return node + text + (f"; {advice}" if advice else "")


def _node_name(found: dict[str, str | None]) -> str:
    op = found.get("op") or "?"
    name = found.get("name") or ""
    return f"node {name!r} ({op}): " if name else f"a node of type {op}: "
