"""Metrics computed from stored answers: read from runs, pooled over folds, judged, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from ablate.records import Cell, Contrast, Failed, Finished
from ablate.report.gather.assemble import make_findings
from ablate.report.wording.evidence import evidence_lines
from ablate.scoring.answers import Answers, NotMeasurable
from ablate.scoring.metric import Measured, Metric
from ablate.splits.rules import Folds, Replicate, Share, TestRule
from ablate.stats.cautions import identical_answers
from ablate.stats.effects import Effect, Question, estimate_effects, open_variants, variant_levels
from ablate.stats.measured import pooled_scores, with_values
from ablate.stats.scores import arrange, read_scores
from ablate.study.plan import make_plan
from tests import builders

FOLDS, FIXED = Folds(count=5), Share(share=0.2)
NAMES = np.array(["naevus", "melanoma"])
STEP = Contrast(name="B", variant="B", reference="A", weights={"A": -1.0, "B": 1.0}, family="f")

Columns = dict[str, np.ndarray]


def columns_of(rng: np.random.Generator, ids: np.ndarray, target: np.ndarray, skill: float) -> Columns:
    """A run's outcomes: probabilities in half precision of two classes."""
    logit = rng.normal(0, 1, len(target)) + skill * (2 * target - 1)
    prob = (1 / (1 + np.exp(-logit))).astype(np.float16)
    return {
        "id": ids,
        "target": target,
        "prob": np.stack([1 - prob, prob], axis=1).astype(np.float16),
        "score": ((logit > 0) == (target == 1)).astype(np.float32),
        "classes": NAMES,
    }


def a_study(
    folder: Path,
    *,
    test: TestRule = FIXED,
    sick: int = 40,
    change: Callable[[Columns, str, int], Columns] = lambda columns, *_: columns,
    metrics: dict[str, float] | None = None,
) -> list[Cell]:
    """Two variants, five replicates, 300 images; B is better."""
    rng, cells = np.random.default_rng(1), []
    ids, target = np.array([f"i{i:03}" for i in range(300)]), (np.arange(300) < sick).astype(np.int32)
    spread = rng.permutation(300)
    for r in range(5):
        chosen = np.sort(spread[r::5]) if isinstance(test, Folds) else np.arange(300)
        for variant, skill in (("A", 0.6), ("B", 2.0)):
            run = folder / f"{variant}{r}"
            run.mkdir()
            columns = change(columns_of(rng, ids[chosen], target[chosen], skill), variant, r)
            if columns:
                np.savez(run / "outcomes.npz", **columns)
            told = {"accuracy": 0.5} | (metrics or {})
            result = Finished(folder=run, metrics=told, images="outcomes.npz" if columns else None)
            cells.append(Cell(variant=variant, replicate=Replicate(index=r), result=result))
    return cells


def a_question(metric: str, test: TestRule = FIXED, **changes: Any) -> Question:
    """At one look of five replicates."""
    asked = {"goal": "max", "negligible": 0.01, "worthwhile": 0.03, "looks": (5,), "test": test}
    return Question(metric=metric, **(asked | changes))


def effect(cells: list[Cell], metric: str, test: TestRule = FIXED, **changes: Any) -> Effect:
    """B against A."""
    (found,) = estimate_effects(cells, [STEP], a_question(metric, test, **changes))
    return found


METRICS = (
    "balanced_accuracy", "macro_f1", "weighted_f1", "auroc", "auprc", "quadratic_kappa",
    "sensitivity:melanoma", "auroc:melanoma", "auprc:melanoma", "f1:melanoma",
)  # fmt: skip


@pytest.mark.parametrize("test", [FIXED, FOLDS], ids=["fixed", "folds"])
@pytest.mark.parametrize("metric", METRICS)
def test_a_better_variant_is_found_better(tmp_path: Path, metric: str, test: TestRule) -> None:
    """By an interval for new images and new runs, whatever the trainer reported."""
    found = effect(a_study(tmp_path, test=test, sick=90, metrics={metric: 0.123}), metric, test)

    assert found.judged.verdict == "better"
    assert found.estimate is not None
    assert found.estimate.basis == "images"
    assert found.estimate.n_images == 300
    assert 0 < found.estimate.lo < found.estimate.difference < found.estimate.hi


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_less_is_better_where_it_is(tmp_path: Path, metric: str) -> None:
    """Losses fall."""
    found = effect(a_study(tmp_path), metric, goal="min")

    assert found.judged.verdict == "better"


