"""The HTML page: complete without network or scripts, and no name in a model is markup."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from cli.reports import AROUND, CULPRIT, VALUES, bisect_report, diff_report, row
from pyonnxtool.cli._plot import MOST_POINTS
from pyonnxtool.report_parts import Baseline, GraphNode, Surroundings, Worse
from pyonnxtool.wording import TIMES

Answers = Callable[[str, Any], list[dict[str, Any]]]

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></svg></style><script>alert(2)</script>",
    "line\nbreak\r\x00\x1b[2J",
    "\u202eright\u202c to left \u05d0\u05d1",
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; &amp;",
    "`ticks` | pipes",
]

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """A parsed page; every tag that is opened has to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def page(run: Any, answers: Answers, command: str, report: Any) -> str:
    answers(command, report)
    result = run(command, "a.onnx", "b.onnx", "--format", "html")
    assert not result.stderr, result.stderr
    return str(result.stdout)


def drawings(text: str) -> list[ET.Element]:
    """The pictures of a page, which have to be XML."""
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


@pytest.mark.parametrize("verdict", ["same", "different", "inconclusive"])
def test_diff_has_everything(verdict: str, run: Any, answers: Answers) -> None:
    found = Page(page(run, answers, "diff", diff_report(verdict)))
    assert ("pyonnxtool bisect a.onnx b.onnx" in found.text) == (verdict == "different")
    for told in (verdict, "good.onnx@ort:none", "812 compared, 37 fused away", "bn_out", "boxes"):
        assert told in found.text
    assert sum(attrs.get("id", "").startswith("v") for tag, attrs in found.tags if tag == "tr") == (
        len(VALUES)
    )


@pytest.mark.parametrize("verdict", ["fault", "drift", "same", "inconclusive"])
def test_bisect_has_everything(verdict: str, run: Any, answers: Answers) -> None:
    found = Page(page(run, answers, "bisect", bisect_report(verdict)))
    told = {
        "fault": "attribute epsilon differs: 1e-05 in the reference, 0.01 in the candidate",
        "drift": "the 8 largest contributions make up 80 % of the final difference",
        "same": "the final outputs agree on 1 sample; nothing to find",
        "inconclusive": "only 2 of 127 values line up",
    }
    assert told[verdict] in found.text
    assert "pyonnxtool bisect a.onnx b.onnx" in found.text
    assert "Largest contributors" in found.text or verdict != "drift"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_markup(name: str, run: Any, answers: Answers) -> None:
    hostile = GraphNode("n1", "node", "culprit", name, name, name, 1.0, 1e-5, "bad")
    around = Surroundings((hostile,), (), 0)
    culprit = replace(
        CULPRIT,
        node=name,
        op_type=name,
        why=name,
        outputs=(name,),
        region=(name, name),
        neighbourhood=name,
        surroundings=around,
    )
    bad = row(name, "bad", 1.0, node=name, op_type=name, note=name, dtype=name)
    worse = Baseline(name, (Worse("value", name, None, 1.0, name),), gone=(name,), notes=(name,))
    report = bisect_report(
        reference=name,
        candidate=name,
        culprits=(culprit,),
        values=(bad, row("fine")),
        outputs=(bad,),
        notes=(name,),
        baseline=worse,
    )
    plain = page(run, answers, "bisect", report)
    tame = plain_of_tame_names(run, answers)
    assert tags_of(plain) == tags_of(tame), "the same elements, whatever the names are"
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", plain)
    assert len(drawings(plain)) == 2


def plain_of_tame_names(run: Any, answers: Answers) -> str:
    one = GraphNode("n1", "node", "culprit", "n", "n", "n", 1.0, 1e-5, "bad")
    culprit = replace(
        CULPRIT, outputs=("n",), region=("n", "n"), surroundings=Surroundings((one,), (), 0)
    )
    bad = row("n", "bad", 1.0, note="n")
    worse = Baseline("n", (Worse("value", "n", None, 1.0, "n"),), gone=("n",), notes=("n",))
    report = bisect_report(
        culprits=(culprit,), values=(bad, row("fine")), outputs=(bad,), notes=("n",), baseline=worse
    )
    return page(run, answers, "bisect", report)


