"""Every contrast of a plan answered, within its family and at its look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.records import Cell, Contrast, Finished
from ablate.results.question import question_of
from ablate.stats.effects import Effect, estimate_effects, is_to_come, look_shares, open_variants, variant_levels
from ablate.study.plan import Plan, make_plan
from ablate.study.study import Study
from tests.builders import a_failed, a_study, cells_with

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}


def effects_of(study: Study, work: Path, *, look: int = 1, **cells: Any) -> dict[str, Effect]:
    """Contrast name -> effect over `cells_with(**cells)`."""
    plan = make_plan(study)
    return judged(study, plan, cells_with(plan, work, look=look, **cells), look=look)


def judged(study: Study, plan: Plan, cells: Sequence[Cell], *, look: int = 1) -> dict[str, Effect]:
    """Contrast name -> effect over these cells."""
    found = estimate_effects(cells, plan.contrasts, question_of(study, plan), look=look)
    return {effect.contrast.name: effect for effect in found}


def verdicts(effects: dict[str, Effect]) -> dict[str, str]:
    """Contrast name -> verdict."""
    return {name: effect.judged.verdict for name, effect in effects.items()}


def test_a_clear_gain_is_found_and_nothing_is_not(tmp_path: Path) -> None:
    """Ten points stand out on 600 images; two equal variants do not differ."""
    effects = effects_of(a_study(), tmp_path)

    assert effects["BN"].judged.verdict == "better"
    assert effects["Dropout"].judged.verdict in ("same", "no_worthwhile_gain", "undecided")
    estimate = effects["BN"].estimate
    assert estimate is not None
    assert estimate.difference == pytest.approx(0.10, abs=0.02)
    assert (estimate.n_replicates, estimate.n_images, estimate.basis) == (3, 600, "images")


def test_effects_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    """Families are judged one by one, but a reader meets the contrasts as the study lists them."""
    study = a_study(factors=THREE, compare={"deep": {"with": "BN", "set": {"gain": 12.0}}})
    plan = make_plan(study)
    mixed = (plan.contrasts[-1], *plan.contrasts[:-1])
    cells = cells_with(plan, tmp_path)
    found = estimate_effects(cells, mixed, question_of(study, plan))

    assert [effect.contrast for effect in found] == list(mixed)


def test_families_are_adjusted_separately(tmp_path: Path) -> None:
    """A question outside the design costs the chain nothing."""
    alone = effects_of(a_study(factors=THREE), tmp_path / "a")
    beside = effects_of(a_study(factors=THREE, compare={"deep": {"set": {"gain": 12.0}}}), tmp_path / "b")

    assert beside["Dropout"].judged.p_adjusted == pytest.approx(alone["Dropout"].judged.p_adjusted)
    assert beside["deep"].judged.p_adjusted == pytest.approx(beside["deep"].estimate.p)  # type: ignore[union-attr]


def test_every_member_of_a_family_counts_even_one_that_failed(tmp_path: Path) -> None:
    """Dropping a variant that failed would make the others look surer than they are."""
    failed = {("GAP head", r): a_failed(tmp_path / f"failed{r}") for r in range(3)}
    effects = effects_of(a_study(factors=THREE), tmp_path, results=failed)
    raw = effects["BN"].estimate

    assert raw is not None
    assert effects["BN"].judged.p_adjusted == pytest.approx(3 * raw.p)


def test_a_failed_run_reduces_n_of_the_contrasts_that_need_it(tmp_path: Path) -> None:
    """A contrast uses the replicates in which all its variants finished, no more and no fewer."""
    effects = effects_of(a_study(factors=THREE), tmp_path, results={("BN", 1): a_failed(tmp_path / "failed")})
    counts = {name: effect.estimate.n_replicates for name, effect in effects.items() if effect.estimate}

    assert counts == {"BN": 2, "Dropout": 2, "GAP head": 3}


def test_a_variant_without_a_finished_run_cannot_be_judged(tmp_path: Path) -> None:
    """There is no estimate, and the reason says why."""
    failed = {("Dropout", r): a_failed(tmp_path / f"failed{r}") for r in range(3)}
    effect = effects_of(a_study(), tmp_path, results=failed)["Dropout"]

    assert effect.estimate is None
    assert (effect.judged.verdict, effect.judged.reason) == (
        "not_assessable",
        "no replicate in which all its runs finished",
    )


def test_a_single_run_shows_an_interval_but_no_verdict(tmp_path: Path) -> None:
    """One run of each variant knows nothing of the luck of a run."""
    effect = effects_of(a_study(evidence={"replicates": [1]}), tmp_path)["BN"]

    assert effect.estimate is not None
    assert (effect.judged.verdict, effect.judged.reason) == ("not_assessable", "single run")


def test_runs_that_are_still_to_come_are_waited_for(tmp_path: Path) -> None:
    """A verdict before the last run of a look would be a look nobody has paid for."""
    effects = effects_of(a_study(), tmp_path, results={("Dropout", 2): None})

    assert verdicts(effects) == {"BN": "better", "Dropout": "not_assessable"}
    assert effects["Dropout"].judged.reason == "runs of this look are still missing"
    assert effects["Dropout"].estimate is not None


def test_an_interrupted_run_is_still_to_come_a_failed_one_is_not(tmp_path: Path) -> None:
    """Only what the next command makes anyway is waited for."""
    cell = cells_with(make_plan(a_study()), tmp_path)[0]

    assert not is_to_come(cell)
    assert is_to_come(replace(cell, result=None))
    assert is_to_come(replace(cell, result=a_failed(tmp_path / "stopped", reason="interrupted")))
    assert not is_to_come(replace(cell, result=a_failed(tmp_path / "failed", reason="diverged")))


def test_alpha_is_split_over_three_looks_as_planned_and_else_by_their_size() -> None:
    """Whatever the looks, they share one error rate."""
    assert look_shares((5, 10, 20)) == (0.1, 0.2, 0.7)
    assert look_shares((3, 6)) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert sum(look_shares((2, 4, 6, 8))) == pytest.approx(1)


def test_an_early_look_pays_for_the_later_ones(tmp_path: Path) -> None:
    """The same runs weigh less at the first of two looks than at an only one."""
    only = effects_of(a_study(), tmp_path / "a")["Dropout"].judged
    first = effects_of(a_study(evidence={"replicates": [3, 6]}), tmp_path / "b")["Dropout"].judged

    assert first.p_adjusted == pytest.approx(min(1.0, 3 * only.p_adjusted))
    assert (first.lo_all, first.hi_all) != (only.lo_all, only.hi_all)
    assert first.lo_all < only.lo_all < only.hi_all < first.hi_all


def test_a_planned_look_later_counts_what_the_earlier_one_has_spent(tmp_path: Path) -> None:
    """At the second look p weighs by that look's share, never as if it were the first time."""
    study = a_study(factors={"BN": {"gain": 1.0}}, evidence={"replicates": [3, 6]})
    effect = effects_of(study, tmp_path, look=2, effect=2.0)["BN"]
    first = effects_of(study, tmp_path, look=1, effect=2.0)["BN"]

    assert effect.estimate is not None
    assert first.estimate is not None
    assert (effect.look, effect.estimate.n_replicates) == (2, 6)
    spent = min(first.estimate.p / (1 / 3), effect.estimate.p / (2 / 3))
    assert effect.judged.p_adjusted == pytest.approx(min(1.0, spent))


