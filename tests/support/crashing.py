"""An onnxruntime that takes its process down, in the children of the test that asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

_DEEDS = {
    "segfault": "ctypes.string_at(0)",
    "exit": "sys.stderr.write('last words\\n'); sys.stderr.flush(); os._exit(7)",
    "hang": "time.sleep(600)",
}
_SITE = """
import builtins, ctypes, os, sys, time
real = builtins.__import__
def patched(name, *rest, **more):
    module = real(name, *rest, **more)
    if name == "onnxruntime" and not hasattr(module, "patched"):
        module.patched = True
        session = module.InferenceSession
        class Crashing(session):
            def __init__(self, model, *rest, **more):
                data = model if isinstance(model, bytes) else open(model, "rb").read()
                self.bad = all(word in data for word in {needs!r})
                super().__init__(model, *rest, **more)
            def run(self, *rest, **more):
                if self.bad:
                    {deed}
                return super().run(*rest, **more)
        module.InferenceSession = Crashing
    return module
builtins.__import__ = patched
"""


def crash_onnxruntime(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str, needs: Sequence[bytes]
) -> None:
    """From now on a Python child crashes when it runs a model whose bytes hold all of `needs`.

    `how`: "segfault", "exit" or "hang". This process is not changed.
    """
    (folder / "sitecustomize.py").write_text(_SITE.format(needs=list(needs), deed=_DEEDS[how]))
    monkeypatch.setenv("PYTHONPATH", str(folder))
