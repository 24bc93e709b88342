"""The C++ core. tests/unit/test_stub.py compares this file with the module."""

from typing import Any

from numpy.typing import NDArray
from typing_extensions import Buffer

class OpInfo:
    """What is known of one operator."""

    @property
    def domain(self) -> str: ...
    @property
    def op_type(self) -> str: ...
    @property
    def alias(self) -> bool: ...
    @property
    def random(self) -> bool: ...
    @property
    def commutative(self) -> bool: ...
    @property
    def non_tensor(self) -> bool: ...
    @property
    def accumulation(self) -> str: ...

def op_table() -> list[OpInfo]: ...

class DiffStats:
    """What two tensors have in common and what not. d = ref - got where both are finite.

    Places with a NaN or an infinity on either side are counted and enter no sum, maximum or
    histogram. An index is flat, and None when nothing differs.
    """

    histogram_edges: tuple[float, ...]
    """Lower edges of the decades of |d|: 1e-16, 1e-15 ... 1e8."""

    @property
    def dtype(self) -> str:
        """The ONNX name; "string" for arrays of str or bytes, which have counts only."""
    @property
    def count(self) -> int: ...
    @property
    def compared(self) -> int:
        """Places where both sides are finite."""
    @property
    def unequal(self) -> int:
        """Equal are: equal numbers, -0 and +0, NaN and NaN, infinities of one sign."""
    @property
    def zero_ref_unequal(self) -> int:
        """Places where ref is zero and got is not: they have no relative difference."""
    @property
    def max_abs(self) -> float:
        """Max |d|, rounded once (to float for elements that float holds); int for integers."""
    @property
    def max_abs_index(self) -> int | None: ...
    @property
    def max_rel(self) -> float:
        """Max |d| / |ref| over places where ref is not zero."""
    @property
    def max_rel_index(self) -> int | None: ...
    @property
    def sum_abs(self) -> float: ...
    @property
    def sum_sq(self) -> float: ...
    @property
    def ref_sq(self) -> float: ...
    @property
    def got_sq(self) -> float: ...
    @property
    def dot(self) -> float: ...
    @property
    def max_ulp(self) -> int:
        """Steps of the tensor's own dtype, both zeros being one; for integers max |d|."""
    @property
    def nan_ref(self) -> int: ...
    @property
    def nan_got(self) -> int: ...
    @property
    def nan_both(self) -> int: ...
    @property
    def nan_mismatch(self) -> int: ...
    @property
    def pos_inf_ref(self) -> int: ...
    @property
    def neg_inf_ref(self) -> int: ...
    @property
    def pos_inf_got(self) -> int: ...
    @property
    def neg_inf_got(self) -> int: ...
    @property
    def inf_mismatch(self) -> int:
        """No NaN, at least one infinity, and not the same infinity on both sides."""
    @property
    def first_nonfinite_mismatch(self) -> int | None: ...
    @property
    def ref_min(self) -> float | None:
        """Over the finite values of that side; None when there is none."""
    @property
    def ref_max(self) -> float | None: ...
    @property
    def ref_abs_max(self) -> float:
        """0.0 when no value of ref is finite."""
    @property
    def got_min(self) -> float | None: ...
    @property
    def got_max(self) -> float | None: ...
    @property
    def histogram(self) -> tuple[int, ...]:
        """Compared places by |d|: zero, below the first edge, then a bin from each edge on."""

def diff_stats(
    ref: NDArray[Any] | Buffer,
    got: NDArray[Any] | Buffer,
    dtype: str | None = None,
    *,
    count: int | None = None,
) -> DiffStats:
    """Compare two C-contiguous arrays of one dtype and size; shapes are the caller's matter.

    `dtype` says what the bytes are when the arrays do not: float8 in uint8, or elements of 4 and
    2 bits packed as ONNX packs them, `count` of them (default: as many as there is room for).
    TypeError or ValueError says what does not fit.
    """

def hash_bytes(data: NDArray[Any] | Buffer) -> int:
    """XXH64 of the bytes: 64 bits, the same on every machine."""