def test_what_an_earlier_look_has_decided_stays_decided(tmp_path: Path) -> None:
    """Runs added later neither take a verdict back nor change its numbers."""
    study = a_study(evidence={"replicates": [3, 6]})
    first = effects_of(study, tmp_path)["BN"]
    later = {(variant, r): a_failed(tmp_path / f"{variant}{r}") for variant in ("baseline", "BN") for r in (3, 4, 5)}
    second = effects_of(study, tmp_path, look=2, results=later)["BN"]

    assert first.judged.verdict == "better"
    assert second == first


def test_missing_runs_of_a_later_look_leave_an_earlier_verdict_alone(tmp_path: Path) -> None:
    """Only what is still open waits for them."""
    later = {("baseline", r): None for r in (3, 4, 5)} | {("Dropout", 5): None}
    effects = effects_of(
        a_study(evidence={"replicates": [3, 6]}), tmp_path, look=2, results=later, levels={"Dropout": 73.0}
    )

    assert verdicts(effects) == {"BN": "better", "Dropout": "not_assessable"}


def test_a_variant_tested_on_other_images_is_not_assessable(tmp_path: Path) -> None:
    """Two test sets are two questions; the contrasts that do not touch it are judged as ever."""
    study = a_study(factors=THREE)
    plan = make_plan(study)
    cells = [elsewhere(cell) if cell.variant == "GAP head" else cell for cell in cells_with(plan, tmp_path)]
    effects = judged(study, plan, cells)

    assert effects["GAP head"].judged.reason == "different test sets"
    assert effects["BN"].judged.verdict == "better"


