"""Operators whose reference implementation is slow, wrong or insists on float32, done exactly."""

from __future__ import annotations

from typing import Any

from pyonnxtool.registry import Registry

EXACT: Registry[str, Any] = Registry("float64 operator", "pyonnxtool.backends._fp64_ops")
"""Operator type of the standard domain to its `onnx.reference.op_run.OpRun` subclass."""
