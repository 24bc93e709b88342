"""Inputs for a model: read from files, made up, and checked against what the model takes."""

from __future__ import annotations

from pyonnxtool.feeds.check import check_feeds, describe_inputs, required_inputs
from pyonnxtool.feeds.files import load_feeds
from pyonnxtool.feeds.generate import GENERATED_ADVICE, generate_feeds

__all__ = [
    "GENERATED_ADVICE",
    "check_feeds",
    "describe_inputs",
    "generate_feeds",
    "load_feeds",
    "required_inputs",
]