def test_other_test_images_are_noticed_where_only_numbers_are_compared(tmp_path: Path) -> None:
    """A metric without scores of images is no excuse for comparing two test sets."""
    study = a_study(evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.05})
    plan = make_plan(study)
    cells = [elsewhere(cell) if cell.variant == "BN" else cell for cell in cells_with(plan, tmp_path)]

    assert {e.judged.reason for e in judged(study, plan, cells).values()} == {"different test sets"}


def elsewhere(cell: Cell) -> Cell:
    """The same run, tested on images of its own."""
    assert isinstance(cell.result, Finished)
    return replace(cell, result=replace(cell.result, test_digest="elsewhere"))


def test_a_contrast_that_the_plan_calls_not_assessable_stays_so(tmp_path: Path) -> None:
    """No number can overrule what the plan knows."""
    study = a_study()
    plan = make_plan(study)
    refused: list[Contrast] = [replace(c, not_assessable="different test sets") for c in plan.contrasts]
    found = estimate_effects(cells_with(plan, tmp_path), refused, question_of(study, plan))

    assert {effect.judged.verdict for effect in found} == {"not_assessable"}
    assert all(effect.estimate is not None for effect in found)


def test_plain_numbers_are_paired_by_fold(tmp_path: Path) -> None:
    """A trainer that reports numbers only gets statistics over replicates."""
    estimate = effects_of(a_study(), tmp_path, scored=False)["BN"].estimate

    assert estimate is not None
    assert (estimate.basis, estimate.n_images) == ("replicates, paired", None)


def test_plain_numbers_on_one_fixed_test_part_are_not_paired(tmp_path: Path) -> None:
    """Seeds on a fixed test set have nothing in common."""
    estimate = effects_of(a_study(evidence={"test": {"share": 0.2}}), tmp_path, scored=False)["BN"].estimate

    assert estimate is not None
    assert estimate.basis == "replicates, unpaired"


def test_less_loss_is_better(tmp_path: Path) -> None:
    """With goal `min` a fall is the gain."""
    study = a_study(evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.05})
    effect = effects_of(study, tmp_path)["BN"]

    assert effect.estimate is not None
    assert effect.estimate.difference < 0
    assert effect.judged.verdict == "better"


def test_levels_lie_within_their_intervals_and_count_finished_runs(tmp_path: Path) -> None:
    """Each variant has its own level; one without a run has none."""
    study = a_study()
    plan = make_plan(study)
    failed = {("Dropout", r): a_failed(tmp_path / f"failed{r}") for r in range(3)} | {("BN", 0): None}
    levels = variant_levels(cells_with(plan, tmp_path, results=failed), question_of(study, plan))
    baseline, bn = levels["baseline"], levels["BN"]

    assert levels["Dropout"] is None
    assert baseline is not None
    assert bn is not None
    assert baseline.lo < baseline.mean < baseline.hi
    assert (baseline.n_replicates, bn.n_replicates) == (3, 2)


def test_shuffling_the_cells_changes_nothing(tmp_path: Path) -> None:
    """The order in which runs were read is no evidence."""
    study = a_study(factors=THREE)
    plan = make_plan(study)
    cells = cells_with(plan, tmp_path)
    forth, back = judged(study, plan, cells), judged(study, plan, cells[::-1])

    assert verdicts(forth) == verdicts(back)
    for name, effect in forth.items():
        assert effect.judged.p_adjusted == pytest.approx(back[name].judged.p_adjusted)


def test_a_further_look_trains_what_open_comparisons_need_and_what_is_in_none(tmp_path: Path) -> None:
    """A variant whose comparisons are all settled is left alone."""
    study = a_study(design="one_at_a_time", evidence={"replicates": [3, 9]})
    found = effects_of(study, tmp_path, levels={"only BN": 95.0, "only Dropout": 64.0}, images=60)
    names = ["baseline", "only BN", "only Dropout"]

    assert {name: effect.is_open for name, effect in found.items()} == {"BN": False, "Dropout": True}
    assert open_variants(list(found.values()), [*names, "alone"]) == {"baseline", "only Dropout", "alone"}
    assert open_variants([found["BN"]], names) == {"only Dropout"}
