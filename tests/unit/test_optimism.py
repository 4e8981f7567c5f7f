"""The best epoch on test: what it claims, what is left of it, and who may read which image for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.records import Cell, Finished
from ablate.report.gather.assemble import make_findings
from ablate.stats import optimism
from ablate.stats.optimism import Optimism, optimism_of, out_of_bag, right_by_epoch, watched_reads
from ablate.study.plan import make_plan
from tests.builders import a_study, cells_with

PUBLISHED = {"protocol": "best epoch on test, one run each", "accuracy": {"baseline": 50.0}}


def with_epochs(cell: Cell, correct: np.ndarray) -> Cell:
    """The same run with a record of its epochs."""
    run = cell.result
    assert isinstance(run, Finished)
    assert run.images is not None
    with np.load(run.folder / run.images) as stored:
        content = dict(stored)
    np.savez(run.folder / run.images, **content, epochs=np.packbits(correct, axis=1))
    return cell


def noisy_epochs(rng: np.random.Generator, *, epochs: int = 50, images: int = 360, level: float = 0.46) -> np.ndarray:
    """A plateau: every epoch is equally good, half of each image's luck persists."""
    lasting = rng.normal(size=images)
    chance = rng.normal(size=(epochs, images))
    return (lasting + chance) / np.sqrt(2) < float(np.quantile(rng.normal(size=100_000), level))


def test_the_best_of_equal_epochs_claims_too_much_and_the_out_of_bag_score_does_not() -> None:
    """Where the naive score is more than 2 points too high the corrected one is within 1 point of the truth."""
    rng = np.random.default_rng(1)
    naive, corrected = [], []
    for _ in range(40):
        correct = noisy_epochs(rng)
        naive.append(correct.mean(axis=1).max() - 0.46)
        corrected.append(out_of_bag(correct, rng).mean() - 0.46)

    assert np.mean(naive) > 0.02
    assert abs(np.mean(corrected)) < 0.01


def test_one_epoch_leaves_nothing_to_pick() -> None:
    """Then both scores are that epoch's, image by image."""
    correct = np.array([[True, False, True, True]])

    assert out_of_bag(correct, np.random.default_rng(0)).tolist() == [1, 0, 1, 1]


def test_the_same_seed_gives_the_same_answer() -> None:
    """A bootstrap is a function of its generator."""
    correct = noisy_epochs(np.random.default_rng(2), epochs=5, images=40)
    one, other = (out_of_bag(correct, np.random.default_rng(3)) for _ in range(2))

    assert np.array_equal(one, other)


def test_an_epoch_that_is_best_for_every_image_keeps_its_score() -> None:
    """Without luck there is no optimism."""
    correct = np.zeros((3, 50), dtype=bool)
    correct[1, :40] = True

    assert out_of_bag(correct, np.random.default_rng(4)).mean() == pytest.approx(0.8)


def watched(tmp_path: Path, **study: Any) -> list[Cell]:
    """The runs of a toy, with three epochs of which the second is best by four of its 200 images."""
    made = a_study(published=PUBLISHED, **study)
    cells = cells_with(make_plan(made), tmp_path)
    found = []
    for cell in cells:
        correct = np.zeros((3, 200), dtype=bool)
        correct[:, :100] = True
        correct[1, 100 : 104 + cell.replicate.index] = True
        found.append(with_epochs(cell, correct))
    return found


def test_optimism_is_paired_over_replicates(tmp_path: Path) -> None:
    """With epochs chosen on validation the run's own score is the honest one."""
    cells = [replace(cell) for cell in watched(tmp_path)]
    (first, *_) = optimism_of(cells, chosen_on_val=True)
    own = [
        cell.result.metrics["accuracy"]
        for cell in cells
        if cell.variant == "baseline" and isinstance(cell.result, Finished)
    ]
    gaps = np.array([104, 105, 106]) / 200 - own
    half = 4.302652729911275 * gaps.std(ddof=1) / np.sqrt(3)

    assert isinstance(first, Optimism)
    assert (first.variant, first.n_replicates, first.n_epochs) == ("baseline", 3, 3)
    assert first.as_source == pytest.approx(0.525)
    assert (first.optimism, first.lo, first.hi) == pytest.approx((gaps.mean(), gaps.mean() - half, gaps.mean() + half))