def test_on_folds_f1_is_that_of_all_answers(tmp_path: Path) -> None:
    """Not the mean of the folds' F1, which is another number."""
    cells = a_study(tmp_path, test=FOLDS)
    book = read_scores(cells, "f1:melanoma")
    assert book is not None
    stored = [np.load(tmp_path / f"B{r}" / "outcomes.npz") for r in range(5)]
    target = np.concatenate([one["target"] for one in stored])
    named = np.concatenate([one["prob"][:, 1] > 0.5 for one in stored])
    by_fold = np.mean([f1_score(one["target"], one["prob"][:, 1] > 0.5) for one in stored])

    level = variant_levels(cells, a_question("f1:melanoma", FOLDS), book=book)["B"]

    assert level is not None
    assert level.mean == pytest.approx(f1_score(target, named))
    assert level.mean != pytest.approx(by_fold, abs=1e-4)


def test_on_folds_auroc_is_the_mean_of_the_folds(tmp_path: Path) -> None:
    """Scores of different networks are never ranked together."""
    cells = a_study(tmp_path, test=FOLDS)
    stored = [np.load(tmp_path / f"B{r}" / "outcomes.npz") for r in range(5)]
    expected = np.mean([roc_auc_score(one["target"], one["prob"][:, 1]) for one in stored])

    level = variant_levels(cells, a_question("auroc:melanoma", FOLDS))["B"]

    assert level is not None
    assert level.mean == pytest.approx(expected)


def test_folds_of_unequal_size_still_average_to_the_metric(tmp_path: Path) -> None:
    """The pooled metric is the mean of the folds' values, as the engine takes it."""

    def shorter(columns: Columns, variant: str, r: int) -> Columns:
        return {name: column if name == "classes" else column[r:] for name, column in columns.items()}

    cells = a_study(tmp_path, test=FOLDS, change=shorter)
    book = read_scores(cells, "macro_f1")
    assert book is not None
    arranged = arrange(book, cells, ["A", "B"], FOLDS, frozenset())
    stored = [np.load(tmp_path / f"A{r}" / "outcomes.npz") for r in range(5)]
    target = np.concatenate([one["target"] for one in stored])
    named = np.concatenate([one["prob"][:, 1] > 0.5 for one in stored])

    means = [row.mean() for row in arranged.scores[0] if row is not None]

    assert np.mean(means) == pytest.approx(f1_score(target, named, average="macro"))


def test_few_images_of_a_class_get_an_interval_and_no_verdict(tmp_path: Path) -> None:
    """Nine are too few; the number is told."""
    found = effect(a_study(tmp_path, sick=9), "auroc")

    assert found.estimate is not None
    assert found.judged.reason == "there are 9 test images of melanoma, and 10 are needed"


def up_to(cells: list[Cell], replicates: int) -> list[Cell]:
    """Those of a look."""
    return [cell for cell in cells if cell.replicate.index < replicates]


@pytest.mark.parametrize("metric", ["sensitivity:melanoma", "balanced_accuracy", "macro_f1", "auroc"])
def test_a_class_that_is_thin_at_the_first_look_stays_open_while_folds_are_untested(
    tmp_path: Path, metric: str
) -> None:
    """The folds to come bring its other images; the next look trains them, and judges."""
    cells = a_study(tmp_path, test=FOLDS, sick=24)
    per_fold = [int((np.load(tmp_path / f"A{r}" / "outcomes.npz")["target"] == 1).sum()) for r in range(5)]
    assert min(per_fold) > 0
    assert sum(per_fold[:2]) < 10

    first = effect(up_to(cells, 2), metric, FOLDS, looks=(2, 5))
    second = estimate_effects(cells, [STEP], a_question(metric, FOLDS, looks=(2, 5)), look=2)[0]

    assert first.judged.reason == f"so far there are {sum(per_fold[:2])} test images of melanoma, and 10 are needed"
    assert first.is_open
    assert open_variants([first], ["A", "B"]) == {"A", "B"}
    assert second.look == 2
    assert second.judged.verdict != "not_assessable"


def test_a_class_stays_closed_where_no_fold_is_left(tmp_path: Path) -> None:
    """Further repetitions test the same images; on one fixed test set every replicate does."""

    def two_a_fold(columns: Columns, variant: str, r: int) -> Columns:
        return columns | {"target": (np.arange(60) < (1 if r == 4 else 2)).astype(np.int32)}

    later = effect(a_study(tmp_path, test=FOLDS, change=two_a_fold), "sensitivity:melanoma", FOLDS, looks=(5, 10))

    assert later.judged.reason == "there are 9 test images of melanoma, and 10 are needed"
    assert not later.is_open


