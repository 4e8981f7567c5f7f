"""The page of a search: figures as numbers, tables, and names that mean no harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ablate.report.figures.drawing import png_of
from ablate.report.page.blocks import Image
from ablate.report.page.html import html_page
from ablate.report.page.markdown import markdown_page
from ablate.report.search.drawing import draw_contour, draw_front, draw_history, draw_parallel, draw_timeline
from ablate.report.search.facts import Goal, ImportanceRow, ParallelAxis, SearchFacts, Span, TrialRow
from ablate.report.search.figures import (
    contour_info,
    front_info,
    history_info,
    important,
    parallel_info,
    search_curves_info,
    slice_infos,
    timeline_info,
    worst_shown,
)
from ablate.report.search.page import describe_search, first_search_sentence, search_page
from ablate.report.search.render import trials_csv

ACCURACY = Goal(name="accuracy", label="Validation accuracy (%)", is_more_better=True, scale=100.0, decimals=2)
SIZE = Goal(name="parameters", label="Parameters", is_more_better=False, scale=1.0, decimals=0)


def a_trial(number: int, value: float | None, lr: float, kind: str = "a", **changes: Any) -> TrialRow:
    """A trial that ran for a second from second `number` on, two epochs."""
    row = TrialRow(
        number=number,
        name=f"trial {number}",
        state="complete" if value is not None else "pruned",
        values=None if value is None else (value,),
        point={"lr": lr, "kind": kind},
        curve=((1, 10.0), (2, value or 20.0)),
        spans=(Span(start=float(number), end=number + 1.0),),
        epochs=2,
        seconds=1.0,
        cached=False,
        reason="",
        fingerprints=(f"{number:064d}",),
    )
    return replace(row, **changes)


TRIALS = (a_trial(0, 50.0, 1e-3), a_trial(1, 70.0, 1e-2, "b"), a_trial(2, None, 1e-1), a_trial(3, 60.0, 1e-4))


def a_search(trials: tuple[TrialRow, ...] = TRIALS, **changes: Any) -> SearchFacts:
    """Four trials over a rate on a logarithmic axis and a choice; the second is the best."""
    finished = [trial for trial in trials if trial.value is not None]
    facts = SearchFacts(
        name="toy-search",
        question="Which?",
        goals=(ACCURACY,),
        axes=(ParallelAxis(name="kind", choices=("a", "b"), log=False), ParallelAxis(name="lr", choices=(), log=True)),
        trials=trials,
        best=max(finished, key=lambda trial: trial.value or 0.0, default=None),
        baseline=trials[0] if trials else None,
        front=frozenset({1}),
        importance=(
            ImportanceRow(name="lr", fanova=0.8, ped_anova=0.6),
            ImportanceRow(name="kind", fanova=0.2, ped_anova=0.4),
        ),
        confirmation=None,
        replicates=1,
        val=0.1,
        test="fold 0 is sealed",
        sampler="tpe",
        pruner="median",
        stopped="",
        place="optuna.journal",
        best_file="study: x\n",
    )
    return replace(facts, **changes)


def test_the_search_of_a_small_version_says_first_what_it_is() -> None:
    """Before the best setting, which is the best at that size."""
    said = describe_search(a_search(small="It keeps the changes."))

    assert "Small version (--small), not the study itself: It keeps the changes." in said.splitlines()[0]
    assert "Small version" not in describe_search(a_search())


def test_the_best_so_far_never_gets_worse() -> None:
    """Whatever direction is better."""
    up, down = history_info(a_search()), history_info(a_search(goals=(replace(ACCURACY, is_more_better=False),)))
    assert up is not None
    assert down is not None

    assert up.best == (50.0, 70.0, 70.0)
    assert down.best == (50.0, 50.0, 50.0)
    assert up.given_up == ((2, 20.0),)
    assert up.baseline == 50.0


def test_the_most_important_parameters_come_first() -> None:
    """In slices, in the contour, and in the parallel coordinates."""
    facts = a_search()
    contour, parallel = contour_info(facts), parallel_info(facts)

    assert [axis.name for axis in important(facts)] == ["lr", "kind"]
    assert [info.ticks.label for info in slice_infos(facts)] == ["lr", "kind"]
    assert contour is None  # of three finished trials no surface can be drawn
    assert parallel is not None
    assert [ticks.label for ticks in parallel.axes] == ["lr", "kind"]
    assert parallel.lines[parallel.best] == ((1.0, 1.0), 70.0)
    assert parallel.ends[0] == ("0.0001", "0.01")


def test_attempts_are_laid_on_as_few_lines_as_ran_side_by_side() -> None:
    """Two at a time are two workers; the hour between two calls is cut out."""
    side = a_trial(1, 70.0, 1e-2, spans=(Span(start=0.5, end=1.5),))
    late = a_trial(3, 60.0, 1e-4, spans=(Span(start=3600.0, end=3601.0),))
    info = timeline_info(a_search((TRIALS[0], side, late)))
    assert info is not None

    assert info.workers == 2
    assert [(worker, begin, end) for worker, begin, end, _ in info.bars] == [
        (0, 0.0, 1.0),
        (1, 0.5, 1.5),
        (0, 1.5, 2.5),
    ]


def test_curves_of_trials_that_were_given_up_are_told_apart() -> None:
    """The best one stands apart from all."""
    info = search_curves_info(a_search())
    assert info is not None

    assert [state for _, _, state in info.lines] == ["complete", "pruned", "complete"]
    assert info.best == ((1, 2), (10.0, 70.0))


def test_two_objectives_have_a_front() -> None:
    """In the order of what is paid."""
    trials = tuple(
        replace(a_trial(i, v, 1e-3), values=(v, cost)) for i, (v, cost) in enumerate([(50.0, 10.0), (70.0, 20.0)])
    )
    info = front_info(a_search(trials, goals=(ACCURACY, SIZE), front=frozenset({0, 1})))
    assert info is not None

    assert info.front == ((10.0, 50.0, "trial 0"), (20.0, 70.0, "trial 1"))
    assert front_info(a_search()) is None


def test_the_sentence_does_not_praise_what_nobody_confirmed() -> None:
    """The best of many looks better than it is."""
    assert first_search_sentence(a_search()) == (
        "The best of 3 finished trials is trial 1: 70.00 % validation accuracy, against 50.00 % of the baseline. "
        "The best of many looks better than it is: what it is worth, only a confirmation says."
    )
    assert first_search_sentence(a_search((TRIALS[2],), baseline=None)) == "None of 1 trial finished."


def test_the_table_has_every_trial_in_stored_units() -> None:
    """A spreadsheet takes no cell for a formula."""
    facts = a_search((*TRIALS, a_trial(4, None, 1e-5, "=1+1", state="failed", reason="=cmd")))
    lines = trials_csv(facts).splitlines()

    assert lines[0] == "trial,kind,lr,val accuracy,state,epochs,seconds,cached,reason,fingerprint"
    assert lines[2].startswith("1,b,0.01,0.7,complete,2,1.0,False,,")
    assert lines[5].startswith("4,'=1+1,1e-05,,failed,2,1.0,False,'=cmd,")


def test_names_cannot_break_the_page() -> None:
    """A pipe, a tag or a link in a choice stays text."""
    facts = a_search((a_trial(0, 50.0, 1e-3, "a|b<script>[x](y)"),))
    page = search_page(replace(facts, name="<b>"), ())
    text, html = markdown_page(page), html_page(page)

    assert "<script>" not in text
    assert "[x](y)" not in text
    assert html.count("<script>") == 1  # the page's own
    assert "b<script>" not in html
    assert "<b>" not in html
    assert "default-src 'none'" in html


@pytest.mark.parametrize("trials", [TRIALS, TRIALS[:1], (TRIALS[2],), ()], ids=["four", "one", "none finished", "no"])
def test_figures_that_cannot_be_drawn_are_left_out(trials: tuple[TrialRow, ...]) -> None:
    """And those that can be are drawn."""
    facts = a_search(trials, baseline=None)
    drawings = [
        (draw_history, history_info(facts)),
        (draw_parallel, parallel_info(facts)),
        (draw_timeline, timeline_info(facts)),
        (draw_contour, contour_info(facts)),
    ]
    drawn = [png_of(draw, info) for draw, info in drawings if info is not None]  # type: ignore[arg-type]

    assert all(content.startswith(b"\x89PNG") for content in drawn)
    assert len(drawn) == {4: 3, 1: 2 if trials and trials[0].value is not None else 1, 0: 0}[len(trials)]


def test_a_few_hopeless_trials_do_not_press_the_others_into_one_line() -> None:
    """The axis ends where three in four trials can be told apart; the baseline stays inside."""
    good = tuple(a_trial(i, 95.0 + i / 2, 10.0**-i) for i in range(6))
    lost = a_trial(6, 10.0, 1e-1)
    facts = a_search((*good, lost))
    info = history_info(facts)
    assert info is not None
    figure = draw_history(info)
    (axes,) = figure.axes

    assert info.edge is not None
    assert 90 < info.edge < 95
    assert axes.get_ylim()[0] == info.edge
    assert worst_shown(a_search(good), [row.value or 0.0 for row in good]) is None
    assert worst_shown(replace(facts, baseline=lost), [row.value or 0.0 for row in facts.complete]) is None


def test_a_parameter_under_a_choice_comes_behind_those_that_all_trials_have() -> None:
    """Only some trials have it: fANOVA tells nothing of it, and the contour would have few dots."""
    rows = (ImportanceRow(name="kind", fanova=None, ped_anova=0.9), ImportanceRow(name="lr", fanova=0.8, ped_anova=0.1))

    assert [axis.name for axis in important(a_search(importance=rows))] == ["lr", "kind"]


def test_the_front_of_two_objectives_has_names() -> None:
    """A reader finds its trials in the table; several in one place share a label."""
    pairs = ((90.0, 100.0), (95.0, 2000.0), (95.0, 2000.0))
    trials = tuple(a_trial(i, 0.0, 1e-3, values=pair) for i, pair in enumerate(pairs))
    info = front_info(a_search(trials, goals=(ACCURACY, SIZE), front=frozenset({0, 1, 2}), baseline=None))
    assert info is not None
    (axes,) = draw_front(info).axes

    assert [text.get_text() for text in axes.texts] == ["trial 0", "trial 1 and 1 more"]


def test_the_baseline_beside_the_search_is_no_trial() -> None:
    """Asked for three trials, a reader is told of three."""
    base = a_trial(-1, 40.0, 1e-3, name="baseline")
    facts = a_search((base, *TRIALS))
    text = markdown_page(search_page(facts, ()))

    assert first_search_sentence(facts).startswith("The best of 3 finished trials")
    assert "4 trials and the baseline: 3 finished, 1 pruned" in text


def test_the_page_is_one_file_with_its_figures_and_links() -> None:
    """Printed like every report: contents, dark mode, figures inside, links to the files beside it."""
    image = Image("figures/history.png", "History", "Each trial.", b"\x89PNG")
    page = search_page(a_search(), (image,), "A font is missing.")
    html, text = html_page(page), markdown_page(page)

    assert '<a href="#history">History</a>' in html
    assert 'src="data:image/png;base64,iVBORw=="' in html
    assert "prefers-color-scheme: dark" in html
    assert '<a href="best.yaml">best.yaml</a>' in html
    assert "A font is missing." in html
    assert "A font is missing." in text
    assert "![History](figures/history.png)\n\nEach trial." in text
    assert "[best.yaml](best.yaml)" in text
    assert "ablate run reports/toy-search/best.yaml" in text
    assert "tables/" not in html  # a search has none


def test_the_description_is_the_first_screen() -> None:
    """The sentence and the best setting, in Markdown."""
    text = describe_search(a_search())

    assert text.startswith("**The best of 3 finished trials is trial 1")
    assert "| lr | 0.01 | 0.001 |" in text
