"""What every rewrite gives back: the new model, and a report of what was done to the old one."""

from __future__ import annotations

from pyonnxtool.rewriting.refusal import Refusal, refused
from pyonnxtool.rewriting.report import (
    Change,
    InnerOrder,
    Left,
    Measure,
    Rewrite,
    RewriteReport,
    StandsFor,
    Verification,
)

__all__ = [
    "Change",
    "InnerOrder",
    "Left",
    "Measure",
    "Refusal",
    "Rewrite",
    "RewriteReport",
    "StandsFor",
    "Verification",
    "refused",
]
