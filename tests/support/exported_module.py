"""Modules of functions, and what is read off their exports."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

BOTH = pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])


class Made(nn.Module):
    """A module whose forward is a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


def module_of(function: Any) -> Any:
    made = Made(function)
    made.forward = function  # so that its parameters have names
    return made


def types(rewrite: Any) -> list[str]:
    return [node.op_type for node in rewrite.model.graph.nodes]


def sizes(ports: Any) -> dict[str, Any]:
    return {port.name: port.shape for port in ports}
