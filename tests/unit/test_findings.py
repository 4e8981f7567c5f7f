"""What a report says, before it is put into words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ablate.records import Cell, Cost, Finished, Prepared, Stamp
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.wording.evidence import settling_lines
from ablate.results.question import is_rate, metric_of, question_of
from ablate.results.survey import CurrentProvenance
from ablate.stats.verdict import Needed
from ablate.study.plan import make_plan
from tests.builders import STAMP, a_failed, a_finished, a_plan, a_study, cells_with, findings_of

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}


def findings_from(cells: list[Cell], **more: Any) -> Findings:
    """What a report of `a_study()` says over these cells."""
    study = a_study()
    fields: dict[str, Any] = {"look": 1, "prepared": {}, "work": Path(), "origin": None} | more
    return make_findings(study, make_plan(study), cells, **fields)


@pytest.mark.parametrize(
    "name", ["accuracy", "balanced_accuracy", "val/accuracy", "top1_accuracy", "f1", "f1_macro", "recall", "top_5"]
)
def test_rates_are_shown_in_percent(name: str) -> None:
    """A share of images is what people call a percentage."""
    assert is_rate(name)


@pytest.mark.parametrize("name", ["loss", "train/loss", "seconds", "f10", "calibration_error", "lr", "topology"])
def test_other_metrics_keep_their_unit(name: str) -> None:
    """A loss of 0.3 is no 30 percent."""
    assert not is_rate(name)


def test_points_become_shares_for_a_rate_and_stay_for_a_loss() -> None:
    """The thresholds are in the unit the study's reader thinks in; the statistics see stored units."""
    accuracy = a_study()
    loss = a_study(evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.05})

    assert question_of(accuracy, make_plan(accuracy)).worthwhile == pytest.approx(0.03)
    assert question_of(loss, make_plan(loss)).worthwhile == pytest.approx(0.05)
    assert (metric_of(accuracy).unit, metric_of(loss).unit) == ("%", "")


def test_enough_decimals_are_shown_to_see_the_negligible_size() -> None:
    """Thresholds of a tenth of a point need hundredths."""
    assert metric_of(a_study()).decimals == 1
    assert metric_of(a_study(evidence={"negligible": 0.1})).decimals == 2
    assert metric_of(a_study(evidence={"metric": "loss", "negligible": 0.0001, "worthwhile": 0.1})).decimals == 5


def test_levels_and_differences_are_in_percent_and_points(tmp_path: Path) -> None:
    """A reader multiplies nothing."""
    findings = findings_of(a_study(), tmp_path)
    bn, effect = findings.variants[1], findings.effects[0]

    assert bn.mean == pytest.approx(70, abs=2)
    assert effect.measured.difference == pytest.approx(10, abs=2)
    assert bn.lo is not None
    assert bn.hi is not None
    assert bn.lo < 70 < bn.hi
    assert effect.measured.by_replicate == pytest.approx([10] * 3, abs=3)


def test_a_step_has_its_price(tmp_path: Path) -> None:
    """Parameters, training steps and time of a change are those of its variant minus those of its reference."""
    plan = a_plan()
    cells = cells_with(plan, tmp_path)
    dearer = [cheap_or_dear(cell) for cell in cells]
    effect = findings_from(dearer).effects[0]

    assert (effect.extra.parameters, effect.extra.steps, effect.extra.seconds) == (500, 70, 3.0)


def cheap_or_dear(cell: Cell) -> Cell:
    """BN's runs take more of everything."""
    assert isinstance(cell.result, Finished)
    if cell.variant != "BN":
        return cell
    cost = Cost(parameters=1500, steps=100)
    return replace(cell, result=replace(cell.result, cost=cost, seconds=5.0))


def test_costs_nobody_reported_are_unknown_not_zero(tmp_path: Path) -> None:
    """A trainer of plain numbers has no parameters to tell."""
    findings = findings_of(a_study(), tmp_path, cost=Cost())

    assert findings.variants[0].parameters is None
    assert findings.effects[0].extra.parameters is None


