"""The sentences of a report: what is said first, what may be written, what comes next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ablate.report.facts.effect import EffectRow
from ablate.report.facts.findings import DataFacts
from ablate.report.facts.next_steps import OpenStep, Settling
from ablate.report.facts.provenance import MixedStamps, ProvenanceFacts
from ablate.report.tables.table import Table, steps_tables
from ablate.report.wording.evidence import evidence_lines, how_to_go_on, settling_lines, warnings
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import Language, words_of
from ablate.report.wording.sentences import cited_sentence, may_not_write, may_write
from ablate.results.survey import CurrentProvenance
from ablate.stats.verdict import Needed, Verdict
from tests.builders import a_failed, a_study, findings_of

THREE = {"BN": {"gain": 10.0}, "Dropout": {"noise": 1.5}, "GAP head": {"epochs": 4}}


def column(table: Table, name: str) -> list[str]:
    """The cells under a heading."""
    return [row[table.columns.index(name)] for row in table.rows]


def test_the_first_sentence_counts_and_names_what_helps(tmp_path: Path) -> None:
    """A student learns how many changes help, by how much, and what is open."""
    findings = findings_of(a_study(factors=THREE), tmp_path, levels={"BN": 70, "Dropout": 70, "GAP head": 82})

    assert first_sentence(findings) == (
        "Two of three changes help: GAP head gains 12.2 points, BN 9.8; Dropout is undecided."
    )


def test_the_first_sentence_speaks_of_every_family_a_study_names(tmp_path: Path) -> None:
    """Not of the first alone; questions outside the design have their own place."""
    study = a_study(
        design="one_at_a_time",
        evidence={"families": {"norms": ["BN"], "rest": ["Dropout"]}},
        compare={"more": {"with": "baseline", "set": {"gain": 30.0}}},
    )
    findings = findings_of(study, tmp_path, levels={"only BN": 70, "only Dropout": 45})

    assert first_sentence(findings).startswith("One of two changes helps: BN gains ")


def test_losses_are_losses(tmp_path: Path) -> None:
    """A change that hurts is not among those that help."""
    findings = findings_of(a_study(design="one_at_a_time"), tmp_path, levels={"only BN": 45, "only Dropout": 60})

    assert first_sentence(findings).startswith("Neither of two changes is shown to help: BN loses ")


def test_one_change_alone_needs_no_count(tmp_path: Path) -> None:
    """`BN gains 9.8 points.`"""
    findings = findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path)

    assert first_sentence(findings) == "BN gains 9.8 points."


def test_a_metric_to_be_lowered_is_lowered(tmp_path: Path) -> None:
    """Loss does not gain points."""
    study = a_study(evidence={"metric": "loss", "negligible": 0.01, "worthwhile": 0.05})
    sentence = first_sentence(findings_of(study, tmp_path))

    assert "BN lowers loss by 0.19" in sentence
    assert "point" not in sentence


def test_failures_and_missing_runs_are_in_the_first_sentence(tmp_path: Path) -> None:
    """Nobody should have to scroll to learn that runs are missing."""
    results = {("BN", 1): a_failed(tmp_path / "failed"), ("Dropout", 2): None}
    sentence = first_sentence(findings_of(a_study(), tmp_path, results=results))

    assert sentence.endswith("(1 of 9 runs failed; 1 of 9 runs has not been made yet.)")


def test_without_any_result_the_sentence_says_why(tmp_path: Path) -> None:
    """Nothing finished, everything failed, nothing to compare: three different things."""
    keys = [(v, r) for v in ("baseline", "BN", "Dropout") for r in range(3)]
    nothing = findings_of(a_study(), tmp_path, results=dict.fromkeys(keys))
    failed = findings_of(a_study(), tmp_path, results={key: a_failed(tmp_path / "failed") for key in keys})
    search = a_study(design=None, search={"space": {"gain": [1.0, 2.0]}})

    assert first_sentence(nothing) == "Nothing has finished yet: 9 runs still to be made."
    assert first_sentence(failed) == "All 9 runs failed: there is nothing to compare."
    assert first_sentence(findings_of(search, tmp_path)).startswith(
        "There is nothing to compare baseline with: accuracy 60."
    )


def test_a_sentence_one_may_write_carries_its_evidence(tmp_path: Path) -> None:
    """Replicates, images, interval, and what it was adjusted for."""
    sentence = may_write(findings_of(a_study(), tmp_path))

    assert sentence.startswith(
        "With 3 replicates and 600 test images, BN raised accuracy by 9.8 points against the base"
    )
    assert sentence.endswith("(95% interval 5.1 to 14.5; 4.5 to 15.2 allowing for the two comparisons).")


def test_a_difference_that_was_shown_early_says_that_it_is_exaggerated(tmp_path: Path) -> None:
    """Luck that enlarges a difference also shows it sooner; at the last look nothing of the kind is said."""
    levels = {"BN": 75.0, "Dropout": 75.0}
    early, last = (
        findings_of(a_study(evidence={"replicates": looks}), tmp_path, levels=levels) for looks in ([3, 6], [3])
    )

    assert may_write(early).endswith("; shown early, so probably smaller).")
    assert "exaggerated" in "\n".join(evidence_lines(early))
    assert "shown early" not in may_write(last)
    assert "exaggerated" not in "\n".join(evidence_lines(last))


def test_a_sentence_one_may_not_write_is_the_tempting_one(tmp_path: Path) -> None:
    """The largest difference that is not shown, with its interval."""
    levels = {"BN": 70, "Dropout": 71.5, "GAP head": 71.5}
    refused = may_not_write(findings_of(a_study(factors=THREE), tmp_path, levels=levels))

    assert refused is not None
    assert refused.sentence.startswith("Dropout gains ")
    assert "Its interval runs from -" in refused.why


def test_nothing_may_be_written_before_anything_is_judged(tmp_path: Path) -> None:
    """One run each carries no claim, and the tempting one is named."""
    findings = findings_of(a_study(evidence={"replicates": [1]}), tmp_path)
    refused = may_not_write(findings)

    assert may_write(findings) == ""
    assert refused is not None
    assert refused.why == "The comparison is not assessable: single run."


def test_the_evidence_says_what_it_is(tmp_path: Path) -> None:
    """Replicates, test images, looks, thresholds, choice, noise, basis."""
    study = a_study(evidence={"replicates": [3, 6], "val": 0.1, "weights": "best"})
    text = "\n".join(evidence_lines(findings_of(study, tmp_path)))

    for part in (
        "3 variants, 3 replicates of each: 9 of 9 runs finished, none failed.",
        "cut into 3 folds",
        "600 distinct test images",
        "after 3 and 6 replicates. This is look 1; it may spend 33%",
        "below 3.0 points is not worth having",
        "best accuracy on validation are tested (10% of all images kept out of training",
        "replicates of one variant differ by ",
        "computed image by image",
        "two (chain)",
    ):
        assert part in text


def test_plain_numbers_are_said_to_be_plain_numbers(tmp_path: Path) -> None:
    """A reader must know that nothing is claimed about new images."""
    study = a_study(evidence={"test": {"share": 0.2}})
    text = "\n".join(evidence_lines(findings_of(study, tmp_path, scored=False)))

    assert "each run counts as one number; the intervals hold for this test set, not for new images" in text


def test_warnings_stand_for_what_is_wrong_with_the_runs(tmp_path: Path) -> None:
    """Failed, missing and stale runs are said at the top."""
    failed = a_failed(tmp_path / "failed", reason="oom")
    results = {("BN", 1): failed, ("Dropout", 2): None}
    lines = warnings(findings_of(a_study(), tmp_path, results=results, origin=CurrentProvenance(source_digest="new")))

    assert lines[0].startswith("1 run failed: BN (replicate 1, oom).")
    assert lines[1].startswith("1 run of this look has not been made yet")
    assert lines[2].endswith("were made before the trainer's code changed.")
    assert warnings(findings_of(a_study(), tmp_path)) == []


def test_what_would_settle_it_has_its_price(tmp_path: Path) -> None:
    """Replicates, runs and time."""
    study = a_study(evidence={"replicates": [3, 6]})
    lines = settling_lines(findings_of(study, tmp_path, levels={"Dropout": 72.0}))

    assert lines[0].startswith("Dropout: at least ")
    assert lines[-1] == "The next planned look is after 6 replicates: 6 runs, about 12 s if run one after another."


def test_each_way_to_go_on_has_its_words(tmp_path: Path) -> None:
    """A further look, single runs, failures, and images that no replicate replaces."""
    declared = settling_lines(findings_of(a_study(), tmp_path / "a"))
    single = settling_lines(findings_of(a_study(evidence={"replicates": [1]}), tmp_path / "b"))
    failed = {("Dropout", r): a_failed(tmp_path / f"failed{r}") for r in range(3)}
    retry = settling_lines(findings_of(a_study(), tmp_path / "c", results=failed))
    findings = findings_of(a_study(), tmp_path / "d")
    open_ = OpenStep(
        name="BN", verdict="undecided", needed=Needed("images", 5200, at_least=False), visible=4.0, images_dominate=True
    )
    images = Settling(kind="images", open=(open_,), replicates_before=3, replicates=3, runs=0, seconds=None, command="")

    assert declared[-1].startswith("No planned look is left. One more, after ")
    assert single[0] == "BN: one run of each variant says nothing about chance; at least two replicates are needed."
    assert single[-1] == "Plan 5 replicates instead of one: 12 runs, about 24 s if run one after another."
    assert retry == ["Fix what made the runs fail, then run them again: 3 runs, about 6.0 s if run one after another."]
    assert settling_lines(replace(findings, next_steps=replace(findings.next_steps, settling=images))) == [
        "BN: no number of replicates shows a difference of 3.0 points on this test set; "
        "it takes about 5,200 test images.",
        "Only more test images can settle this.",
    ]
    assert settling_lines(replace(findings, next_steps=replace(findings.next_steps, settling=None))) == [
        "No open question could be settled by further runs."
    ]


@pytest.mark.parametrize("needed", [Needed("replicates", 342, at_least=True), Needed("images", 5200, at_least=False)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_runs_are_most_of_the_noise_replicates_are_not_said_to_be_useless(
    needed: Needed, language: Language, tmp_path: Path
) -> None:
    """They may show a larger difference than the threshold; images are advised where most of the noise is theirs."""
    say = words_of(language)
    findings = findings_of(a_study(), tmp_path)

    def told(*, images: bool) -> list[str]:
        step = OpenStep(name="BN", verdict="undecided", needed=needed, visible=50.0, images_dominate=images)
        settling = Settling(
            kind="images" if images else "larger",
            open=(step,),
            replicates_before=3,
            replicates=3,
            runs=0,
            seconds=None,
            command="",
        )
        return settling_lines(replace(findings, next_steps=replace(findings.next_steps, settling=settling)), say)

    runs, images = told(images=False), told(images=True)
    assert runs[-1] == say("settling.larger")
    assert images[-1] == say("settling.more_images")
    helps = {"en": "more replicates do help", "zh": "增加重复是有帮助的" if needed.unit == "replicates" else "有助于"}
    assert helps[language] in runs[0]
    assert {"en": "as small as 3.0 points", "zh": "小到 3.0 个百分点"}[language] in runs[0]
    assert helps[language] not in images[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_to_cite_gives_no_interval_that_contradicts_it(language: Language, tmp_path: Path) -> None:
    """An interval that reaches 3.3 rules out no gain of 3.0; Holm's method may, and is named instead."""
    say = words_of(language)
    findings = findings_of(a_study(), tmp_path)

    def cited(hi_all: float) -> str:
        effect = findings.effects[0]
        measured = replace(effect.measured, difference=0.0, lo=-0.8, hi=0.8, lo_all=-hi_all, hi_all=hi_all)
        decision = replace(effect.decision, verdict="no_worthwhile_gain")
        return cited_sentence(replace(effect, measured=measured, decision=decision), findings, say)

    assert cited(2.3).count("2.3") == 2
    assert "3.3" not in cited(3.3)
    assert say("may.holm", n=say.in_words(2), looks="") in cited(3.3)