def tags_of(text: str) -> list[tuple[str, list[str]]]:
    """Elements and the names of their attributes. Names with backquotes are split otherwise."""
    return [(tag, sorted(attrs)) for tag, attrs in Page(text).tags if tag not in {"code", "bdi"}]


def test_a_name_is_shown_as_it_is(run: Any, answers: Answers) -> None:
    report = diff_report(values=(row("<b>&amp;</b>", "bad", 1.0), row("\u202edab\n")))
    found = Page(page(run, answers, "diff", report))
    assert "<b>&amp;</b>" in found.text
    assert r"\u202edab\n" in found.text, "what turns text around is escaped as in the terminal"


def test_nothing_is_loaded_and_only_our_script_runs(run: Any, answers: Answers) -> None:
    text = page(run, answers, "bisect", bisect_report(values=VALUES))
    found = Page(text)
    asked = {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}
    for tag, attrs in found.tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert not asked & set(attrs)
        assert not any(name.startswith("on") for name in attrs)
    assert "url(" not in text
    assert "@import" not in text
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == found.count("script") == 1
    policy = next(attrs["content"] for _, attrs in found.tags if "http-equiv" in attrs)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )


def test_the_form_appears_with_the_script_only(run: Any, answers: Answers) -> None:
    found = Page(page(run, answers, "diff", diff_report()))
    form = next(attrs for tag, attrs in found.tags if tag == "form")
    assert "hidden" in form
    assert found.count("button") == 0, "headings become buttons where a script can sort"


def test_a_report_without_values_has_neither_table_nor_plot(run: Any, answers: Answers) -> None:
    text = page(run, answers, "diff", diff_report("same", values=()))
    assert "<svg" not in text
    assert 'id="values"' not in text


def test_columns_of_introduced_errors_only_where_they_were_measured(
    run: Any, answers: Answers
) -> None:
    values = tuple(row(f"v{index}", introduced={}, gain=None) for index in range(3))
    text = page(run, answers, "diff", diff_report("same", values=values))
    assert f"{TIMES} rounding</th>" not in text
    assert f"{TIMES} rounding</th>" in page(run, answers, "diff", diff_report())


def test_large_reports_stay_small_and_quick(run: Any, answers: Answers) -> None:
    values = tuple(
        row(f"/model/layers.{index // 30}/attention/MatMul_{index}_output_0", "noise", 1e-5)
        for index in range(3000)
    )
    start = time.perf_counter()
    text = page(run, answers, "diff", diff_report(values=values))
    assert time.perf_counter() - start < 15
    assert len(text) < 2_500_000
    assert text.count("<circle") <= MOST_POINTS
    assert text.count('<tr class="noise"') == 3000


def test_a_file_by_its_ending(run: Any, answers: Answers, tmp_path: Path) -> None:
    answers("diff", diff_report())
    result = run("diff", "a.onnx", "b.onnx", "-o", "report.HTML")
    assert result.exit_code == 1
    assert result.stdout.startswith("different: ")
    assert (tmp_path / "report.HTML").read_text().startswith("<!DOCTYPE html>")
    run("diff", "a.onnx", "b.onnx", "-o", "plain.html", "--format", "text")
    assert "<html" not in (tmp_path / "plain.html").read_text(), "what is asked for counts"


def test_the_neighbourhood_is_drawn(run: Any, answers: Answers) -> None:
    culprit = replace(CULPRIT, surroundings=AROUND)
    text = page(run, answers, "bisect", bisect_report(culprits=(culprit,)))
    (drawn,) = drawings(text)
    words = ["".join(one.itertext()) for one in drawn.iter("text")]
    for told in ("BatchNormalization", "bn2", "conv_out", "float32[1,64,?,w]", "com.example::Relu"):
        assert told in words
    assert any(re.fullmatch(r"adds 3.0e-02, 3,000\S", one) for one in words)
    looks = [one.get("class") for one in drawn.iter("g")]
    assert "box node culprit worst" in looks
    assert "box node around equal" in looks
    assert "box node region noise" in looks
    assert "box node around unknown" in looks
    assert "3 further neighbours left out" in Page(text).text
    assert "Conv conv feeds BatchNormalization bn2" in (drawn.get("aria-label") or "")