def test_a_class_that_a_fold_lacks_is_told_with_the_folds(tmp_path: Path) -> None:
    """Whatever the metric makes of the others."""

    def without(columns: Columns, variant: str, r: int) -> Columns:
        kept = columns["target"] == 0 if r in (1, 3) else columns["target"] >= 0
        return {name: column if name == "classes" else column[kept] for name, column in columns.items()}

    cells = a_study(tmp_path, test=FOLDS, sick=60, change=without)

    for metric in ("macro_f1", "auroc:melanoma", "sensitivity:melanoma"):
        found = effect(cells, metric, FOLDS)
        assert found.judged.reason == "there is no test image of melanoma on folds 1 and 3"


@pytest.mark.parametrize("metric", [*METRICS, "log_loss", "brier", "ece", "mean_average_precision"])
@pytest.mark.parametrize("test", [FIXED, FOLDS], ids=["fixed", "folds"])
def test_a_run_without_a_test_image_has_no_value(tmp_path: Path, metric: str, test: TestRule) -> None:
    """It is left out with a reason; the analysis goes on."""

    def empty(columns: Columns, variant: str, r: int) -> Columns:
        return columns if r else {name: column if name == "classes" else column[:0] for name, column in columns.items()}

    cells = a_study(tmp_path, test=test, change=empty)

    assert effect(cells, metric, test).judged.verdict == "not_assessable"
    book = read_scores(cells, metric)
    assert book is not None
    assert "no test image" in book.gone["A", 0]
    assert with_values(cells, book)


def test_answers_that_are_equal_on_one_class_alone_are_no_sign_of_a_change_without_effect(tmp_path: Path) -> None:
    """Only what the metric counts is equal; equal answers everywhere still make one wonder."""

    def alike(columns: Columns, variant: str, r: int) -> Columns:
        named = np.where(columns["target"] == 1, 0, np.arange(300) % 3 == (variant == "B"))
        return {"id": columns["id"], "target": columns["target"], "predicted": named.astype(int), "classes": NAMES}

    cells = a_study(tmp_path, change=alike)

    for metric, as_counted in (("sensitivity:melanoma", True), ("specificity:melanoma", None)):
        book = read_scores(cells, metric)
        assert book is not None
        assert [pair.as_counted for pair in identical_answers(book, [STEP])] == ([] if as_counted is None else [True])
    same = read_scores([replace(cell, result=cells[0].result) for cell in cells], "sensitivity:melanoma")
    assert same is not None
    assert [pair.as_counted for pair in identical_answers(same, [STEP])] == [False]


@pytest.mark.parametrize("test", [FIXED, FOLDS], ids=["fixed", "folds"])
def test_none_right_of_a_class_bounds_it_as_its_images_do(tmp_path: Path, test: TestRule) -> None:
    """0 of 20 leaves up to 16.1 % (Wilson 1927), as the table of classes has it."""

    def none_right(columns: Columns, variant: str, r: int) -> Columns:
        return only("id", "target", "classes")(columns, variant, r) | {"predicted": 0 * columns["target"]}

    cells = a_study(tmp_path, test=test, sick=20, change=none_right)
    level = variant_levels(cells, a_question("sensitivity:melanoma", test))["A"]

    assert level is not None
    assert (level.mean, level.lo) == (pytest.approx(0), 0)
    assert level.hi == pytest.approx(0.1611, abs=1e-4)


def test_a_single_image_of_a_class(tmp_path: Path) -> None:
    """In the singular."""
    assert effect(a_study(tmp_path, sick=1), "auroc").judged.reason.startswith("there is 1 test image of melanoma")


def test_a_frequent_class_needs_no_rare_one(tmp_path: Path) -> None:
    """The specificity of a rare class rests on the others."""
    found = effect(a_study(tmp_path, sick=5), "specificity:melanoma")

    assert found.judged.verdict != "not_assessable"


def only(*names: str) -> Callable[[Columns, str, int], Columns]:
    """A trainer that stores these columns."""
    return lambda columns, *_: {name: columns[name] for name in names}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (only("id", "target", "score"), "no probabilities are stored (column `prob`)"),
        (only("id", "score"), "the answers to single images are not stored"),
        (lambda *_: {}, "the answers to single images are not stored"),
    ],
    ids=["no prob", "no target", "numbers only"],
)
def test_without_answers_the_reason_is_told(
    tmp_path: Path, change: Callable[[Columns, str, int], Columns], reason: str
) -> None:
    """Never a verdict by another question."""
    found = effect(a_study(tmp_path, change=change), "auroc")

    assert found.judged.verdict == "not_assessable"
    assert reason in found.judged.reason


