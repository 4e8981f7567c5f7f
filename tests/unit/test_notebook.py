"""What a notebook shows of studies, plans, effects and progress: tables with every text escaped."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import ablate
from ablate.harness.progress import Progress, Running
from ablate.records import Cell
from ablate.results.question import question_of
from ablate.safety.html_table import Interval, html_table
from ablate.stats.effects import estimate_effects
from ablate.study.plan import make_plan
from ablate.workflows.notebook import notebook_progress
from tests.builders import a_study, cells_with

EVIL = "<script>alert('x')</script>\u202e"


class Seen(HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.elements: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """One element."""
        self.elements.append(tag)

    def handle_data(self, data: str) -> None:
        """Text between elements."""
        self.text += data


def test_every_text_is_escaped_and_every_interval_drawn() -> None:
    """Names may hold anything; marks that turn the direction of writing are gone."""
    page = html_table([EVIL, "interval"], [[EVIL, Interval(1.0, None, float("inf"), EVIL)]], title=EVIL, lines=[EVIL])
    seen = Seen(page)

    assert set(seen.elements) == {
        "div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "svg", "line", "circle",
    }  # fmt: skip
    assert seen.text.count("<script>alert('x')</script>") == 4
    assert "\u202e" not in page


def test_an_estimate_that_is_not_known_is_not_drawn() -> None:
    """An empty cell."""
    assert "svg" not in html_table(["interval"], [[Interval(None, None, None)]])


def test_a_study_shows_its_question_and_its_changes() -> None:
    """As they stand in the file."""
    study = a_study(question=EVIL, compare={"quiet": {"with": "BN", "set": {"noise": 1.25}}})
    seen = Seen(study._repr_html_())

    assert "<script>alert('x')</script>" in seen.text
    assert "script" not in seen.elements
    for text in ("toy", "BN", "gain: 10.0", "quiet", "noise: 1.25", "metric: accuracy", "test: {folds: 3}"):
        assert text in seen.text


def test_a_plan_shows_its_variants_and_what_they_are_compared_with() -> None:
    """And how many runs there will be at most."""
    seen = Seen(make_plan(a_study())._repr_html_())

    for text in ("baseline", "Dropout", "noise: 1.5", "BN (chain)", "3 variants, 2 comparisons, 9 runs at most"):
        assert text in seen.text


def test_effects_show_their_verdicts(tmp_path: Path) -> None:
    """In points; they stay the tuple they were."""
    study = a_study()
    plan = make_plan(study)
    cells = cells_with(plan, tmp_path)
    effects = estimate_effects(cells, plan.contrasts, question_of(study, plan))
    seen = Seen(effects._repr_html_())
    none = [Cell(variant=cell.variant, replicate=cell.replicate, result=None) for cell in cells]

    assert effects == tuple(effects)
    assert "points" in seen.text
    assert all(contrast.name in seen.text for contrast in plan.contrasts)
    assert seen.elements.count("svg") == len(plan.contrasts)
    assert "not assessable" in Seen(estimate_effects(none, plan.contrasts, question_of(study, plan))._repr_html_()).text


def test_a_finished_study_shows_its_first_screen(tmp_path: Path) -> None:
    """And where its report lies."""
    done = ablate.run_study(a_study(), work=tmp_path, options=ablate.Options(executor="inline", track=False))
    seen = Seen(done._repr_html_())

    assert "Dropout" in seen.text
    assert str(done.report) in seen.text
    assert "svg" in seen.elements


def test_progress_shows_a_bar_a_run() -> None:
    """Names escaped."""
    progress = Progress(total=8, done=2, failed=1, running={Path("a"): Running(EVIL, epoch=3, epochs=4)})
    seen = Seen(progress._repr_html_())

    assert seen.elements.count("progress") == 2
    assert "2 of 8 runs ended, 1 failed" in seen.text
    assert "<script>" in seen.text
    assert "epoch 3 of 4" in seen.text


class Kernel:
    """As much of IPython as a notebook's display needs."""

    def __init__(self, patch: pytest.MonkeyPatch, **shell: Any) -> None:
        """In the place of the package."""
        self.drawn: list[str] = []
        main, display = ModuleType("IPython"), ModuleType("IPython.display")
        main.get_ipython = lambda: SimpleNamespace(**shell)  # type: ignore[attr-defined]
        display.display = self.display  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "IPython", main)
        patch.setitem(sys.modules, "IPython.display", display)

    def display(self, shown: Any, *, display_id: bool) -> Kernel:
        """Draw, and return what draws again."""
        assert display_id
        self.update(shown)
        return self

    def update(self, shown: Any) -> None:
        """Draw again."""
        self.drawn.append(shown._repr_html_())


def test_a_notebook_shows_progress_below_the_cell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without anything being asked for; the last drawing says that all runs have ended."""
    kernel = Kernel(monkeypatch, kernel=object())
    ablate.run_study(a_study(), work=tmp_path, options=ablate.Options(executor="inline", track=False))

    assert "9 of 9 runs ended" in kernel.drawn[-1]


def test_small_steps_are_not_drawn_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel's connection is slower than a training step; what has ended is always drawn."""
    kernel = Kernel(monkeypatch, kernel=object())
    show = notebook_progress()
    assert show is not None
    for kind in ("started", "progress", "progress", "ended"):
        show(Progress(total=1, kind=kind))  # type: ignore[arg-type]  # one of its words

    assert len(kernel.drawn) == 2


def test_elsewhere_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a script nor in a terminal's IPython."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert notebook_progress() is None

    Kernel(monkeypatch)
    assert notebook_progress() is None