def test_enough_replicates_without_an_answer_are_explained(tmp_path: Path) -> None:
    """`0 further replicates` would puzzle anybody."""
    findings = findings_of(a_study(evidence={"replicates": [3, 6]}), tmp_path, levels={"Dropout": 72.0})
    step = OpenStep(name="BN", verdict="undecided", needed=Needed("replicates", 0, at_least=False), visible=2.0)
    assert findings.next_steps.settling is not None

    assert (
        "probably smaller"
        in settling_lines(
            replace(
                findings,
                next_steps=replace(findings.next_steps, settling=replace(findings.next_steps.settling, open=(step,))),
            )
        )[0]
    )


def test_what_is_not_pursued_is_said(tmp_path: Path) -> None:
    """A step stopped for futility is neither forgotten nor sold further runs."""
    lines = settling_lines(findings_of(a_study(evidence={"replicates": [3, 6]}), tmp_path))

    assert lines[0].startswith("Dropout: not pursued, for futility")
    assert lines[1] == "No open question could be settled by further runs."


def test_unlike_machines_and_broken_images_are_said(tmp_path: Path) -> None:
    """Counted, with names."""
    mixed = MixedStamps(what="the device", values={"cpu": 8, "cuda": 1})
    findings = replace(
        findings_of(a_study(), tmp_path),
        provenance=ProvenanceFacts(mixed=(mixed,)),
        data=DataFacts(unreadable=("a.png",)),
    )

    assert warnings(findings) == ["Runs that are compared differ in the device: cpu (8 runs) and cuda (1 run)."]
    assert "1 unreadable image left out: a.png." in evidence_lines(findings)


