"""What `demo` says between the reports."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text


class Story:
    """Prints the explanations, told apart from the reports by a bar on the left."""

    def __init__(self, target: Console) -> None:
        self.target = target

    def say(self, text: str) -> None:
        """A paragraph, wrapped, behind a bar."""
        self.target.print()
        width = min(self.target.width, 100) - 4
        for line in Text(text).wrap(self.target, width):
            self.target.print(Text("| ", style="cyan").append_text(line))

    def command(self, line: str) -> None:
        """The command that gives the report which follows."""
        self.target.print()
        self.target.print(Text(f"$ {line}", style="bold cyan"), overflow="fold", soft_wrap=True)
        self.target.print()

    def pair(self, planted: str) -> None:
        """What was made."""
        self.say(
            "Two files were made: good.onnx, a small residual network for 32x32 images, and "
            f"bad.onnx, a copy in which the BatchNormalization `{planted}` has epsilon 1e-3 "
            "instead of 1e-5. The checker of ONNX accepts both, both run, and both give "
            "probabilities that look right. First: do they agree?"
        )

    def after_diff(self) -> None:
        """How to read the table of values."""
        self.say(
            "accum. is how far the two runs are apart at that value: from the wrong node on, "
            "everything is off. introd. is what a node adds by itself: it was run again on the "
            "values of good.onnx. gain is how much it amplifies what reaches it. status is about "
            "the node itself. ok: the value is equal. noise: it differs, but its own node adds no "
            "more than rounding does, so it only hands an error on. bad: the node adds more. "
            "bisect draws the conclusion:"
        )

    def end(self, right: bool, planted: str, names: str) -> None:
        """Whether it worked, and what to do next."""
        if not right:
            self.say(f"This is wrong: the defect is in `{planted}`. Please report it as our bug.")
            return
        self.say(
            f"That is the planted defect: `{planted}`, named together with the attribute that "
            "differs. Now try it on your own pair, the reference first: "
            "pyonnxtool bisect REF CAND, or only pyonnxtool diff MODEL to see what onnxruntime's "
            "optimizations change."
        )
        if names:
            self.say(f"The models are kept: {names}")
