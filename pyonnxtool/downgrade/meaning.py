"""Steps that changed what an operator means and not its signature: each needs an adapter.

Found by reading the schema texts of all steps, see fixtures/opset_steps.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def _all(ops: str, opset: int, why: str) -> Iterable[tuple[tuple[str, int], str]]:
    return [((op, opset), why) for op in ops.split()]


_REDUCTIONS = (
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
    "ReduceSum ReduceSumSquare"
)

CHANGED_MEANING: Mapping[tuple[str, int], str] = dict(
    [
        *_all("Mod", 28, "`fmod` = 0 is for floats too"),
        *_all("QuantizeLinear", 23, "the scale may have another type than the input"),
        *_all("AveragePool MaxPool", 22, "windows that begin in the padding at the end are none"),
        *_all("Pad", 19, "`mode` can be wrap"),
        *_all("Resize", 19, "coordinates can be half_pixel_symmetric"),
        *_all("ScatterElements ScatterND", 18, "`reduction` can be max and min"),
        *_all("RoiAlign", 16, "below, coordinates are not moved by half a pixel"),
        *_all("DequantizeLinear QuantizeLinear", 13, "scales may be one for each channel"),
        *_all("ConvTranspose", 11, "an odd padding has its larger half at the other end"),
        *_all("Gather OneHot", 11, "indices may be negative"),
        *_all("If", 11, "branches may give other shapes"),
        *_all("Loop", 11, "it may carry no value"),
        *_all(_REDUCTIONS, 11, "axes may be negative"),
        *_all("ArgMax ArgMin Compress Concat Flatten Hardmax LogSoftmax", 11, "negative axis"),
        *_all("Scan Scatter Slice Softmax Split Squeeze TopK Unsqueeze", 11, "negative axis"),
        *_all("Max Mean Min Sum", 8, "inputs are broadcast"),
    ]
)
"""(operator, opset) to what is new in it."""