def test_broken_images_that_a_note_names_with_the_reason_are_not_said_twice(tmp_path: Path) -> None:
    """Once, with the reason; names beyond the first five, which such a note only counts, still are listed."""
    note = "1 image left out as unreadable: a.png (the file is empty)"
    findings = replace(findings_of(a_study(), tmp_path), data=DataFacts(unreadable=("a.png",), notes=(note,)))
    more = replace(findings, data=DataFacts(unreadable=("a.png", "z.png"), notes=(note,)))

    assert [line for line in evidence_lines(findings) if "a.png" in line] == [note]
    assert "2 unreadable images left out: a.png and z.png." in evidence_lines(more)


def answered(effect: EffectRow, verdict: Verdict, difference: float) -> EffectRow:
    """The same comparison with another answer."""
    return replace(
        effect,
        measured=replace(effect.measured, difference=difference, lo=difference - 0.5, hi=difference + 0.5),
        decision=replace(effect.decision, verdict=verdict, supplement="", reason=""),
        course=replace(effect.course, needed=None),
    )


@pytest.mark.parametrize(
    ("verdict", "difference", "said", "written"),
    [
        (
            "worse",
            -4.0,
            "BN loses 4.0 points.",
            "BN lowered accuracy by 4.0 points against the baseline (95% interval 3.5",
        ),
        ("same", 0.1, "BN makes no difference that matters.", "BN changed accuracy by less than 1.0 points"),
        (
            "no_worthwhile_gain",
            0.6,
            "BN brings no worthwhile gain.",
            "a gain of 3.0 points or more from BN is ruled out",
        ),
        ("undecided", 1.0, "BN is undecided.", "we could not tell whether BN changes accuracy against the baseline ("),
    ],
)
def test_every_verdict_has_its_sentences(
    verdict: Verdict, difference: float, said: str, written: str, tmp_path: Path
) -> None:
    """What is said first, and what one may write."""
    findings = findings_of(a_study(factors={"BN": {"gain": 10.0}}), tmp_path)
    findings = replace(findings, effects=(answered(findings.effects[0], verdict, difference),))

    assert first_sentence(findings) == said
    assert written in may_write(findings)


