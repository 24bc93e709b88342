"""Quantized copies of the zoo's models, made by onnxruntime's own quantizer."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx

from support.graph_builder import Case, Feed

KINDS = ("qdq", "qdq_signed", "qoperator", "dynamic", "int4")


class Reader:
    """Calibration data as onnxruntime's quantizer wants it."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        """The next sample, None at the end."""
        return next(self._feeds, None)


def quantized(case: Case, kind: str, folder: Path, *, prepared: bool = False) -> onnx.ModelProto:
    """`case.model` quantized as `kind` says, calibrated on the case's own samples.

    `prepared`: optimized first, as the quantizer advises.
    """
    source, target = folder / "float.onnx", folder / f"{kind}.onnx"
    onnx.save(case.model, source)
    if prepared:
        from onnxruntime.quantization.shape_inference import quant_pre_process

        quant_pre_process(str(source), str(folder / "prepared.onnx"), skip_symbolic_shape=True)
        source = folder / "prepared.onnx"
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _quantize(case, kind, str(source), str(target))
    finally:
        logging.disable(logging.NOTSET)
    return onnx.load(target)


def _quantize(case: Case, kind: str, source: str, target: str) -> None:
    from onnxruntime import quantization as q

    if kind == "dynamic":
        q.quantize_dynamic(source, target, weight_type=q.QuantType.QInt8)
    elif kind == "int4":
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        made = MatMulNBitsQuantizer(onnx.load(source), block_size=16, is_symmetric=False)
        made.process()
        made.model.save_model_to_file(target)
    else:
        q.quantize_static(
            source,
            target,
            Reader(case.feeds),
            quant_format=q.QuantFormat.QOperator if kind == "qoperator" else q.QuantFormat.QDQ,
            activation_type=q.QuantType.QInt8 if kind == "qdq_signed" else q.QuantType.QUInt8,
            weight_type=q.QuantType.QInt8,
            per_channel=kind != "qdq_signed",
        )
