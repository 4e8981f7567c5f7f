"""From records to arrays and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ablate.records import Cell
from ablate.splits.rules import Folds, Replicate, Share
from ablate.stats.frame import different_tests, image_scores, results_frame, run_numbers
from tests.builders import a_failed, a_finished, a_plan, cells_with

FOLDS = Folds(count=3)
FIXED = Share(share=0.2)


def a_cell(variant: str, replicate: int, folder: Path, scores: dict[str, float], **changes: object) -> Cell:
    """One finished run with these scores."""
    run = a_finished(folder / f"{variant}-{replicate}", scores=scores, **changes)  # type: ignore[arg-type]
    return Cell(variant=variant, replicate=Replicate(index=replicate), result=run)


def test_the_frame_has_a_row_for_every_run_and_no_number_for_a_failed_one(tmp_path: Path) -> None:
    """A failed run is a row with its reason; its metrics are missing, never zero."""
    failed = a_failed(tmp_path / "failed", reason="oom", message="out of memory")
    cells = cells_with(a_plan(), tmp_path, results={("BN", 1): failed, ("BN", 2): None})
    frame = results_frame(cells)

    assert len(frame) == 9
    bn = frame[frame["variant"] == "BN"].set_index("replicate")
    assert list(bn["status"]) == ["finished", "failed", "missing"]
    assert bn.loc[1, "reason"] == "oom: out of memory"
    assert bn["accuracy"].isna().tolist() == [False, True, True]


def test_the_frame_carries_cost_and_origin(tmp_path: Path) -> None:
    """What a run cost and which code and data made it stand beside its metrics."""
    row = results_frame(cells_with(a_plan(), tmp_path)).iloc[0]

    assert (row["parameters"], row["steps"], row["seconds"]) == (1000, 30, 2.0)
    assert row["source_digest"].startswith("c0de")


def test_numbers_line_up_by_replicate(tmp_path: Path) -> None:
    """A run without the metric leaves a hole in its own place."""
    cells = cells_with(a_plan(), tmp_path, results={("BN", 1): a_failed(tmp_path / "failed")})
    numbers = run_numbers(cells, ["baseline", "BN"], "accuracy")

    assert numbers.variants == ("baseline", "BN")
    assert [value is None for value in numbers.values[1]] == [False, True, False]


def test_scores_line_up_by_image_whatever_order_they_were_stored_in(tmp_path: Path) -> None:
    """The same image stands in the same place for all variants of a replicate."""
    cells = [
        a_cell("baseline", 0, tmp_path, {"b": 1.0, "a": 0.0, "c": 1.0}),
        a_cell("BN", 0, tmp_path, {"c": 0.0, "b": 1.0, "a": 1.0}),
    ]
    scored = image_scores(cells, ["baseline", "BN"], FIXED)

    assert scored is not None
    assert [np.asarray(row[0]).tolist() for row in scored.cells.scores] == [[0, 1, 1], [1, 1, 0]]


def test_an_image_keeps_its_number_in_all_replicates(tmp_path: Path) -> None:
    """A fixed test part is recognised as one, though the records hold names only."""
    cells = [a_cell("baseline", r, tmp_path, {"a": 1.0, "b": 0.0}) for r in range(3)]
    scored = image_scores(cells, ["baseline"], FIXED)

    assert scored is not None
    assert scored.cells.form == "fixed"


def test_folds_of_a_repetition_are_told_apart(tmp_path: Path) -> None:
    """Replicate 3 of three folds begins a second repetition, in which images may recur."""
    scored = image_scores(cells_with(a_plan(evidence={"replicates": [6]}), tmp_path), ["baseline"], FOLDS)

    assert scored is not None
    assert (scored.cells.form, scored.cells.repetition) == ("folds", (0, 0, 0, 1, 1, 1))


def test_one_run_without_image_scores_means_none_are_used(tmp_path: Path) -> None:
    """Half of the runs image by image and half by their number would be two different questions."""
    cells = [
        a_cell("baseline", 0, tmp_path, {"a": 1.0, "b": 0.0}),
        Cell(variant="BN", replicate=Replicate(index=0), result=a_finished(tmp_path / "plain")),
    ]

    assert image_scores(cells, ["baseline", "BN"], FIXED) is None


def test_nothing_finished_gives_no_scores(tmp_path: Path) -> None:
    """There is nothing to read."""
    cells = cells_with(
        a_plan(), tmp_path, results={(v, r): None for v in ("baseline", "BN", "Dropout") for r in (0, 1, 2)}
    )

    assert image_scores(cells, ["baseline", "BN", "Dropout"], FOLDS) is None


def test_a_variant_with_other_test_images_is_named_and_left_out(tmp_path: Path) -> None:
    """It is never cut to the images it has in common with the rest."""
    cells = [
        a_cell("baseline", 0, tmp_path, {"a": 1.0, "b": 0.0}),
        a_cell("BN", 0, tmp_path, {"a": 1.0, "b": 1.0}),
        a_cell("other", 0, tmp_path, {"b": 1.0, "c": 1.0}, test_digest="elsewhere"),
    ]
    variants = ["baseline", "BN", "other"]
    scored = image_scores(cells, variants, FIXED)

    assert scored is not None
    assert scored.different_test == {"other"} == different_tests(cells, variants)
    assert scored.cells.scores[2] == (None,)


def test_runs_that_say_nothing_of_their_test_images_are_not_suspected(tmp_path: Path) -> None:
    """A trainer of plain numbers records no digest, and none is missed."""
    cells = cells_with(a_plan(), tmp_path, scored=False)

    assert different_tests(cells, ["baseline", "BN", "Dropout"]) == frozenset()
