"""Networks that no library has, for torch_models.py: a detector and three for speech."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """A module in eval mode and its inputs by name."""

    module: Any
    inputs: dict[str, Any]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, str]]
    """Input to axis to its name; only the TorchScript export is given them."""


def lively(module: Any) -> Any:
    """Biases, norms and statistics away from where they start, so that every fault shows."""
    import torch

    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
            elif parameter.dim() >= 2:
                spread = 1.3 / (parameter.numel() / parameter.shape[0]) ** 0.5
                parameter.copy_(spread * torch.randn_like(parameter))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.1 * torch.randn_like(buffer))
            elif name.endswith("running_var"):
                buffer.copy_(0.7 + 0.6 * torch.rand_like(buffer))
    return module.eval()


def fpn() -> Network:
    """A RetinaNet-like detector: top-down pyramid, shared heads, anchors decoded, best boxes."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Fpn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = [3, 12, 16, 24]
            self.stages = nn.ModuleList(
                nn.Sequential(
                    nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.SiLU(),
                    nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU(),
                )
                for a, b in itertools.pairwise(widths)
            )  # fmt: skip
            self.lateral = nn.ModuleList(nn.Conv2d(width, 16, 1) for width in widths[1:])
            self.classes = nn.Sequential(
                nn.Conv2d(16, 16, 3, 1, 1), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 10, 1)
            )
            self.boxes = nn.Sequential(
                nn.Conv2d(16, 16, 3, 1, 1), nn.GroupNorm(4, 16), nn.ReLU(), nn.Conv2d(16, 8, 1)
            )
            self.scales = nn.Parameter(torch.tensor([0.9, 1.0, 1.2]))

        def forward(self, image: Any) -> Any:
            levels = []
            for stage in self.stages:
                image = stage(image)
                levels.append(image)
            upper, pyramid = None, []
            for conv, level in zip(reversed(self.lateral), reversed(levels), strict=True):
                here = conv(level)
                if upper is not None:
                    here = here + functional.interpolate(upper, scale_factor=2.0, mode="nearest")
                upper = here
                pyramid.append(here)
            scores, boxes = [], []
            for index, level in enumerate(reversed(pyramid)):
                size = level.shape[-1]
                score = self.classes(level).reshape(-1, 2, 5, size, size)
                scores.append(score.permute(0, 3, 4, 1, 2).reshape(level.shape[0], -1, 5))
                delta = (self.boxes(level) * self.scales[index]).reshape(-1, 2, 4, size, size)
                delta = delta.permute(0, 3, 4, 1, 2).reshape(level.shape[0], -1, 4)
                boxes.append(self.decoded(delta, size, 2.0 ** (index + 1)))
            every, place = torch.cat(scores, 1).sigmoid(), torch.cat(boxes, 1)
            best, label = every.max(-1)
            top, index = best.topk(20, dim=1)
            picked = place.gather(1, index[..., None].expand(-1, -1, 4))
            return picked, top, label.gather(1, index)

        def decoded(self, delta: Any, size: int, stride: float) -> Any:
            grid = (torch.arange(size, dtype=torch.float32) + 0.5) * stride
            y, x = torch.meshgrid(grid, grid, indexing="ij")
            centre = torch.stack([x, y], -1).reshape(-1, 1, 2).expand(-1, 2, 2).reshape(1, -1, 2)
            centre = centre + delta[..., :2].tanh() * stride
            extent = delta[..., 2:].clamp(max=2.0).exp() * 2 * stride
            return torch.cat([centre - extent / 2, centre + extent / 2], -1).clamp(0.0, 32.0)

    outputs = ("boxes", "scores", "labels")
    return Network(lively(Fpn()), {"image": torch.randn(1, 3, 32, 32)}, outputs, {})


