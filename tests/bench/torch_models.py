"""Models for the fault bench: networks of many kinds, random weights, both exporters of torch.

python tests/bench/torch_models.py DIR                 # all, each in a process of its own
python tests/bench/torch_models.py DIR --only 'swin*'  # some; a model that is there is kept

Writes DIR/NAME/NAME.onnx and DIR/NAME/inputs_0.npz. NAME ends in _ts (TorchScript) or _dy (dynamo).
Wants torch, transformers and onnxscript; nothing else of the tests does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from networks import Network, conformer, fpn, lively, spectrum, streaming

EXPORTERS = {"ts": (False, 17), "dy": (True, 18)}
"""Suffix to whether it is the dynamo exporter, and the opset."""


def _called(module: Any, call: Callable[..., Any]) -> Any:
    import torch

    class Called(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *inputs: Any) -> Any:
            return call(self.inner, *inputs)

    return Called().eval()


def _ids(vocabulary: int, *shape: int) -> Any:
    import torch

    return torch.randint(5, vocabulary, shape)


def llama() -> Network:
    """RMSNorm, rotary positions, two key heads for four query heads, a gated MLP."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, vocab_size=300, max_position_embeddings=64,
        attn_implementation="eager",
    )  # fmt: skip
    model = _called(
        lively(LlamaForCausalLM(config)),
        lambda m, ids, mask: m(input_ids=ids, attention_mask=mask, use_cache=False).logits,
    )
    ids = _ids(300, 2, 9)
    mask = ids.new_ones(2, 9)
    mask[1, :2] = 0
    axes = {0: "batch", 1: "sequence"}
    return Network(
        model, {"input_ids": ids, "attention_mask": mask}, ("logits",),
        {"input_ids": axes, "attention_mask": axes},
    )  # fmt: skip


def t5() -> Network:
    """Encoder and decoder with relative position bias."""
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        d_model=64, d_kv=16, d_ff=96, num_layers=2, num_decoder_layers=2, num_heads=4,
        vocab_size=300, feed_forward_proj="gated-gelu", decoder_start_token_id=0,
        attn_implementation="eager",
    )  # fmt: skip
    model = _called(
        lively(T5ForConditionalGeneration(config)),
        lambda m, ids, mask, decoded: (
            m(input_ids=ids, attention_mask=mask, decoder_input_ids=decoded, use_cache=False).logits
        ),
    )
    ids = _ids(300, 2, 11)
    inputs = {"input_ids": ids, "attention_mask": ids.new_ones(2, 11)}
    return Network(model, inputs | {"decoder_input_ids": _ids(300, 2, 6)}, ("logits",), {})


def swin() -> Network:
    """Windows that are shifted by rolls, masks and relative biases."""
    from transformers import SwinConfig, SwinForImageClassification

    config = SwinConfig(
        image_size=32, patch_size=2, embed_dim=24, depths=[2, 2], num_heads=[2, 4], window_size=4,
        num_labels=7, attn_implementation="eager",
    )  # fmt: skip
    return _classifier(SwinForImageClassification(config), 32)


def mobilevit() -> Network:
    """Inverted residuals, and patches that are unfolded, attended to and folded back."""
    from transformers import MobileViTConfig, MobileViTForImageClassification

    config = MobileViTConfig(
        image_size=64, hidden_sizes=[24, 32, 40], neck_hidden_sizes=[8, 16, 24, 32, 40, 48, 96],
        num_labels=7, attn_implementation="eager",
    )  # fmt: skip
    return _classifier(MobileViTForImageClassification(config), 64)


def convnext() -> Network:
    """Depthwise convolutions, channels last, global response normalization."""
    from transformers import ConvNextV2Config, ConvNextV2ForImageClassification

    config = ConvNextV2Config(
        image_size=32, hidden_sizes=[16, 24, 32], depths=[1, 2, 1], num_stages=3, num_labels=7
    )
    return _classifier(ConvNextV2ForImageClassification(config), 32)


def _classifier(model: Any, size: int) -> Network:
    import torch

    called = _called(lively(model), lambda m, image: m(pixel_values=image).logits)
    image = {"image": torch.randn(2, 3, size, size)}
    return Network(called, image, ("logits",), {"image": {0: "batch"}})


