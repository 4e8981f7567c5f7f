"""Saved views of MLflow's pages: written as MLflow writes them, once, beside the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from ablate.protocols import StudyCard
from ablate.track.entities import KnownRun
from ablate.track.experiments import experiment_tags
from ablate.track.memory import MemorySink
from ablate.track.projection import Projection
from ablate.track.saved_views import (
    MOST_VIEWS,
    PREFIX,
    first_page,
    is_known,
    newest_views,
    page_of,
    tags_of,
    view_id,
    views_of,
)
from tests.contract.tracking_builders import a_card, a_summary


def written(known: dict[str, str] | None = None, *, now: int = 1000, **card: Any) -> dict[str, str]:
    """The tags that a study's experiment gains."""
    described = a_card(**card)
    return tags_of(views_of(described), described.name, known or {}, now=now)


def states(tags: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Kind of view -> its state."""
    return {name.rpartition("-")[2]: json.loads(json.loads(value)["state"]) for name, value in tags.items()}


def test_a_study_has_views_of_its_steps_its_curves_and_its_cost() -> None:
    """Steps are variants in the study's order; curves and cost are replicates, grouped by their variant."""
    found = states(written())

    assert list(found) == ["steps", "curves", "cost"]
    assert found["steps"]["searchFilter"] == "tags.`ablate.level` = 'variant' AND tags.`ablate.study` = 'toy'"
    assert found["steps"]["orderByKey"] == "tags.`ablate.order`"
    assert "tags.`ablate.verdict`" in found["steps"]["selectedColumns"]
    for name in ("curves", "cost"):
        assert found[name]["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "ablate.variant"}]
        assert found[name]["runsHiddenMode"] == "SHOW_ALL"


def test_every_chart_is_in_a_section_that_is_there() -> None:
    """Validation before training, and the metric before the loss; sections of single values are folded."""
    drawn = states(written())["curves"]
    sections = {section["uuid"]: section for section in drawn["compareRunSections"]}

    assert [chart["metricKey"] for chart in drawn["compareRunCharts"]] == [
        "val/accuracy", "val/loss", "train/accuracy", "train/loss",
    ]  # fmt: skip
    assert {chart["metricSectionId"] for chart in drawn["compareRunCharts"]} <= sections.keys()
    assert [one["name"] for one in sections.values() if not one["display"]] == ["variant", "summary", "work"]
    assert len({chart["uuid"] for chart in drawn["compareRunCharts"]}) == 4


def test_a_search_has_a_view_of_its_trials() -> None:
    """All settings beside the metric, the first two against it, and the trials in order, on top of the page."""
    found = states(written(searched=("optimizer.lr", "batch_size", "epochs")))
    parallel, first, second, history = found["trials"]["compareRunCharts"]

    assert "steps" not in found
    assert found["trials"]["compareRunSections"][0]["name"] == "judged"
    assert parallel["selectedParams"] == ["optimizer.lr", "batch_size", "epochs"]
    assert parallel["selectedMetrics"] == ["judged/accuracy"]
    assert [first["xaxis"]["key"], second["xaxis"]["key"]] == ["optimizer.lr", "batch_size"]
    assert history["metricKey"] == "judged/accuracy"


def test_what_a_search_s_reader_sees_first_is_its_trials() -> None:
    """A study's, its steps; a server that shows no views has the list of runs."""
    search, study = a_card(searched=("lr",)), a_card()

    assert first_page(search, "7", "3.17.2") == page_of("7", view_id("toy", "trials"), "CHART")
    assert first_page(study, "7", "3.17.2") == page_of("7", view_id("toy", "steps"), "TABLE")
    assert first_page(study, "7", "2.22.0") == "/#/experiments/7/runs?workflowType=machine_learning"


def test_once_a_search_ended_the_settings_that_mattered_most_are_shown_against_the_metric() -> None:
    """Those of which nothing is known come after them; one that is no setting of the search is left out."""
    sink = Experiment()
    projection = Projection(a_card(searched=("batch_size", "optimizer.lr", "epochs")), sink)
    projection.begin()
    projection.end(a_summary(searched=("epochs", "optimizer.lr", "gone")))

    assert [card.searched for card in sink.cards] == [
        ("batch_size", "optimizer.lr", "epochs"),
        ("epochs", "optimizer.lr", "batch_size"),
    ]


class Experiment(MemorySink):
    """Remembers how the study was described."""

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[StudyCard] = []

    def open(self, card: StudyCard) -> Iterable[KnownRun]:
        """Its runs."""
        self.cards.append(card)
        return super().open(card)


def test_what_is_there_is_written_once() -> None:
    """Told again nothing changes; a new metric changes the view and keeps when it was made."""
    known = written(now=1000)
    assert written(known, now=2000) == {}

    changed = written(known, now=3000, metric="macro_f1")
    made = json.loads(changed[PREFIX + view_id("toy", "steps")])
    assert (made["createdAt"], made["updatedAt"], made["name"]) == (1000, 3000, "toy: steps")


@pytest.mark.parametrize("theirs", [MOST_VIEWS - 1, MOST_VIEWS])
def test_views_of_the_user_s_own_are_left_alone(theirs: int) -> None:
    """MLflow takes forty; where they are used up ours stay away."""
    known = {f"{PREFIX}{number}": "{}" for number in range(theirs)}

    assert len(written(known)) == MOST_VIEWS - theirs
    assert not written(known).keys() & known.keys()


def test_a_quote_in_a_name_is_no_part_of_the_search() -> None:
    """MLflow knows no way to write one; the view then shows all studies of the experiment."""
    assert states(written(name="it's"))["steps"]["searchFilter"] == "tags.`ablate.level` = 'variant'"


@pytest.mark.parametrize(
    ("version", "known"), [("3.17.2", True), ("3.18.0", True), ("3.16.1", False), ("2.22.0", False), ("", False)]
)
def test_other_versions_of_mlflow_get_no_views(version: str, known: bool) -> None:  # noqa: FBT001
    """There a view would be shown as a broken one; name and question of the experiment are told to all."""
    tags = experiment_tags(a_card(), {}, version=version)

    assert is_known(version) is known
    assert any(name.startswith(PREFIX) for name in tags) is known
    assert tags["mlflow.note.content"] == "Does dropout help?"


def test_the_newest_study_s_views_are_named_with_their_pages() -> None:
    """Steps first, without any part of a search in the address, which MLflow would take in the view's place."""
    older, newer = written(now=1000), written(now=2000, name="later")
    experiment = {
        "experiment_id": "7",
        "tags": [{"key": key, "value": value} for key, value in (older | newer).items()],
    }
    theirs = {"experiment_id": "8", "tags": [{"key": f"{PREFIX}abc", "value": "{}"}, {"key": "team", "value": "a"}]}

    found = newest_views([theirs, experiment])

    assert [view.name for view in found] == ["later: steps", "later: curves", "later: cost"]
    assert found[0].page == page_of("7", view_id("later", "steps"), "TABLE")
    assert "searchFilter" not in found[0].page
    assert newest_views([theirs]) == []
