"""One model at several fixed sizes: a small graph for each, and one file of weights."""

from __future__ import annotations

from pyonnxtool.variants.index import INDEX, Variant, VariantSet, load_variants
from pyonnxtool.variants.make import SpecializedVariant, VariantsReport, specialize_variants

__all__ = [
    "INDEX",
    "SpecializedVariant",
    "Variant",
    "VariantSet",
    "VariantsReport",
    "load_variants",
    "specialize_variants",
]