def rtdetr() -> Network:
    """A detection transformer: deformable attention (GridSample), TopK queries, two outputs."""
    import torch
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(
        embedding_size=16, hidden_sizes=[16, 24, 32, 48], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = RTDetrConfig(
        backbone_config=backbone, use_timm_backbone=False, use_pretrained_backbone=False,
        encoder_hidden_dim=32, encoder_in_channels=[24, 32, 48], encoder_ffn_dim=48, d_model=32,
        decoder_in_channels=[32, 32, 32], decoder_ffn_dim=48, decoder_layers=2, num_queries=12,
        encoder_attention_heads=2, decoder_attention_heads=2, num_labels=5, anchor_image_size=None,
    )  # fmt: skip

    def call(model: Any, image: Any) -> Any:
        found = model(pixel_values=image)
        return found.logits, found.pred_boxes

    model = _called(lively(RTDetrForObjectDetection(config)), call)
    return Network(model, {"image": torch.randn(1, 3, 64, 64)}, ("logits", "boxes"), {})


def wav2vec2() -> Network:
    """Raw audio: a convolution stack with one group norm, a weight-normed position convolution."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        conv_dim=(16, 16, 16), conv_stride=(5, 4, 2), conv_kernel=(10, 6, 3), vocab_size=20,
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, attn_implementation="eager",
    )  # fmt: skip
    model = _called(lively(Wav2Vec2ForCTC(config)), lambda m, sound: m(input_values=sound).logits)
    return Network(model, {"sound": torch.randn(1, 1600)}, ("logits",), {})


def whisper() -> Network:
    """The encoder of a speech recognizer over log-mel features."""
    import torch
    from transformers import WhisperConfig, WhisperModel

    config = WhisperConfig(
        d_model=32, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_mel_bins=20,
        max_source_positions=25, vocab_size=300, pad_token_id=1, bos_token_id=2, eos_token_id=2,
        decoder_start_token_id=2, attn_implementation="eager",
    )  # fmt: skip
    encoder = lively(WhisperModel(config)).get_encoder()
    model = _called(encoder, lambda m, features: m(features).last_hidden_state)
    return Network(model, {"features": torch.randn(1, 20, 50)}, ("hidden",), {})


NETWORKS: dict[str, Callable[[], Network]] = {
    make.__name__: make
    for make in (
        fpn, rtdetr, llama, t5, swin, mobilevit, convnext, wav2vec2, whisper, conformer,
        streaming, spectrum,
    )
}  # fmt: skip


def export(name: str, folder: Path) -> None:
    """Make NAME in this process."""
    import torch

    kind, _, suffix = name.rpartition("_")
    torch.manual_seed(0)
    network = NETWORKS[kind]()
    dynamo, opset = EXPORTERS[suffix]
    folder.mkdir(parents=True, exist_ok=True)
    extra: dict[str, Any] = {} if dynamo else {"dynamic_axes": network.dynamic or None}
    with torch.no_grad():
        torch.onnx.export(
            network.module, tuple(network.inputs.values()), str(folder / f"{name}.onnx"),
            input_names=list(network.inputs), output_names=list(network.outputs),
            dynamo=dynamo, opset_version=opset, **extra,
            **({"external_data": False} if dynamo else {}),
        )  # fmt: skip
    arrays = {key: value.numpy() for key, value in network.inputs.items()}
    np.savez(folder / "inputs_0.npz", **arrays)


def main() -> int:
    """Make all that is asked for and not there yet; 1 when an export failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        export(options.here, options.folder / options.here)
        return 0
    failed = False
    for name in (f"{kind}_{suffix}" for kind in NETWORKS for suffix in EXPORTERS):
        if not fnmatch(name, options.only) or (options.folder / name / "inputs_0.npz").exists():
            continue
        # Importing torch without its byte code takes a minute.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, __file__, str(options.folder), "--here", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        print(name, "made" if done.returncode == 0 else done.stderr.strip().splitlines()[-1])
        failed |= done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
