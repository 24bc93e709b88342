"""Bisect by pass: which of a runtime's optimizers make the difference.

Nothing is watched: the whole model is run, with some optimizers switched off, and judged by its
final outputs. First the level, then the provider, then the optimizers that change this model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyonnxtool import _core
from pyonnxtool.backends import Optimizing
from pyonnxtool.divergence.ddmin import ddmin
from pyonnxtool.divergence.search.outcomes import OutOfRunsError, Outputs, Trials
from pyonnxtool.divergence.search.rewritten import changes, told
from pyonnxtool.divergence.search.with_without import Narrowing, Place
from pyonnxtool.divergence.search.with_without import place as where
from pyonnxtool.errors import UsageError
from pyonnxtool.report import BisectReport, Step
from pyonnxtool.wording import plural

if TYPE_CHECKING:
    from pyonnxtool.backends import Optimized, RunOptions
    from pyonnxtool.divergence.case import Case
    from pyonnxtool.divergence.first_look import FirstLook
    from pyonnxtool.divergence.probe import Feeds, Side

METHOD = "pass"
PLAIN_PROVIDER = "CPUExecutionProvider"
_SMALL = 0.1
"""Of the difference: what is left without optimizers may be so much, and is not what is sought."""


@dataclass(frozen=True)
class Cause:
    """What makes the difference, as far as it is known."""

    verdict: str
    reason: str
    optimizers: tuple[str, ...] = ()
    enough: tuple[str, ...] = ()
    place: Place | None = None


def optimizing_side(case: Case) -> Side | None:
    """The side whose optimizers can be searched: the candidate, or else the reference."""
    for side in (case.candidate, case.reference):
        if isinstance(side.backend, Optimizing):
            plain = side.backend.levels[0]
            if side.options.level != plain or side.options.provider != PLAIN_PROVIDER:
                return side
    return None


def bisect_by_pass(
    case: Case, first: FirstLook, trials: Trials, *, narrow: bool = True
) -> BisectReport:
    """The smallest set of optimizers without which the outputs agree, and what they did.

    To `narrow` is to look where in the model they make the difference.

    Raises UsageError when neither side has optimizers to switch off.
    """
    side = optimizing_side(case)
    if side is None:
        raise UsageError(
            f"--by pass: neither {case.texts[0]} nor {case.texts[1]} runs on onnxruntime with "
            "optimizations; write one of them as MODEL@ort:all, or search --by values"
        )
    found = _ByPass(case, first, trials, side, narrow).cause()
    return first.report(
        case,
        found.verdict,
        reason=found.reason,
        culprits=found.place.culprits if found.place is not None else (),
        contributors=found.place.contributors if found.place is not None else (),
        optimizers=found.optimizers,
        optimizers_enough=found.enough,
        method=METHOD,
        observer_effect="nothing read",
        **trials.ledger.told(),
    )


class _ByPass:
    def __init__(
        self, case: Case, first: FirstLook, trials: Trials, side: Side, narrow: bool
    ) -> None:
        self._case, self._first, self._trials, self._side = case, first, trials, side
        self._narrow = narrow
        assert isinstance(side.backend, Optimizing)
        self._backend: Optimizing = side.backend
        self._known = "nothing yet"

    def cause(self) -> Cause:
        options = self._side.options
        levels = list(self._backend.levels)
        below = levels[: levels.index(options.level)]
        self._trials.ledger.announce(
            f"{self._side.text}: at most {plural(len(below) + 2, 'run')} for level and provider, "
            "then about 2 log2 n for each of n optimizers that change the model"
        )
        try:
            self._trials.whole(METHOD)
            return self._searched(options, below)
        except OutOfRunsError:
            return Cause("inconclusive", self._stopped())

    def _searched(self, options: RunOptions, below: Sequence[str]) -> Cause:
        if not below or not self._agrees_without_any(replace(options, level=below[0])):
            return self._provider(options)
        level = next(
            (level for level in below[1:] if self._bad(replace(options, level=level))),
            options.level,
        )
        self._known = f"the difference comes with level {level}"
        found = self._backend.optimized(self._side.model, options)
        items = [name for name in found.changed if name not in options.disabled_optimizers]
        self._trials.ledger.announce(
            f"{len(items)} of {len(found.known)} optimizers change the model: {', '.join(items)}"
        )
        while not items or not self._good_without(items):
            more = self._revealed(items)
            if not more:
                return Cause(
                    "fault",
                    f"level {level} makes the difference, and no optimizer that it can do without",
                )
            self._trials.ledger.announce(f"without them others do: {', '.join(more)}")
            items += more
        needed = self._expanded(ddmin(items, self._good_without), items)
        self._known = f"without {_list(needed)} the outputs agree"
        return self._explained(found, level, needed, self._enough(needed, items), items)

    def _agrees_without_any(self, plain: RunOptions) -> bool:
        """Whether the difference is gone without optimizers, but for what the models differ in."""
        if self._bad(plain) is False:
            return True
        rest, whole = self._run(plain).error, self._trials.whole(METHOD).error
        if rest is None or whole is None or not rest < _SMALL * whole:
            return False
        self._trials.allow(2 * rest)
        return True

    def _provider(self, options: RunOptions) -> Cause:
        """The difference is there without optimizers: then the provider makes it, or the model."""
        if options.provider != PLAIN_PROVIDER and not self._bad(
            replace(options, provider=PLAIN_PROVIDER)
        ):
            return Cause(
                "fault",
                f"the provider {options.provider} makes the difference: on {PLAIN_PROVIDER} the "
                "outputs agree; --by values names its nodes",
            )
        return Cause(
            "inconclusive",
            f"the difference is there without any optimizer of {self._side.text} as well: it is in "
            "the model or in the kernels; --by values or --by splice names the nodes",
        )

    # -- sets of optimizers -------------------------------------------------------------------

    def _good_without(self, names: Sequence[str]) -> bool:
        return self._bad(self._less(names)) is False

    def _revealed(self, names: Sequence[str]) -> list[str]:
        """Optimizers that only change the model when others, which were first, are disabled."""
        left = self._backend.optimized(self._side.model, self._less(names))
        return [name for name in left.changed if name not in names]

    def _less(self, names: Sequence[str]) -> RunOptions:
        options = self._side.options
        disabled = dict.fromkeys([*options.disabled_optimizers, *names])
        return replace(options, disabled_optimizers=tuple(disabled))

    def _expanded(self, needed: Sequence[str], items: Sequence[str]) -> list[str]:
        """With the rules in the place of the transformer that applies them, where that is told."""
        found = list(needed)
        for group, rules in self._backend.rules.items():
            if group not in found:
                continue
            rest = [name for name in found if name != group]

            def good(some: Sequence[str], rest: Sequence[str] = rest) -> bool:
                return self._good_without([*rest, *some])

            if good(rules):
                found = [*rest, *ddmin(rules, good)]
        return found

    def _enough(self, needed: Sequence[str], items: Sequence[str]) -> list[str]:
        """The smallest set that shows the difference when all others are switched off.

        More than what is needed where an optimizer works on what another has made.
        """
        groups = {rule: group for group, rules in self._backend.rules.items() for rule in rules}
        kept = [name for name in items if name in {groups.get(one, one) for one in needed}]

        def bad(some: Sequence[str]) -> bool:
            return self._bad(self._less([name for name in items if name not in some])) is True

        return ddmin(kept, bad) if bad(kept) else ddmin(items, bad)

    # -- runs ---------------------------------------------------------------------------------

    def _bad(self, options: RunOptions) -> bool | None:
        return {"good": False, "bad": True}.get(self._run(options).verdict)

    def _run(self, options: RunOptions) -> Step:
        """Judge the side with these options against the other as it is."""
        own = self._side.options
        if options == own:
            return self._trials.whole(METHOD)
        words = [] if options.level == own.level else [f"level {options.level}"]
        words += [] if options.provider == own.provider else [options.provider]
        without = [n for n in options.disabled_optimizers if n not in own.disabled_optimizers]
        words += [f"without {_list(without)}"] if without else []
        key = f"{options.level} {options.provider} {sorted(without)}"
        return self._trials.run(METHOD, key, ", ".join(words), lambda: self._outputs(options))

    def _outputs(self, options: RunOptions) -> Outputs:
        varied = self._side is self._case.candidate
        with replace(self._side, options=options).open(self._side.model) as session:
            made = session.run(self._feeds())
        self._side.runs += 1
        return self._trials.set_against(
            self._trials.expected if varied else made,
            made if varied else self._trials.own,
        )

    def _feeds(self) -> Feeds:
        sample = self._trials.sample
        return sample.candidate if self._side is self._case.candidate else sample.reference

    # -- words --------------------------------------------------------------------------------

    def _explained(
        self,
        found: Optimized,
        level: str,
        needed: Sequence[str],
        enough: Sequence[str],
        items: Sequence[str],
    ) -> Cause:
        """In words and nodes. The others are switched off, so the nodes are those of the model."""
        groups = {rule: group for group, rules in self._backend.rules.items() for rule in rules}
        kept = {groups.get(name, name) for name in enough}
        others = [name for name in items if name not in {*enough, *kept}]
        with_them = self._backend.optimized(self._side.model, self._less(others))
        without = self._backend.optimized(self._side.model, self._less([*items, *enough]))
        changed = changes(without.model, with_them.model)
        reason = f"without {_list(needed)} (level {level}) the outputs agree"
        if set(enough) != set(needed):
            verb = "is" if len(enough) == 1 else "are"
            reason += f"; {_list(enough)} alone {verb} enough to make the difference"
        made = told(without.model, with_them.model)
        reason += f"; {made}" if made else ""
        self._known = reason
        known = Narrowing(
            self._side,
            needed,
            self._less(needed),
            set(_core.produced_values(found.model)),
            changed,
        )
        place = (
            where(self._case, self._trials, known, self._feeds())
            if self._narrow
            else Place("fault", known.everything())
        )
        reason += f"; {place.reason}" if place.reason else ""
        return Cause(place.verdict, reason, tuple(needed), tuple(enough), place)

    def _stopped(self) -> str:
        return f"stopped by --max-runs: {self._known}; {self._trials.ledger.how_to_continue}"


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
