"""Small realistic models, made by code from seeds: what the fault bench plants defects in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from support.graph_builder import Case
from support.zoo import language, special, vision

ZOO: dict[str, Callable[[], Case]] = {
    "resnet_13": partial(vision.resnet, 13),
    "resnet_17": partial(vision.resnet, 17),
    "mobile_11": partial(vision.mobile, 11),
    "unet_13": partial(vision.unet, 13),
    "unet_18": partial(vision.unet, 18),
    "detector_12": partial(vision.detector, 12),
    "detector_17": partial(vision.detector, 17),
    "groupnorm_20": partial(vision.group_norm, 20),
    "mixer_13": partial(vision.mixer, 13),
    "mixer_17": partial(vision.mixer, 17),
    "encoder_erf_11": partial(language.encoder, 11, "erf"),
    "encoder_erf_17": partial(language.encoder, 17, "erf"),
    "encoder_op_20": partial(language.encoder, 20, "op"),
    "decoder_13": partial(language.decoder, 13),
    "decoder_17": partial(language.decoder, 17),
    "llama_18": partial(language.llama, 18),
    "tagger_11": partial(language.tagger, 11),
    "tagger_14": partial(language.tagger, 14),
    "vit_20": partial(language.vision_transformer, 20),
    "control_16": partial(special.control, 16),
    "function_18": partial(special.function, 18),
    "quantized_13": partial(special.quantized, 13),
    "arithmetic_17": partial(special.arithmetic, 17),
}
