"""What reports tell beyond pairs of values: NaN and Inf, quantization, ranges. Frozen data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A value in which NaN or Inf starts: what its node reads holds none."""

    side: str
    """"reference" or "candidate"."""
    node: str
    """Empty for a weight or an input that holds it."""
    op_type: str
    value: str
    kind: str
    """"NaN", "+Inf", "-Inf" or "Inf" (both signs)."""
    count: int
    """How many elements of `size`."""
    size: int
    index: tuple[int, ...]
    """Of the first of them."""
    cause: str = ""
    """"0 / 0", "Sqrt of -3.1e-08", "Exp of 104.2 overflows float32" ..."""
    comes_from: tuple[str, ...] = ()
    """A NaN that starts from infinities: the values in which these start."""
    reaches: tuple[str, ...] = ()
    """Final outputs that hold NaN or Inf because of it."""


@dataclass(frozen=True)
class QuantizedRow:
    """Noise of one value, layer or weight of a quantized candidate, in decibels of SQNR."""

    kind: str
    """"layer" (a sum of products), "activation" or "weight"."""
    node: str
    """Of the candidate: it makes the value, or reads the weight."""
    op_type: str
    """Of that node."""
    value: str
    """The candidate's name of it."""
    reference_value: str
    """The reference's name of it."""
    dtype: str
    """Of the integers; empty where the value itself is not quantized."""
    scale: float | None
    """The largest, where there are several."""
    zero_point: int | None
    """The first, where there are several."""
    sqnr_db: float | None
    """Of the candidate's own run; None for weights."""
    introduced_db: float
    """Of what this layer adds by itself; for weights, of the dequantized weight."""
    explained_db: float | None
    """What rounding to the steps makes."""
    at_low: float = 0.0
    """Share of the integers that are the smallest there is."""
    at_high: float = 0.0
    """Share of the integers that are the largest there is."""
    beyond: float = 0.0
    """Share of the reference's numbers that lie outside of what the integers can stand for."""
    status: str = "noise"
    """"noise", or "fault" when it is more than the steps explain."""


@dataclass(frozen=True)
class RangeRow:
    """How one float32 value, input or weight of the reference would fit a narrower float."""

    value: str
    """Its name."""
    kind: str
    """"value", "input" or "weight"."""
    node: str
    """What makes it, or the first that reads it."""
    op_type: str
    """Of that node."""
    count: int
    """Elements, over all samples."""
    max_abs: float
    """The largest finite magnitude."""
    min_abs: float | None
    """The smallest magnitude that is not zero; None where all are zero."""
    headroom_bits: float | None
    """log2 of the format's largest number over `max_abs`; negative where it overflows."""
    overflow: int
    """Elements that are larger than the format's largest number."""
    vanish: int
    """Elements, not zero, below the format's smallest number."""
    subnormal: int
    """Elements that keep fewer bits, because they are below its smallest normal number."""


@dataclass(frozen=True)
class Ranges:
    """What overflows or vanishes in a narrower float, and what has to stay in float32 for it."""

    format: str
    """"float16", "bfloat16", "float8e4m3fn" or "float8e5m2"."""
    rows: tuple[RangeRow, ...] = ()
    """The worst first."""
    keep: tuple[str, ...] = ()
    """Nodes to keep in float32: with all others rounded, the outputs are finite and near."""
    error: float | None = None
    """Largest relative difference of a final output with these nodes kept."""
    error_plain: float | None = None
    """The same with nothing kept; infinite for NaN and Inf."""
    verified: bool = False
    """The model was run so; and with any one of them rounded as well, it fails."""
    note: str = ""
    """The same in words, or why it was not tried."""