def test_a_negligible_gain_is_not_counted_as_help(tmp_path: Path) -> None:
    """It is shown, and it does not matter."""
    findings = findings_of(a_study(), tmp_path)
    better = answered(findings.effects[0], "better", 0.6)
    small = replace(better, decision=replace(better.decision, supplement="negligible"))
    findings = replace(findings, effects=(small, answered(findings.effects[1], "undecided", 0.1)))

    assert first_sentence(findings) == (
        "Neither of two changes is shown to help: BN gains 0.6 points, which is negligible; Dropout is undecided."
    )
    assert column(steps_tables(findings)[0], "Verdict")[1] == "better, but negligible"


def test_decided_steps_may_not_be_ranked(tmp_path: Path) -> None:
    """Steps are not compared with each other, and one data set is not all data."""
    findings = findings_of(a_study(), tmp_path)
    both = tuple(answered(effect, "better", size) for effect, size in zip(findings.effects, (9.0, 4.0), strict=True))
    ranked = may_not_write(replace(findings, effects=both))
    alone = may_not_write(replace(findings, effects=both[:1]))

    assert ranked is not None
    assert alone is not None
    assert ranked.sentence == "BN matters more than Dropout."
    assert alone.sentence == "BN does this on other data, too."


def test_a_terminal_says_in_one_line_how_to_go_on(tmp_path: Path) -> None:
    """What is open, the next look's price, and the command; nothing where nothing is open."""
    study = a_study(evidence={"replicates": [3, 6]})
    findings = findings_of(study, tmp_path, levels={"Dropout": 72.0})

    assert findings.next_steps.settling is not None
    line = how_to_go_on(findings)
    assert line.startswith("Open: Dropout. The next planned look is after 6 replicates: 6 runs")
    assert line.endswith(findings.next_steps.settling.command)
    assert how_to_go_on(replace(findings, next_steps=replace(findings.next_steps, settling=None))) == ""