def test_failed_and_missing_runs_are_never_dropped(tmp_path: Path) -> None:
    """Every planned run is there, and n says how many count."""
    failed = a_failed(tmp_path / ".ablate" / "runs" / "x" / "001", reason="diverged", message="loss is not finite")
    findings = findings_of(a_study(), tmp_path, results={("BN", 1): failed, ("Dropout", 2): None})

    assert len(findings.runs.rows) == 9
    (run,) = findings.runs.failed
    assert (run.variant, run.replicate, run.reason, run.folder) == ("BN", 1, "diverged", ".ablate/runs/x/001")
    assert [(run.variant, run.replicate) for run in findings.runs.missing] == [("Dropout", 2)]
    assert [row.n for row in findings.variants] == [3, 2, 2]


def test_an_interrupted_run_counts_as_not_made_yet(tmp_path: Path) -> None:
    """The next command makes it; nothing has failed."""
    stopped = a_failed(tmp_path / "stopped", reason="interrupted", message="Stopped")
    findings = findings_of(a_study(), tmp_path, results={("BN", 1): stopped})

    assert not findings.runs.failed
    assert [run.variant for run in findings.runs.missing] == ["BN"]


def test_runs_that_an_earlier_look_made_needless_are_spared(tmp_path: Path) -> None:
    """A variant whose comparisons are decided needs no more runs."""
    later = {("baseline", r): None for r in (3, 4, 5)}
    study = a_study(evidence={"replicates": [3, 6]})
    findings = findings_of(study, tmp_path, look=2, results=later, levels={"Dropout": 73.0})

    assert {run.variant for run in findings.runs.spared} == {"baseline"}
    assert not findings.runs.missing
    assert [effect.course.look for effect in findings.effects] == [1, 2]


def test_the_command_that_goes_on_from_runs_of_other_code_takes_them_again(tmp_path: Path) -> None:
    """Without --reuse `run` would refuse what a report of these runs proposes."""
    study = a_study(evidence={"replicates": [3]})
    settling = findings_of(study, tmp_path, origin=CurrentProvenance(source_digest="new")).next_steps.settling
    fresh = findings_of(study, tmp_path).next_steps.settling

    assert settling is not None
    assert fresh is not None
    assert settling.command == f"{fresh.command} --reuse"


def test_replicates_beyond_all_practice_are_not_proposed(tmp_path: Path) -> None:
    """More test images are, and no command that would train for days."""
    findings = findings_of(a_study(evidence={"worthwhile": 0.2, "negligible": 0.1}), tmp_path, levels={"BN": 70.0})
    settling = findings.next_steps.settling

    assert settling is not None
    assert (settling.kind, settling.command, settling.runs) == ("images", "", 0)
    assert any("more replicates will not help" in line for line in settling_lines(findings))


def test_runs_by_other_code_are_named_as_stale(tmp_path: Path) -> None:
    """Reused results of older code are marked, run by run."""
    findings = findings_of(a_study(), tmp_path, origin=CurrentProvenance(source_digest="new"))

    assert len(findings.provenance.stale) == 9
    assert findings.provenance.stale[0].differences == ("the trainer's code",)


def test_runs_of_unlike_machines_are_named(tmp_path: Path) -> None:
    """Whatever differs between runs that are compared is counted."""
    plan = a_plan()
    cells = cells_with(plan, tmp_path)
    other = Stamp(
        source_digest=STAMP.source_digest,
        data_digest=STAMP.data_digest,
        versions=STAMP.versions,
        device="cuda: toy",
        git_commit=STAMP.git_commit,
        platform=STAMP.platform,
    )
    run = cells[0].result
    assert isinstance(run, Finished)
    mixed = findings_from([replace(cells[0], result=replace(run, stamp=other)), *cells[1:]]).provenance.mixed

    assert [(item.what, dict(item.values)) for item in mixed] == [("the device", {"cuda: toy": 1, "cpu: toy": 8})]


def test_runs_made_alike_share_a_line_of_origin(tmp_path: Path) -> None:
    """Nine equal stamps are one fact, with the time from the first event to the last."""
    (group,) = findings_of(a_study(), tmp_path).provenance.groups

    assert dict(group.runs) == {"baseline": 3, "BN": 3, "Dropout": 3}
    assert group.stamp == STAMP
    assert group.first is not None
    assert group.last is not None
    assert group.last - group.first == 4  # started, three epochs, finished