def conformer() -> Network:
    """Convolutional subsampling, then half-step feed-forward, attention, convolution module."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(5))
            self.feeds = nn.ModuleList(
                nn.Sequential(nn.Linear(width, 48), nn.SiLU(), nn.Linear(48, width))
                for _ in range(2)
            )
            self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.gate = nn.Conv1d(width, 2 * width, 1)
            self.deep = nn.Conv1d(width, width, 7, padding=3, groups=width)
            self.batch, self.point = nn.BatchNorm1d(width), nn.Conv1d(width, width, 1)

        def forward(self, x: Any) -> Any:
            x = x + 0.5 * self.feeds[0](self.norms[0](x))
            batch, time, width = x.shape
            parts = self.qkv(self.norms[1](x)).reshape(batch, time, 3, 4, width // 4)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            weights = (query @ key.transpose(-2, -1) * (width // 4) ** -0.5).softmax(-1)
            x = x + self.merge((weights @ value).transpose(1, 2).reshape(batch, time, width))
            y = functional.glu(self.gate(self.norms[2](x).transpose(1, 2)), dim=1)
            x = x + self.point(functional.silu(self.batch(self.deep(y)))).transpose(1, 2)
            return self.norms[4](x + 0.5 * self.feeds[1](self.norms[3](x)))

    class Conformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sample = nn.Sequential(
                nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU()
            )
            self.enter, self.blocks = nn.Linear(8 * 4, 32), nn.Sequential(Block(32), Block(32))
            self.leave = nn.Linear(32, 12)

        def forward(self, features: Any) -> Any:
            x = self.sample(features[:, None]).permute(0, 2, 1, 3).flatten(2)
            return self.leave(self.blocks(self.enter(x))).log_softmax(-1)

    features = {"features": torch.randn(1, 48, 20)}
    return Network(lively(Conformer()), features, ("log_probabilities",), {})


def streaming() -> Network:
    """One chunk of a stream: a causal convolution, LSTM and GRU with their states in and out."""
    import torch
    from torch import nn

    class Streaming(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(10, 16, 3)
            self.lstm = nn.LSTM(16, 20, 2, batch_first=True)
            self.gru = nn.GRU(20, 12, batch_first=True)
            self.leave = nn.Linear(12, 6)

        def forward(self, chunk: Any, past: Any, hidden: Any, cell: Any, state: Any) -> Any:
            x = torch.cat([past, chunk], 1)
            y = torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2)
            y, (hidden, cell) = self.lstm(y, (hidden, cell))
            y, state = self.gru(y, state)
            return self.leave(y).sigmoid(), x[:, -2:], hidden, cell, state

    inputs = {
        "chunk": torch.randn(1, 6, 10), "past": torch.randn(1, 2, 10),
        "hidden": torch.randn(2, 1, 20), "cell": torch.randn(2, 1, 20),
        "state": torch.randn(1, 1, 12),
    }  # fmt: skip
    outputs = ("activity", "past_out", "hidden_out", "cell_out", "state_out")
    return Network(lively(Streaming()), inputs, outputs, {})


def spectrum() -> Network:
    """A short-time Fourier front end as convolutions, log-mel features and a small network."""
    import torch
    from torch import nn

    class Spectrum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            time, bins = torch.arange(64), torch.arange(33)[:, None]
            angle = 2 * torch.pi * time * bins / 64
            window = torch.hann_window(64)
            waves = torch.cat([angle.cos() * window, -angle.sin() * window])[:, None]
            self.register_buffer("waves", waves)
            self.register_buffer("mel", torch.rand(33, 16) ** 4)
            self.net = nn.Sequential(
                nn.Conv1d(16, 24, 3, padding=1), nn.BatchNorm1d(24), nn.GELU(),
                nn.Conv1d(24, 24, 5, padding=2, groups=4), nn.InstanceNorm1d(24, affine=True),
                nn.PReLU(24), nn.Conv1d(24, 8, 1),
            )  # fmt: skip

        def forward(self, sound: Any) -> Any:
            padded = nn.functional.pad(sound[:, None], (32, 32), mode="reflect")
            parts = nn.functional.conv1d(padded, self.waves, stride=32)
            real, imaginary = parts.chunk(2, dim=1)
            power = real * real + imaginary * imaginary
            level = (power.transpose(1, 2) @ self.mel + 1e-6).log()
            level = (level - level.mean(1, keepdim=True)) / (level.std(1, keepdim=True) + 1e-3)
            x = self.net(level.transpose(1, 2))
            return x.mean(-1), x.amax(-1)

    return Network(lively(Spectrum()), {"sound": torch.randn(1, 640)}, ("average", "peak"), {})
