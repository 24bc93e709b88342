"""References: custom operators as loops over their definitions, to check what was lowered.

A file of this package registers what it computes, by domain and name:

    @REFERENCES.add("torchvision::roi_pool")
    def roi_pool(input, rois, spatial_scale, pooled_height, pooled_width): ...

It is given the arguments by the names that the symbolic of the operator has for them, operands as
arrays, None for an omitted one; it returns the array of the output, or a sequence of arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import NDArray

from pyonnxtool.registry import Registry

Reference: TypeAlias = Callable[..., Any]
Array: TypeAlias = NDArray[Any]

REFERENCES: Registry[str, Reference] = Registry("reference", "pyonnxtool.references")
"""The references that a run knows."""