def test_every_read_is_in_the_ledger(tmp_path: Path) -> None:
    """Three variants, three epochs, 200 of 600 images per replicate."""
    reads = watched_reads(watched(tmp_path))

    assert reads == (600, 3 * 3 * 600, 9)


def test_the_report_shows_it_and_no_verdict_uses_it(tmp_path: Path) -> None:
    """The column is there just where the source says it chose so; verdicts are the same without it."""
    study = a_study(published=PUBLISHED)
    plan = make_plan(study)
    plain = cells_with(plan, tmp_path / "plain")
    seen = watched(tmp_path / "seen")
    told, untold = (
        make_findings(study, plan, cells, look=1, prepared={}, work=tmp_path, origin=None) for cells in (seen, plain)
    )

    assert plan.protocol.watch_test
    assert [row.variant for row in told.exploratory.optimism] == ["baseline", "BN", "Dropout"]
    assert any("as the source does it" in line for line in told.notices.remarks)
    assert untold.exploratory.optimism == ()
    assert [effect.decision.verdict_text for effect in told.effects] == [
        effect.decision.verdict_text for effect in untold.effects
    ]


@pytest.mark.parametrize("said", ["last epoch, 3 runs", "best epoch on validation", ""])
def test_other_protocols_watch_nothing(said: str) -> None:
    """Test images are read for that column only where a source chose on them."""
    assert not a_study(published={"protocol": said, "accuracy": {}}).protocol.watch_test


EIGHT = np.packbits(np.ones((2, 8), dtype=bool), axis=1)
IDS = np.array([f"{i}" for i in range(8)])


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {"epochs": EIGHT},
        {"id": IDS},
        {"id": IDS, "epochs": EIGHT[0]},
        {"id": IDS, "epochs": EIGHT.astype(np.int64)},
        {"id": IDS[:3], "epochs": np.repeat(EIGHT, 2, axis=1)},
        {"id": IDS, "epochs": EIGHT[:0]},
    ],
    ids=["no file", "no ids", "no epochs", "one axis", "other numbers", "other width", "no rows"],
)
def test_a_record_of_epochs_that_does_not_fit_is_none(stored: dict[str, np.ndarray] | None, tmp_path: Path) -> None:
    """As of another version, or damaged: the column is left out and nothing ends."""
    if stored is not None:
        np.savez(tmp_path / "outcomes.npz", **stored)

    assert right_by_epoch(Finished(folder=tmp_path, metrics={}, images="outcomes.npz")) is None


def test_a_run_without_outcomes_has_no_record_of_epochs(tmp_path: Path) -> None:
    """It was never written."""
    assert right_by_epoch(Finished(folder=tmp_path, metrics={})) is None


def test_a_record_too_large_to_unpack_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may stand for more answers than memory holds."""
    np.savez(tmp_path / "outcomes.npz", id=IDS, epochs=EIGHT)
    run = Finished(folder=tmp_path, metrics={}, images="outcomes.npz")
    whole = right_by_epoch(run)
    monkeypatch.setattr(optimism, "MOST_ANSWERS", 15)

    assert whole is not None
    assert whole.all()
    assert right_by_epoch(run) is None


def test_images_that_every_bootstrap_drew_have_no_score() -> None:
    """One bootstrap of one image leaves nobody out."""
    assert out_of_bag(np.array([[True]]), np.random.default_rng(0), bootstraps=1).tolist() == [0]


def test_one_replicate_has_no_interval_and_runs_without_a_result_read_nothing(tmp_path: Path) -> None:
    """A spread needs two; what failed was never tested."""
    first, *_ = watched(tmp_path)
    failed = replace(first, result=None)
    (found,) = optimism_of([first, failed], chosen_on_val=False)

    assert (found.lo, found.hi, found.n_replicates) == (-np.inf, np.inf, 1)
    assert watched_reads([first, failed]) == (200, 600, 3)
