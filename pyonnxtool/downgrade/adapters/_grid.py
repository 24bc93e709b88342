"""GridSample as Gathers and weights: places as onnxruntime computes them, to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyonnxtool.downgrade.adapters._image import Image, cubic, linear, within

if TYPE_CHECKING:
    from pyonnxtool.rewriting.node_view import NodeView
    from pyonnxtool.rewriting.refusal import Refusal
    from pyonnxtool.rewriting.tape import Tape

_FLOATS = ("float32", "float64", "float16", "bfloat16")


def grid_sampled(node: NodeView, tape: Tape, mode: str) -> str | Refusal:
    """The output of a GridSample; `mode` is nearest, linear or cubic."""
    shape, padding = node.shape("X"), node.attr_str("padding_mode")
    dtypes = node.dtype("X") or "", node.dtype("grid") or ""
    if shape is None or not all(dtypes):
        return node.refuse_dynamic("its rank")
    why = _unheard_of(mode, padding, dtypes[0], len(shape))
    if why:
        return node.refuse(why)
    dtype = "float64" if "float64" in dtypes else "float32"
    value, grid = str(node["X"]), str(node["grid"])
    if mode != "nearest" and dtypes[0] != dtype:
        value = tape.cast(value, dtype)
    if dtypes[1] != dtype:
        grid = tape.cast(grid, dtype)
    image = Image(tape, value, shape, dtype, rim=padding == "zeros")
    sampled = _Grid(image, align_corners=bool(node.attr_int("align_corners"))).sampled(
        grid, mode, padding
    )
    rank = len(shape)
    made = tape.op("Transpose", sampled, perm=[0, rank - 1, *range(1, rank - 1)])
    return tape.cast(made, dtypes[0]) if mode != "nearest" and dtypes[0] != dtype else made


def _unheard_of(mode: str, padding: str, dtype: str, rank: int) -> str:
    if mode not in ("nearest", "linear", "cubic") or rank < 3:
        return f"its mode {mode!r} is none that ONNX knows for rank {rank}"
    if padding not in ("zeros", "border", "reflection"):
        return f"its padding {padding!r} is none that ONNX knows"
    if mode != "nearest" and dtype not in _FLOATS:
        return f"{dtype} elements are interpolated"
    return "there are no zeros around text" if (dtype, padding) == ("string", "zeros") else ""


class _Grid:
    """Places of a grid from -1 to 1 in an image."""

    def __init__(self, image: Image, *, align_corners: bool) -> None:
        self.image, self.tape, self._align = image, image.tape, align_corners

    def sampled(self, grid: str, mode: str, padding: str) -> str:
        """What is sampled at a grid, [N, ..., C]."""
        rank, image = self.image.axes + 2, self.image
        places = self._places(grid)
        if mode == "nearest":
            places = self.tape.op("Round", places)
        # Of cubics each tap is held, as in torch and onnxruntime; the reference holds the place.
        if padding == "border" and mode != "cubic":
            places = self.tape.op(
                "Min", self.tape.op("Max", places, image.numbers(0)), image.sizes(-1)
            )
        elif padding == "reflection":
            places = self._reflected(places)
        if mode == "nearest":
            first = image.numbers(-1.0 if image.rim else 0.0)
            last = image.sizes(0 if image.rim else -1)
            return image.nearest(within(self.tape, places, first, last), rank)
        if mode == "linear":
            return linear(image, places, rank)
        folds = padding == "reflection"
        return cubic(image, places, rank, self._reflected_taps if folds else None)

    def _places(self, grid: str) -> str:
        tape, one, two = self.tape, self.image.numbers(1), self.image.numbers(2)
        ahead = tape.op("Add", grid, one)
        if self._align:
            return tape.op("Mul", tape.op("Div", ahead, two), self.image.sizes(-1))
        wide = tape.op("Sub", tape.op("Mul", ahead, self.image.sizes()), one)
        return tape.op("Div", wide, two)

    def _middle(self, *, column: bool) -> tuple[str, str]:
        """Half way between the borders, and how far they are from there."""
        half = self.image.numbers(0.5)
        middle = self.tape.op("Mul", self.image.sizes(-1, column=column), half)
        reach = middle
        if not self._align:
            reach = self.tape.op("Mul", self.image.sizes(column=column), half)
        return middle, reach

    def _outside(self, places: str, *, column: bool) -> str:
        middle, reach = self._middle(column=column)
        away = self.tape.op("Abs", self.tape.op("Sub", places, middle))
        return self.tape.op("Greater", away, reach)

    def _reflected(self, places: str, *, column: bool = False) -> str:
        """What is outside comes back as often as it takes; what is inside keeps all its bits."""
        tape = self.tape
        middle, reach = self._middle(column=column)
        width = tape.op("Add", reach, reach)
        twice = tape.op("Add", width, width)
        ahead = tape.op("Sub", places, tape.op("Sub", middle, reach))
        times = tape.op("Floor", tape.op("Div", ahead, twice))
        left = tape.op("Sub", ahead, tape.op("Mul", times, twice))
        back = tape.op("Sub", width, tape.op("Abs", tape.op("Sub", left, width)))
        inside = tape.op("Add", back, tape.op("Sub", middle, reach))
        return tape.op("Where", self._outside(places, column=column), inside, places)

    def _reflected_taps(self, taps: str) -> str:
        return self._reflected(taps, column=True)
