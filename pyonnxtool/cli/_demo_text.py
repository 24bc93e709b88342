"""What `demo` says between the reports."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap

from rich.console import Console
from rich.text import Text


class Story:
    """Prints the explanations, told apart from the reports by a bar on the left."""

    def __init__(self, target: Console) -> None:
        self.target = target

    def say(self, text: str) -> None:
        """A paragraph, wrapped, behind a bar."""
        self.target.print()
        for line in wrap(text, min(self.target.width, 100) - 2):
            self.bar(Text(line))

    def legend(self, words: Sequence[tuple[str, str]]) -> None:
        """Words and what they mean, behind the same bar."""
        indent = max(len(word) for word, _ in words) + 2
        for word, meaning in words:
            lines = wrap(meaning, min(self.target.width, 100) - 4 - indent)
            for head, line in zip_longest([word], lines, fillvalue=""):
                self.bar(Text(f"  {head:{indent}}", style="bold").append(line, style="not bold"))

    def bar(self, line: Text) -> None:
        """One line of an explanation."""
        self.target.print(Text("| ", style="cyan").append_text(line))

    def command(self, line: str) -> None:
        """The command that gives the report which follows."""
        self.target.print()
        self.target.print(Text(f"$ {line}", style="bold cyan"), soft_wrap=True)
        self.target.print()

    def pair(self, planted: str) -> None:
        """What was made."""
        self.say(
            "Two files were made: good.onnx, a small residual network for 32x32 images, and "
            f"bad.onnx, a copy in which the BatchNormalization `{planted}` has epsilon 1e-3 "
            "instead of 1e-5. ONNX's checker accepts both, both run, and both give the same class "
            "with probabilities that look right. First question: do they agree?"
        )

    def after_diff(self) -> None:
        """How to read the table of values."""
        self.say("They do not. How to read the table, which has a line for each value:")
        self.legend(
            (
                (
                    "accum.",
                    "how far apart the two runs are there. From the wrong node on, everything is "
                    "off, and the largest number is not where the error is made.",
                ),
                (
                    "introd.",
                    "what the node adds by itself: bad.onnx's node was run again, on the values "
                    "of good.onnx. Only one node adds more than rounding does.",
                ),
                ("gain", "how much the node amplifies the error that reaches it."),
                (
                    "status",
                    "about the node itself. ok: equal. noise: it differs, but its node adds no "
                    "more than rounding does and hands an error on. bad: its node adds more.",
                ),
            )
        )
        self.say("Second question: which node is to blame, and why?")

    def end(self, right: bool, planted: str, names: str) -> None:
        """Whether it worked, and what to do next."""
        if not right:
            self.say(f"This is wrong: the defect is in `{planted}`. Please report it as our bug.")
            return
        self.say(
            f"That is the planted defect, `{planted}`, with the attribute that differs. Now your "
            "own pair, the reference first: `pyonnxtool bisect REF CAND`; or one model, with "
            "onnxruntime's optimizations against without: `pyonnxtool diff MODEL`."
        )
        if names:
            self.say(f"The models are kept: {names}")