def test_epochs_are_kept_run_by_run(tmp_path: Path) -> None:
    """Rates in percent, a value that is missing or not finite as None."""
    history = findings_of(a_study(), tmp_path, validated=False).runs.histories[0]

    assert (history.epochs, history.variant, history.replicate) == ((1, 2, 3), "baseline", 0)
    assert history.metrics["train/accuracy"] == pytest.approx((55.0, 77.5, 88.75))
    assert history.metrics["train/loss"] == pytest.approx((1.0, 0.5, 0.25))
    assert "val/accuracy" not in history.metrics


def test_published_figures_stand_beside_ours(tmp_path: Path) -> None:
    """A count keeps its number of test images; the source's protocol is a note."""
    published = {"protocol": "best epoch on test", "accuracy": {"baseline": "149/360", "BN": 47.5}}
    findings = findings_of(a_study(published=published), tmp_path)
    baseline, bn, dropout = (row.published for row in findings.variants)

    assert baseline is not None
    assert bn is not None
    assert (baseline.value, baseline.images) == (pytest.approx(41.3889, abs=1e-3), 360)
    assert (bn.value, bn.images, dropout) == (pytest.approx(47.5), None, None)
    assert findings.study.published_note == "best epoch on test"


def test_what_the_data_held_is_passed_on(tmp_path: Path) -> None:
    """Counts by variant, and once what was left out."""
    seen = Prepared(
        digest="d", counts={"train": 80, "test": 20}, unreadable=("a/broken.png",), notes=("2 GIFs ignored",)
    )
    cells = cells_with(a_plan(), tmp_path)
    findings = findings_from(cells, prepared={"baseline": seen, "BN": seen})

    assert findings.variants[1].counts == {"train": 80, "test": 20}
    assert findings.variants[2].counts == {}
    assert (findings.data.unreadable, findings.data.notes) == (("a/broken.png",), ("2 GIFs ignored",))


def test_noise_is_pooled_over_variants_and_unknown_for_single_runs(tmp_path: Path) -> None:
    """One run of each variant says nothing about luck."""
    known = findings_of(a_study(), tmp_path / "a").evidence.noise
    unknown = findings_of(a_study(evidence={"replicates": [1]}), tmp_path / "b").evidence.noise

    assert known.runs is not None
    assert 0 < known.runs < 3
    assert (unknown.runs, unknown.differences) == (None, None)


def test_a_factorial_answers_averages_and_pairs(tmp_path: Path) -> None:
    """Averages have a price, too; what two changes do together has none."""
    findings = findings_of(a_study(design="factorial"), tmp_path, levels={"BN & Dropout": 71, "only Dropout": 60})
    families = findings.families

    assert {name: len(effects) for name, effects in families.items()} == {"main effects": 2, "interactions": 1}
    assert not families["main effects"][0].compared.is_pair
    assert families["main effects"][0].extra.seconds == 0
    assert families["interactions"][0].extra.seconds is None


# --- how to go on -----------------------------------------------------------------------------


def test_missing_runs_come_first(tmp_path: Path) -> None:
    """Before anything else the look is finished, at the price of runs like those that finished."""
    settling = findings_of(a_study(), tmp_path, results={("Dropout", 2): None}).next_steps.settling

    assert settling is not None
    assert (settling.kind, settling.runs, settling.seconds) == ("finish", 1, 2.0)
    assert settling.command == 'ablate run studies/toy.yaml --only "Dropout"'


def test_the_next_planned_look_is_for_open_steps_only(tmp_path: Path) -> None:
    """Variants whose comparisons are decided are not trained again."""
    study = a_study(factors=THREE, evidence={"replicates": [3, 6]})
    settling = findings_of(study, tmp_path, levels={"BN": 70, "Dropout": 73, "GAP head": 85}).next_steps.settling

    assert settling is not None
    assert (settling.kind, settling.replicates, settling.runs, settling.seconds) == ("planned", 6, 6, 12.0)
    assert [step.name for step in settling.open] == ["Dropout"]
    assert settling.command == 'ablate run studies/toy.yaml --look 2 --only "BN" --only "Dropout"'


def test_beyond_the_last_look_a_new_one_is_declared_with_the_old(tmp_path: Path) -> None:
    """The looks made so far are paid for along with the new one."""
    settling = findings_of(a_study(), tmp_path).next_steps.settling

    assert settling is not None
    assert settling.kind == "declared"
    assert f'--look 2 --set "evidence.replicates=[3, {settling.replicates}]"' in settling.command
    assert settling.runs == 2 * (settling.replicates - 3)


