"""edit: a graph as a user's script leaves it, and rules where their patterns fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pyonnxtool.errors import UsageError
from pyonnxtool.model import ModelLike, as_model
from pyonnxtool.proof import check_of
from pyonnxtool.rewriting import Left, Rewrite, StandsFor
from pyonnxtool.rewriting.applying import apply_rules
from pyonnxtool.rewriting.rule import Rule
from pyonnxtool.surgery.edit_function import EditFunction
from pyonnxtool.surgery.edit_report import EditReport, edited
from pyonnxtool.surgery.retyping import retyped
from pyonnxtool.surgery.script import Editing, steps_of
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pyonnxtool._core import Model
    from pyonnxtool.proof import Check, Proof


def edit(
    given: ModelLike, *edits: Editing, verify_rules: int = 0, **proof: Unpack[Proof]
) -> Rewrite[EditReport]:
    """The model as scripts, functions and rules make it; the one that is given stays as it is.

    Each of `edits` is a Python file, or a function of it ("script.py:fn"), a function, a rule
    (`pyonnxtool.rewrite`) or several; they come in this order, those of a file: its function
    `edit`, then its rules. A function is given the graph, or what the annotation of its parameter
    asks for: a `pyonnxtool.Graph`, a `pyonnxtool.Model`, or an `onnx_graphsurgeon.Graph`, whose
    weights are views of the file. It edits what it is given, or returns another one.

    `verify` is the number of samples on which old and new model are compared, `verify_rules` that
    on which rules alone are, where functions have changed what is computed.

    Raises UsageError for a script that fails, with its line, or as `edit_report.edited` does.
    """
    check = check_of(**proof)
    model = as_model(given)
    steps = [step for one in edits for step in steps_of(one)]
    if not steps:
        raise UsageError("say what to do: a script, a function, or rules")
    if not check.samples and all(isinstance(step, Rule) for step in steps):
        check, verify_rules = replace(check, samples=verify_rules), 0
    work = _Work(model.copy())
    for group in _grouped(steps):
        if check.progress is not None:
            check.progress(f"editing: {group[0].name}", 0, 0)
        if isinstance(group[0], EditFunction):
            work.run(group[0])
        else:
            rules = [one for one in group if isinstance(one, Rule)]
            work.apply(rules, replace(check, samples=0 if check.samples else verify_rules))
    if not work.changes:
        check = replace(check, samples=0)
    return edited(
        "surgery",
        model,
        work.model,
        work.changes,
        check=check,
        value_map=work.value_map,
        notes=work.notes,
        left=work.left,
        rules=work.rules,
    )


@dataclass
class _Work:
    """The model so far, and what the report is to say of it."""

    model: Model
    changes: Counter[str] = field(default_factory=Counter)
    value_map: list[StandsFor] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    rules: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def run(self, function: EditFunction) -> None:
        """Let the user's function edit the model, and declare what it makes of values."""
        before = self.model.copy()
        self.model = function.run(self.model)
        self.notes += retyped("surgery", before, self.model)
        self.changes[f"ran {function.name}"] += 1

    def apply(self, rules: Sequence[Rule], check: Check) -> None:
        """Apply the rules, and compare with the model before them if there are samples."""
        before = self.model
        self.model = before.copy()
        done = apply_rules(self.model, rules)
        if done.changes:
            self.notes += retyped(f"surgery by {_named(done.changes)}", before, self.model)
        self.changes += done.changes
        stands_for = [StandsFor(new, old) for new, old in done.stands_for]
        self.value_map += stands_for
        self.left += done.left
        self.rules |= done.rules
        self.notes += done.idle
        if check.samples and done.changes:
            made = edited(
                "rules",
                before,
                self.model,
                done.changes,
                check=check,
                value_map=stands_for,
                rules=done.rules,
            )
            proof = made.report.verification
            if proof is not None:
                self.notes.append(f"the rules agree on {plural(proof.samples, 'sample')}")


def _named(changes: Mapping[str, int]) -> str:
    """`the rules a, b`: those that did something."""
    names = [told.partition(":")[0] for told in changes]
    return f"the {'rules' if len(names) > 1 else 'rule'} {', '.join(names)}"


def _grouped(steps: Sequence[EditFunction | Rule]) -> list[list[EditFunction | Rule]]:
    """Rules that follow one another are applied together."""
    groups: list[list[EditFunction | Rule]] = []
    for step in steps:
        together = groups and isinstance(step, Rule) and isinstance(groups[-1][0], Rule)
        if together:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups
