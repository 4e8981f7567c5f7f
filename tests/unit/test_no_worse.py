"""No worse: a loss that nobody would accept is ruled out, or shown, or neither."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy import stats

from ablate.errors import StudyError
from ablate.records import Contrast, Finished
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.gather.no_worse import cost_changes
from ablate.report.page.earlier_sheets import without_answers, without_claims, without_robustness
from ablate.report.page.render import render_report, report_text, report_texts, study_page
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import ENGLISH, words_of
from ablate.report.wording.no_worse import no_worse_lines
from ablate.stats.looks import judge_looks
from ablate.stats.no_worse import NoWorse, no_worse_power
from ablate.stats.replicate_level import estimate_replicates
from ablate.stats.student import Estimate
from ablate.stats.verdict import JudgedContrast, Rules, judge_family
from ablate.study.plan import make_plan
from ablate.workflows.compare import report_differences
from ablate.workflows.judge import Request
from ablate.workflows.judge import judge_results as judge_source
from tests.builders import a_study, cells_with, findings_of
from tests.unit.test_render import run_schema

LOSSES = [-0.004, 0.003, -0.011, 0.006, -0.002]
"""Differences of five replicates: variant minus reference."""


def estimated(*differences: list[float]) -> list[Estimate]:
    """One comparison a list of paired differences."""
    reference = [0.9] * len(differences[0])
    rows = [reference, *([0.9 + d for d in row] for row in differences)]
    weights = np.array([[-1.0, *(float(i == j) for j in range(len(differences)))] for i in range(len(differences))])
    found = estimate_replicates(rows, weights, pairing="paired")
    return [one for one in found if one is not None]


def judged(*differences: list[float], tolerable: float | None = 0.01, **rules: Any) -> tuple[JudgedContrast, ...]:
    """The family judged by usual thresholds."""
    return judge_family(estimated(*differences), negligible=0.001, worthwhile=0.03, tolerable=tolerable, **rules)


class TestClaim:
    @pytest.mark.parametrize("tolerable", [0.005, 0.01, 0.03])
    def test_p_is_that_of_scipys_one_sided_t_test(self, tolerable: float) -> None:
        """Against a mean of minus the tolerable loss, either way."""
        (one,) = judged(LOSSES, tolerable=tolerable)

        assert one.p_no_worse == pytest.approx(stats.ttest_1samp(LOSSES, -tolerable, alternative="greater").pvalue)
        assert one.p_inferior == pytest.approx(stats.ttest_1samp(LOSSES, -tolerable, alternative="less").pvalue)

    def test_by_hand(self) -> None:
        """Mean -.0016, standard error .0029428, t = (-.0016 + .01) / .0029428 = 2.854 on 4 degrees: p = .0231."""
        (one,) = judged(LOSSES)

        assert one.p_no_worse == pytest.approx(0.0231, abs=1e-4)
        assert one.no_worse == "non_inferior"

    def test_less_is_better_where_the_metric_says_so(self) -> None:
        """A loss of quality is then an increase."""
        (one,) = judged([-d for d in LOSSES], goal="min")
        (other,) = judged(LOSSES)

        assert (one.p_no_worse, one.p_inferior) == pytest.approx((other.p_no_worse, other.p_inferior))

    def test_each_side_is_adjusted_over_the_whole_family_by_holm(self) -> None:
        """Two of three with the same small p: three times it, twice it, and the larger counts."""
        family = judged(LOSSES, LOSSES, [d - 0.05 for d in LOSSES])
        (alone,) = judged(LOSSES)

        assert family[0].p_no_worse == pytest.approx(3 * alone.p_no_worse)
        assert family[2].no_worse == "inferior"

    @pytest.mark.parametrize(
        ("differences", "word"),
        [
            (LOSSES, "non_inferior"),
            ([d - 0.03 for d in LOSSES], "inferior"),
            ([d - 0.01 for d in LOSSES], "undecided"),
            (LOSSES[:1], "not_assessable"),
        ],
    )
    def test_the_four_words(self, differences: list[float], word: NoWorse) -> None:
        """A loss near the tolerable one is neither shown nor ruled out."""
        assert judged(differences)[0].no_worse == word

    def test_without_a_tolerable_loss_there_is_no_claim(self) -> None:
        """Nobody has said what would be a loss."""
        assert judged(LOSSES, tolerable=None)[0].no_worse == "not_assessable"

    def test_the_six_words_are_what_they_were(self) -> None:
        """The claim stands beside the verdict and moves nothing of it."""
        with_, without = (judged(LOSSES, [d + 0.02 for d in LOSSES], tolerable=t) for t in (0.01, None))

        assert [(m.verdict, m.p_adjusted, m.p_no_gain) for m in with_] == [
            (m.verdict, m.p_adjusted, m.p_no_gain) for m in without
        ]

    def test_a_loss_must_be_a_size(self) -> None:
        """Not below 0."""
        with pytest.raises(Exception, match="tolerable"):
            judged(LOSSES, tolerable=-0.01)


class TestLooks:
    def test_each_look_spends_its_share(self) -> None:
        """At a look with .2 of the error rate p is five times what it is alone."""
        found = estimated(LOSSES)
        rules = Rules(negligible=0.001, worthwhile=0.03, tolerable=0.01)
        (state,) = judge_looks(lambda *_: (found, {}), rules, (5, 10), (0.2, 0.8), up_to=1)
        (alone,) = judged(LOSSES)

        assert state.judged.p_no_worse == pytest.approx(5 * alone.p_no_worse)
        assert state.judged.no_worse == "undecided"

    def test_who_asks_whether_it_is_no_worse_goes_on_for_it(self) -> None:
        """A difference of about nothing is futile to chase; that it is no loss is not."""
        found = estimated(LOSSES)
        rules = Rules(negligible=None, worthwhile=None, tolerable=0.01)
        states = [
            judge_looks(lambda *_: (found, {}), rules, (5, 6), (0.2, 0.8), up_to=1, asked=asked)[0]
            for asked in ((), (0,))
        ]

        assert [state.is_open for state in states] == [False, True]

    def test_the_predicted_chance_is_that_of_simulated_further_replicates(self) -> None:
        """Normal replicates with the noise seen so far, added up to the last look; the truth itself is uncertain."""
        (found,) = estimated(LOSSES)
        rng = np.random.default_rng(1)
        sd, n, most = found.standard_error * np.sqrt(5), 5, 20
        truth = rng.normal(found.difference, found.standard_error, 40_000)
        later = truth + rng.normal(0, sd / np.sqrt(most - n), 40_000)
        final = (n * found.difference + (most - n) * later) / most
        critical = stats.norm.ppf(0.95) * sd / np.sqrt(most)
        wanted = float(np.mean((final + 0.003 > critical) | (final + 0.003 < -critical)))

        assert no_worse_power(found, most, 0.003, "max", family_size=1, spent=0.05) == pytest.approx(wanted, abs=0.02)


def test_where_replicates_can_add_nothing_the_answer_of_now_is_the_last_one() -> None:
    """All that is left is the test images' own part: the loss is ruled out by then if it would be now."""
    (found,) = estimated(LOSSES)
    certain = replace(found, image_floor=found.standard_error**2)

    chances = [no_worse_power(certain, 20, size, "max", family_size=1, spent=0.05) for size in (0.5, -found.difference)]
    assert chances == [1.0, 0.0]


def test_without_any_spread_a_claim_holds_or_does_not() -> None:
    """p is 0 or 1, never a division by zero."""
    (found,) = estimated(LOSSES)
    exact = replace(found, difference=0.01, standard_error=0.0)

    assert (exact.p_above(0.0), exact.p_above(0.01)) == (0.0, 1.0)
    assert (exact.p_below(0.02), exact.p_below(0.01)) == (0.0, 1.0)


def test_no_power_is_predicted_of_an_effect_that_was_not_estimated() -> None:
    """There is nothing to predict from."""
    assert no_worse_power(None, 9, 0.003, "max", family_size=1, spent=0.05) is None


def cheaper(work: Path, study: dict[str, Any] | None = None, **cells: Any) -> Findings:
    """A chain whose second step takes half the parameters, and loses nothing."""
    levels = {"BN": 70.0, "Dropout": 70.0} | cells.pop("levels", {})
    asked = a_study(**(study or {}))
    plan = make_plan(asked)
    drawn = cells_with(plan, work, levels=levels, images=6000, noise=0.1, **cells)
    small = [
        replace(cell, result=replace(cell.result, cost=replace(cell.result.cost, parameters=420, flops=2000)))
        if cell.variant == "Dropout" and isinstance(cell.result, Finished)
        else cell
        for cell in drawn
    ]
    return make_findings(asked, plan, small, look=1, prepared={}, work=work, origin=None)


class TestReport:
    def test_a_step_that_gets_cheaper_is_told_of_in_the_first_sentence(self, tmp_path: Path) -> None:
        """What it saves, and that a loss is ruled out; the verdict stays what it was."""
        findings = cheaper(tmp_path)

        assert [effect.no_worse and effect.no_worse.word for effect in findings.effects] == [None, "non_inferior"]
        assert (
            "Dropout is no worse (58% fewer parameters, a loss of 3.0 points or more is ruled out)."
            in first_sentence(findings)
        )
        assert "不劣" in report_text(findings, words_of("zh"))

    def test_the_first_sentence_is_silent_where_no_loss_is_ruled_out(self, tmp_path: Path) -> None:
        """A step that loses as much as is tolerable gets the word, and no praise."""
        findings = cheaper(tmp_path, levels={"Dropout": 67.0})

        assert findings.effects[1].no_worse is not None
        assert findings.effects[1].no_worse.word == "undecided"
        assert "fewer parameters" not in first_sentence(findings)
        assert no_worse_lines(findings)[0].startswith(
            "No worse? Dropout (58% fewer parameters): undecided at a loss of 3.0 points (adjusted p "
        )

    def test_a_shown_loss_is_called_inferior(self, tmp_path: Path) -> None:
        """Twice the tolerable one."""
        claim = cheaper(tmp_path, levels={"Dropout": 62.0}).effects[1].no_worse

        assert claim is not None
        assert claim.word == "inferior"

    def test_who_asks_is_answered_without_any_saving(self, tmp_path: Path) -> None:
        """`ask: no_worse` beside what a change sets, and its own tolerable loss."""
        study = {
            "factors": {"BN": {"gain": 10.0, "ask": "no_worse"}, "Dropout": {"noise": 1.5}},
            "evidence": {"tolerable": 2.0},
        }
        findings = cheaper(tmp_path, study)
        claim = findings.effects[0].no_worse

        assert claim is not None
        assert (claim.asked, claim.tolerable, claim.word) == (True, 2.0, "non_inferior")

    def test_reports_without_a_claim_have_no_column_of_it(self, tmp_path: Path) -> None:
        """Nothing gets cheaper, nobody asks: pages read as before; the JSON says null, the CSV nothing."""
        findings = findings_of(a_study(), tmp_path)
        texts = report_texts(study_page(findings), findings)
        rows = list(csv.DictReader(io.StringIO(texts["tables/effects.csv"])))

        assert "No worse" not in texts["report.html"]
        assert [row["no_worse"] for row in rows] == ["", ""]
        assert [effect["no_worse"] for effect in summary_json(findings)["effects"]] == [None, None]

    def test_tables_and_json_have_the_claim(self, tmp_path: Path) -> None:
        """At the end of a row of effects.csv; in the object the schema describes."""
        findings = cheaper(tmp_path)
        texts = report_texts(study_page(findings), findings)
        row = list(csv.DictReader(io.StringIO(texts["tables/effects.csv"])))[1]
        summary = summary_json(findings, "report.md")

        assert list(row)[-5:] == ["no_worse", "tolerable (points)", "p_no_worse", "p_inferior", "no_worse_reason"]
        assert (row["no_worse"], row["tolerable (points)"]) == ("non_inferior", "3")
        jsonschema.validate(summary, run_schema())
        assert summary["effects"][1]["no_worse"]["costs"]["parameters"] == pytest.approx(-0.58)
        assert "non-inferior" in texts["report.md"]
        assert json.dumps(summary)

    def test_a_report_from_before_the_claim_is_still_whole(self, tmp_path: Path) -> None:
        """It is compared with what was written then; a number that was changed by hand is found in either form."""
        findings = cheaper(tmp_path)
        before, now = tmp_path / "before", tmp_path / "now"
        render_report(without_claims(without_robustness(without_answers(findings))), before)
        render_report(findings, now)

        assert report_differences(before, findings, ENGLISH) == []
        assert report_differences(now, findings, ENGLISH) == []
        for folder in (before, now):
            text = (folder / "report.md").read_text(encoding="utf-8")
            (folder / "report.md").write_text(text.replace("70.0", "71.0"), encoding="utf-8")
            assert [found.file for found in report_differences(folder, findings, ENGLISH)] != []


class TestCheaper:
    def changes(
        self, findings: Findings, runs: tuple[dict[int, float], dict[int, float]] | None = None, **costs: float
    ) -> list[str]:
        """What counts as changed where a variant takes these shares of the baseline's costs.

        runs: the seconds of the runs of the variant and of the baseline; left out: as its share says, without noise.
        """
        own, before = runs or ({i: 100.0 * costs.get("seconds", 1.0) for i in range(3)}, dict.fromkeys(range(3), 100.0))
        base = replace(findings.variants[0], parameters=1000, flops=1000, seconds=100.0, run_seconds=before)
        other = replace(base, name="B", **{name: share * getattr(base, name) for name, share in costs.items()})
        other = replace(other, run_seconds=own)
        contrast = Contrast(name="B", variant="B", reference=base.name, weights={"B": 1.0, base.name: -1.0}, family="x")
        return [change.cost for change in cost_changes(contrast, {base.name: base, "B": other})]

    def test_time_counts_where_every_replicate_takes_less(self, tmp_path: Path) -> None:
        """Runs of one network that happened to share the machine differ by a fifth in their mean; that is noise."""
        findings = findings_of(a_study(), tmp_path)
        busy = {0: 3.1, 1: 3.0, 2: 3.4}

        assert self.changes(findings, seconds=0.7, runs=({0: 2.5, 1: 1.5, 2: 3.5}, busy)) == []
        assert self.changes(findings, seconds=0.7, runs=({0: 2.0, 1: 1.5, 2: 2.6}, busy)) == ["seconds"]
        assert self.changes(findings, seconds=1.3, runs=({0: 4.0, 1: 4.1, 2: 4.3}, busy)) == ["seconds"]
        assert self.changes(findings, seconds=0.7, runs=({0: 2.0}, busy)) == []

    def test_noise_in_seconds_makes_nothing_cheaper(self, tmp_path: Path) -> None:
        """A fifth of the time counts, a hundredth of the parameters does."""
        findings = findings_of(a_study(), tmp_path)

        assert self.changes(findings, seconds=0.85) == []
        assert self.changes(findings, seconds=0.75, parameters=0.985, flops=0.995) == ["parameters", "seconds"]
        assert self.changes(findings, flops=1.3) == ["flops"]


class TestStudyFile:
    def test_asking_changes_no_run(self) -> None:
        """Fingerprints are those of the study that does not ask."""
        plain = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}}
        asking = {"BN": {"gain": 10.0, "ask": "no_worse"}, "Dropout": {"noise": 1.5}}
        plans = [
            make_plan(a_study(factors=factors, evidence=evidence))
            for factors, evidence in ((plain, {}), (asking, {"tolerable": 1.0}))
        ]

        assert len({tuple(spec.fingerprint for _, spec in plan.runs()) for plan in plans}) == 1
        assert [contrast.ask for contrast in plans[1].contrasts] == ["no_worse", ""]

    def test_a_comparison_can_ask(self) -> None:
        """Beside `with` and `set`."""
        study = a_study(compare={"deep": {"set": {"gain": 5.0}, "ask": "no_worse"}})

        assert [contrast.ask for contrast in make_plan(study).contrasts] == ["", "", "no_worse"]

    @pytest.mark.parametrize(
        ("change", "said"), [({"gain": 1.0, "ask": "better"}, "no_worse"), ({"ask": "no_worse"}, "changes nothing")]
    )
    def test_what_cannot_be_asked_is_refused(self, change: dict[str, Any], said: str) -> None:
        """With the file's line."""
        with pytest.raises(StudyError, match=r"toy\.yaml") as refused:
            a_study(factors={"BN": change})

        assert said in f"{refused.value.message} {refused.value.hint}"


class TestJudge:
    def table(self, folder: Path, text: str) -> Path:
        """A table as a file."""
        path = folder / "results.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def test_any_table_can_be_asked(self, tmp_path: Path) -> None:
        """One number a run: the engine's p, in points."""
        rows = [f"a,{r},{90 + r / 10}\nb,{r},{90 + r / 10 + 100 * d}" for r, d in enumerate(LOSSES)]
        path = self.table(tmp_path, "variant,seed,accuracy\n" + "\n".join(rows) + "\n")
        claims = [
            judge_source(Request(source=str(path), paired=True, unit="percent", no_worse=loss)).effects[0].no_worse
            for loss in (1.0, 0.2)
        ]

        assert [claim and claim.word for claim in claims] == ["non_inferior", "undecided"]
        assert claims[0] is not None
        assert claims[0].p == pytest.approx(stats.ttest_1samp(LOSSES, -0.01, alternative="greater").pvalue)

    def test_single_runs_are_not_assessable(self, tmp_path: Path) -> None:
        """Two trained networks are no evidence about the next two."""
        path = self.table(tmp_path, "variant,accuracy\na,90/100\nb,88/100\n")
        claim = judge_source(Request(source=str(path), no_worse=1.0)).effects[0].no_worse

        assert claim is not None
        assert (claim.word, claim.reason) == ("not_assessable", "single run")

    def test_unasked_there_is_no_claim(self, tmp_path: Path) -> None:
        """A table knows no costs."""
        path = self.table(tmp_path, "variant,seed,accuracy\na,0,90%\nb,0,91%\na,1,92%\nb,1,90%\n")

        assert judge_source(Request(source=str(path))).claims == ()

    @pytest.mark.parametrize("loss", [0.0, -1.0, float("nan")])
    def test_a_loss_is_a_size(self, loss: float, tmp_path: Path) -> None:
        """Above 0."""
        path = self.table(tmp_path, "variant,seed,accuracy\na,0,90%\nb,0,91%\na,1,92%\nb,1,90%\n")
        with pytest.raises(StudyError, match="no worse"):
            judge_source(Request(source=str(path), no_worse=loss))