def test_one_run_each_is_replaced_by_a_plan_with_several(tmp_path: Path) -> None:
    """A single run has tested nothing, so there is no look to pay for."""
    settling = findings_of(a_study(evidence={"replicates": [1]}), tmp_path).next_steps.settling

    assert settling is not None
    assert settling.command == 'ablate run studies/toy.yaml --set "evidence.replicates=[5]"'
    assert [(step.name, step.needed) for step in settling.open] == [("BN", None), ("Dropout", None)]


def test_failures_that_starve_a_comparison_are_run_again(tmp_path: Path) -> None:
    """More replicates of a variant that always fails settle nothing."""
    failed = {("Dropout", r): a_failed(tmp_path / f"failed{r}") for r in range(3)}
    settling = findings_of(a_study(), tmp_path, results=failed).next_steps.settling

    assert settling is not None
    assert (settling.kind, settling.runs) == ("retry", 3)
    assert settling.command == 'ablate run studies/toy.yaml --only "Dropout" --retry-failed'


def test_a_test_set_that_is_too_small_is_said_to_be(tmp_path: Path) -> None:
    """No number of replicates replaces images; there is no command for that."""
    study = a_study(evidence={"test": {"share": 0.2}, "replicates": [4]})
    results = {
        (variant, r): a_finished(
            tmp_path / f"{variant}{r}", scores={f"{i:02d}": float(i % 2 == odd) for i in range(60)}
        )
        for odd, variant in ((0, "baseline"), (0, "BN"), (1, "Dropout"))
        for r in range(4)
    }
    findings = findings_of(study, tmp_path, results=results)
    needed = {effect.compared.name: effect.course.needed for effect in findings.effects}

    assert isinstance(needed["Dropout"], Needed)
    assert needed["Dropout"].unit == "images"
    assert findings.next_steps.settling is not None
    assert (findings.next_steps.settling.kind, findings.next_steps.settling.command) == ("images", "")


def test_nothing_is_open_when_everything_is_decided(tmp_path: Path) -> None:
    """There is nothing to sell."""
    assert findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path).next_steps.settling is None


def test_every_variant_has_its_command(tmp_path: Path) -> None:
    """Names are quoted as a shell reads them; failed runs are asked for explicitly."""
    study = a_study(factors={"BN": {"gain": 10.0}, 'it\'s $5 "net"': {"noise": 1.5}})
    failed = a_failed(tmp_path / "failed")
    reruns = findings_of(study, tmp_path, results={("BN", 0): failed}).next_steps.reruns

    assert reruns["BN"] == 'ablate run studies/toy.yaml --only "BN" --retry-failed'
    assert reruns['it\'s $5 "net"'].endswith("""--only 'it'"'"'s $5 "net"'""")


def test_another_design_is_part_of_the_command(tmp_path: Path) -> None:
    """The same factors in another design are another study."""
    findings = findings_of(a_study(other_design="leave_one_out"), tmp_path)

    assert (
        findings.next_steps.reruns["baseline"] == 'ablate run studies/toy.yaml --design leave_one_out --only "baseline"'
    )
    assert "--set" not in findings.next_steps.reruns["baseline"]


def test_what_was_set_on_the_command_line_is_part_of_the_commands(tmp_path: Path) -> None:
    """A command from a report gives the run the report is about."""
    reruns = findings_of(a_study(sets=["noise=0.5"]), tmp_path).next_steps.reruns

    assert all('--set "noise=0.5"' in command for command in reruns.values())


def test_an_absolute_study_file_is_given_from_the_work_folder(tmp_path: Path) -> None:
    """Paths of one machine mean nothing to the reader of a report."""
    study = a_study()
    study = replace(study, document=replace(study.document, name=str(tmp_path / "studies" / "my toy.yaml")))
    findings = findings_of(study, tmp_path)

    assert findings.next_steps.reruns["BN"] == 'ablate run "studies/my toy.yaml" --only "BN"'


def test_a_run_outside_the_work_folder_is_named_by_its_last_folders(tmp_path: Path) -> None:
    """No path leads out of the report's own world."""
    elsewhere = a_finished(tmp_path / "far" / "away" / "001")
    cells = cells_with(a_plan(), tmp_path, results={("BN", 0): elsewhere})
    findings = findings_from(cells, work=tmp_path / "work")

    assert findings.runs.rows[1].folder == "away/001"