@pytest.mark.parametrize("change", [only("id", "score"), lambda *_: {}], ids=["no target", "numbers only"])
def test_a_trainer_of_numbers_is_compared_by_them(
    tmp_path: Path, change: Callable[[Columns, str, int], Columns]
) -> None:
    """As ever, where it reports the metric itself and stores no answers."""
    found = effect(a_study(tmp_path, change=change, metrics={"auroc": 0.8}), "auroc")

    assert found.estimate is not None
    assert found.estimate.basis == "replicates, unpaired"


def test_a_trainers_own_score_of_each_image_is_kept(tmp_path: Path) -> None:
    """Where the answers do not say more."""

    def scored(columns: Columns, variant: str, r: int) -> Columns:
        return {name: columns[name] for name in ("id", "target", "score")} | {"brier": np.full(300, 0.25)}

    found = effect(a_study(tmp_path, change=scored, metrics={"brier": 0.25}), "brier", goal="min")

    assert found.estimate is not None
    assert found.estimate.basis == "images"


def test_a_trainers_own_score_stands_where_its_targets_are_no_classes(tmp_path: Path) -> None:
    """An angle is no class; the trainer's own score of each image is taken."""

    def scored(columns: Columns, variant: str, r: int) -> Columns:
        return {"id": columns["id"], "target": np.linspace(0.1, 0.9, 300), "brier": np.full(300, 0.25)}

    found = effect(a_study(tmp_path, change=scored, metrics={"brier": 0.25}), "brier", goal="min")

    assert found.estimate is not None
    assert found.estimate.basis == "images"


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """The run is named, and the others are not judged as if it had never been."""
    cells = a_study(tmp_path)
    (tmp_path / "B2" / "outcomes.npz").write_bytes(b"no archive")
    (tmp_path / "B3" / "outcomes.npz").unlink()

    found = effect(cells, "auroc")
    book = read_scores(cells, "auroc")

    assert found.judged.verdict == "not_assessable"
    assert book is not None
    assert "cannot be read" in book.gone["B", 2]
    assert "are gone" in book.gone["B", 3]


def test_columns_of_other_lengths_are_told(tmp_path: Path) -> None:
    """Nobody knows which answer is of which image."""

    def torn(columns: Columns, variant: str, r: int) -> Columns:
        return columns | ({"id": columns["id"][:-1]} if (variant, r) == ("A", 0) else {})

    assert "differ in length" in effect(a_study(tmp_path, change=torn), "auroc").judged.reason


@pytest.mark.parametrize(("metric", "words"), [("mean_average_precision", "reported"), ("ece", "described")])
def test_what_has_no_interval_is_shown_and_not_judged(tmp_path: Path, metric: str, words: str) -> None:
    """There are numbers, and the reason why there is no verdict."""
    found = effect(a_study(tmp_path), metric)

    assert found.estimate is not None
    assert words in found.judged.reason


def test_groups_count_for_every_metric(tmp_path: Path) -> None:
    """The unit of chance is the patient, whatever is measured; a patient's own F1 is no second question."""

    def grouped(columns: Columns, variant: str, r: int) -> Columns:
        return columns | {"group": np.array([f"p{int(name[1:]) % 60}" for name in columns["id"]])}

    cells = a_study(tmp_path, change=grouped)
    found = effect(cells, "macro_f1")

    assert found.estimate is not None
    assert found.estimate.grouped is not None
    assert found.estimate.grouped.n == 60


def test_variants_on_other_images_are_not_compared(tmp_path: Path) -> None:
    """A part of the images has another F1."""

    def fewer(columns: Columns, variant: str, r: int) -> Columns:
        return {name: c if name == "classes" or variant == "A" else c[:-1] for name, c in columns.items()}

    found = effect(a_study(tmp_path, change=fewer), "macro_f1")

    assert found.estimate is None
    assert found.judged.reason == "different test sets"


