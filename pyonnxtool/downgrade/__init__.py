"""A model taken down to an older opset."""

from __future__ import annotations

from pyonnxtool.downgrade.adapters import ADAPTERS

__all__ = ["ADAPTERS"]
