"""Small networks in PyTorch, and what both of its exporters make of them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import onnx
import torch
from torch import nn

torch.set_num_threads(1)  # these networks are too small for more


class Vision(nn.Module):
    """Convolutions with batch norm, a residual, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.layer = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())
        self.head = nn.Linear(8, 5)

    def forward(self, image: Any) -> Any:
        x = torch.relu(self.norm(self.stem(image)))
        x = self.layer(x) + x
        pooled = x.mean((2, 3))
        return torch.softmax(self.head(pooled), -1), pooled


class Block(nn.Module):
    """Attention with a mask, then a feed-forward part."""

    def __init__(self, width: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.GELU(), nn.Linear(32, width))

    def forward(self, x: Any, mask: Any) -> Any:
        batch, length, width = x.shape
        y = self.first(x)
        q, k, v = (
            part(y).view(batch, length, self.heads, -1).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        scores = scores.masked_fill(mask[:, None, None, :] == 0, -1e9)
        y = (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, length, width)
        x = x + self.out(y)
        return x + self.mlp(self.second(x))


class Text(nn.Module):
    """Two blocks over token ids."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.layers = nn.ModuleList([Block(), Block()])
        self.head = nn.Linear(16, 4)

    def forward(self, input_ids: Any, attention_mask: Any) -> Any:
        x = self.embed(input_ids)
        for layer in self.layers:
            x = layer(x, attention_mask)
        return self.head(x)


class Speech(nn.Module):
    """Recurrent layers; a dict is returned."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 8, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(16, 8, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, frames: Any) -> Any:
        features, (hidden, _) = self.lstm(frames)
        states, _ = self.gru(torch.tanh(features))
        return {"logits": self.head(states), "hidden": hidden}


NETS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Any, ...]], list[str]]] = {
    "vision": (Vision, lambda: (torch.randn(2, 3, 8, 8),), ["image"]),
    "text": (
        Text,
        lambda: (torch.randint(0, 50, (2, 7)), torch.ones(2, 7, dtype=torch.long)),
        ["input_ids", "attention_mask"],
    ),
    "speech": (Speech, lambda: (torch.randn(2, 5, 6),), ["frames"]),
}


def network(name: str) -> nn.Module:
    """The same weights on every call, none of them trivial; in inference mode."""
    torch.manual_seed(0)
    made = NETS[name][0]()
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, nn.BatchNorm2d | nn.LayerNorm):
                part.weight.uniform_(0.8, 1.2)
                part.bias.normal_(0, 0.1)
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.7, 1.3)
    return made.eval()


def exported(
    module: nn.Module, args: tuple[Any, ...], names: list[str], how: str, **options: Any
) -> onnx.ModelProto:
    """`how` is "dynamo18", "ts11" and so on: the exporter and the opset."""
    dynamo = how.startswith("dynamo")
    opset = int(how.removeprefix("dynamo").removeprefix("ts"))
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(
                module, args, None, input_names=names, opset_version=opset, dynamo=True,
                verbose=False, **options,
            )  # fmt: skip
            return program.model_proto
        torch.onnx.export(
            module, args, file, input_names=names, opset_version=opset, dynamo=False, **options
        )
    return onnx.load_model_from_string(file.getvalue())


@cache
def _exported(name: str, how: str) -> bytes:
    torch.manual_seed(1)
    _, args, names = NETS[name]
    return exported(network(name), args(), names, how).SerializeToString()


def export(name: str, how: str) -> onnx.ModelProto:
    """A copy of an export of one of NETS, which is made once."""
    return onnx.load_model_from_string(_exported(name, how))