def test_the_runs_tell_what_was_computed(tmp_path: Path) -> None:
    """In the place of what the trainer told; runs without answers, and other metrics, stay as they are."""
    cells = a_study(tmp_path, metrics={"auroc": 0.1})
    failed = Cell(variant="A", replicate=Replicate(index=7), result=Failed(folder=tmp_path, reason="error"))
    told = with_values([*cells, failed], read_scores(cells, "auroc"))

    assert isinstance(told[0].result, Finished)
    assert told[0].result.metrics["auroc"] > 0.6
    assert told[-1] == failed
    assert with_values(cells, read_scores(cells)) == cells
    assert with_values(cells, None) == cells


def test_an_earlier_run_gets_its_classes_from_the_data(tmp_path: Path) -> None:
    """Runs of before store no names; the cell knows them."""
    cells = a_study(tmp_path, change=only("id", "target", "score", "prob"))

    assert "only numbers up to 1" in effect(cells, "sensitivity:melanoma").judged.reason
    named = [replace(cell, classes=("naevus", "melanoma")) for cell in cells]
    assert effect(named, "sensitivity:melanoma").judged.verdict == "better"


def test_a_replicate_that_only_one_variant_has(tmp_path: Path) -> None:
    """The others are compared; a look that is not over stays undecided as ever."""
    cells = [cell for cell in a_study(tmp_path, test=FOLDS) if (cell.variant, cell.replicate.index) != ("B", 4)]

    found = effect(cells, "macro_f1", FOLDS)

    assert found.estimate is not None
    assert found.estimate.n_replicates == 4


def findings_of(folder: Path, metric: str, *, sick: int = 40) -> Any:
    """The report's findings on the study above."""
    study = builders.a_study(
        trainer="tests.unit.test_thresholds:train", base={"rate": 1.0}, factors={"B": {"rate": 2.0}},
        evidence={"metric": metric, "replicates": 5, "test": {"share": 0.2}},
    )  # fmt: skip
    names = {"A": "baseline", "B": "B"}
    cells = [replace(cell, variant=names[cell.variant]) for cell in a_study(folder, sick=sick)]
    return make_findings(study, make_plan(study), cells, look=1, prepared={}, work=folder, origin=None)


def test_the_report_names_the_class_that_decides(tmp_path: Path) -> None:
    """With its number of images; the runs show the metric although the trainer never told it."""
    found = findings_of(tmp_path, "sensitivity:melanoma")
    lines = evidence_lines(found)

    line = "Of the classes that sensitivity (melanoma) rests on, melanoma has the fewest test images: 40."
    assert line in lines
    assert found.effects[0].decision.verdict == "better"
    assert all(0 < run.metrics["sensitivity:melanoma"] <= 100 for run in found.runs.rows)
    assert found.study.metric.unit == "%"


def test_a_metric_of_all_images_alike_names_no_class(tmp_path: Path) -> None:
    """Nor does accuracy."""
    assert findings_of(tmp_path, "log_loss").evidence.rarest is None


def test_a_level_ends_where_its_metric_does(tmp_path: Path) -> None:
    """Nine images leave an interval that Student would take beyond 100 %."""
    found = findings_of(tmp_path, "sensitivity:melanoma", sick=5)

    assert all(row.lo >= 0 and row.hi <= 100 for row in found.variants)


def test_what_no_repetition_has_is_left_out(tmp_path: Path) -> None:
    """A metric of one's own may have a value on each fold, and none on all of them."""

    def small(answers: Answers) -> Measured:
        if len(answers.target) > 60:
            raise NotMeasurable("too many images")
        return Measured(0.5, np.zeros(len(answers.target)))

    book = read_scores(a_study(tmp_path, test=FOLDS), "macro_f1")
    assert book is not None

    assert pooled_scores(book.rows, Metric(name="small", goal="max", measure=small), dict.fromkeys(range(5), 0)) == {}


def test_several_repetitions_of_folds(tmp_path: Path) -> None:
    """Each repetition has all images once; the floor that no further replicate lowers is known."""
    cells = a_study(tmp_path, test=FOLDS, sick=60)
    more = [replace(cell, replicate=Replicate(index=cell.replicate.index + 5)) for cell in cells]

    found = effect([*cells, *more], "macro_f1", FOLDS, looks=(10,))

    assert found.estimate is not None
    assert found.estimate.n_replicates == 10
    assert found.estimate.image_floor is not None


def test_a_run_that_is_not_there_is_passed_over(tmp_path: Path) -> None:
    """As ever."""
    cells = [*a_study(tmp_path), Cell(variant="A", replicate=Replicate(index=5))]
    book = read_scores(cells, "auroc")

    assert book is not None
    assert ("A", 5) not in book.rows
