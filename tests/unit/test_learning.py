"""What more images may bring: weights that are exact on their own curves, and the design that trains on shares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ablate.errors import StudyError
from ablate.protocols import Run
from ablate.records import Prepared
from ablate.report.facts.findings import Findings
from ablate.report.gather.assemble import make_findings
from ablate.report.page.html import html_page
from ablate.report.page.learning import learning_sentence
from ablate.report.page.sections import page_of
from ablate.report.page.summary_json import summary_json
from ablate.report.wording.headline import first_sentence
from ablate.report.wording.language import Language, words_of
from ablate.settings import Settings
from ablate.stats.cells import StatisticsError
from ablate.stats.learning import EXPONENTS, extrapolate, gain_weights, misfit_weights, shape
from ablate.stats.replicate_level import estimate_replicates
from ablate.study.plan import Plan, make_plan
from ablate.study.study import Study
from tests.builders import cells_with
from tests.study_builders import read_study

SIZES = (0.25, 0.5, 0.75, 1.0)
BASE = {
    "data": {"source": {"name": "digits"}, "classes": 10, "image_size": 16, "channels": 1, "train": 200},
    "model": {"name": "vgg", "blocks": [1], "width": 4, "norm": None, "dropout": None, "head": {"name": "gap"}},
    "optimizer": {"name": "adam", "lr": 1e-3},
    "batch_size": 16,
    "epochs": 6,
}


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("at", [1.25, 2.0])
def test_levels_on_a_curve_are_continued_exactly_on_it(exponent: float, at: float) -> None:
    """Known answer: a + b n^-c itself (b log n for c = 0), whatever a and b are, and no misfit."""
    n = np.array(SIZES)
    levels, truth = (
        (80 + 3 * np.log(n), 3 * np.log(at))
        if exponent == 0
        else (80 - 6 * n**-exponent, 6 - 6 * at**-exponent)
    )  # fmt: skip

    assert gain_weights(SIZES, exponent, at) @ levels == pytest.approx(truth)
    assert misfit_weights(SIZES, exponent) @ levels == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_predictions_are_contrasts(exponent: float) -> None:
    """Weights that add up to 0: what lifts all levels, such as easier test images, changes no prediction."""
    assert gain_weights(SIZES, exponent, 2.0).sum() == pytest.approx(0)
    assert misfit_weights(SIZES, exponent).sum() == pytest.approx(0)


def test_a_doubling_gains_between_as_much_again_and_a_quarter() -> None:
    """The ratio of successive doublings is 2^-c: the exponents stand for 1 to 1/4."""
    ratios = [
        float((shape(2.0, c) - shape(1.0, c)) / (shape(1.0, c) - shape(0.5, c))) for c in (EXPONENTS[0], EXPONENTS[-1])
    ]

    assert ratios == pytest.approx([1.0, 0.25])


def simulated(levels: np.ndarray, *, noise: float = 0.05, seed: int = 0, at: float = 2.0) -> Any:
    """Six replicates of every share about known levels."""
    rng = np.random.default_rng(seed)
    numbers = levels[:, None] + noise * rng.standard_normal((len(levels), 6))
    rows = [weigh(SIZES, c) for weigh in (lambda s, c: gain_weights(s, c, at), misfit_weights) for c in EXPONENTS]
    found = estimate_replicates(numbers.tolist(), np.array(rows), pairing="paired")
    known = [one for one in found if one is not None]
    return extrapolate(known[: len(EXPONENTS)], known[len(EXPONENTS) :], at)


def test_exponents_that_miss_the_smallest_share_are_dropped() -> None:
    """With little noise a curve of exponent 1 is not taken for a logarithm; the next exponents are followed along."""
    found = simulated(80 - 4 / np.array(SIZES))

    assert 1.0 in found.exponents
    assert 0.0 not in found.exponents
    assert found.lo <= found.least <= 2.0 <= found.most <= found.hi


def test_nothing_is_predicted_where_no_curve_fits() -> None:
    """A rise that comes late is no power law, and its end is not to be seen."""
    assert simulated(np.array([50.0, 50.5, 60.0, 75.0])) is None


def a_data_study(*, evidence: dict[str, Any] | None = None, train: Any = 200, **more: Any) -> Study:
    """The digits on 200 images, 50 of them for validation, under the design of shares."""
    base = BASE | {"data": BASE["data"] | {"train": train}}  # type: ignore[operator]  # both are dictionaries
    rules = {"test": {"folds": 3}, "val": 50, "replicates": [3]} | (evidence or {})
    chain = {"wider": {"model.width": 8}}
    return read_study({"study": "digits", "base": base, "chain": chain, "evidence": rules} | more, other_design="data")


def test_shares_are_of_the_images_beyond_validation() -> None:
    """200 with 50 of them kept: 38, 75 and 112 of the other 150, each holding the one before."""
    plan = make_plan(a_data_study())

    assert [variant.config["data"]["train"] for variant in plan.variants] == [200, 88, 125, 162]
    assert [variant.config["epochs"] for variant in plan.variants] == [6] * 4
    assert {contrast.family for contrast in plan.contrasts} == {"data"}
    assert [contrast.reference for contrast in plan.contrasts] == [v.name for v in plan.variants[1:]]


def test_shares_of_shares() -> None:
    """Written as shares below 1; `all` is what is not tested on."""
    shares = [v.config["data"]["train"] for v in make_plan(a_data_study(train=0.6, evidence={"val": 0.2})).variants]
    whole = [v.config["data"]["train"] for v in make_plan(a_data_study(train="all", evidence={"val": None})).variants]

    assert shares == pytest.approx([0.6, 0.3, 0.4, 0.5])
    assert whole[1:] == pytest.approx([1 / 6, 1 / 3, 1 / 2], abs=1e-6)


def test_equal_steps_are_kept_where_the_study_asks_for_them() -> None:
    """`control: steps`: a quarter of the images for four times the epochs."""
    assert [v.config["epochs"] for v in make_plan(a_data_study(control="steps")).variants] == [6, 24, 12, 8]


@pytest.mark.parametrize(
    ("study", "says"),
    [
        ({"train": 0.5}, "one is a share and one a number"),
        ({"train": "all", "evidence": {"test": "official", "val": None}}, "only the data know"),
    ],
)
def test_shares_that_only_the_data_know_are_refused(study: dict[str, Any], says: str) -> None:
    """A plan needs no data."""
    with pytest.raises(StudyError, match=says):
        make_plan(a_data_study(**study))


def test_a_trainer_without_the_setting_is_refused() -> None:
    """The toy has no images to leave out."""
    toy = {
        "study": "toy",
        "trainer": "ablate.toy:train",
        "base": {},
        "chain": {"BN": {"gain": 5.0}},
        "evidence": {"test": {"folds": 3}, "replicates": [3]},
    }

    with pytest.raises(StudyError, match=r"no such setting"):
        make_plan(read_study(toy, other_design="data"))


def findings(work: Path, levels: dict[str, float], **cells: Any) -> Findings:
    """What a report of the shares says; images are counted."""
    study = a_data_study()
    plan: Plan = make_plan(study)
    counts = dict(zip([variant.name for variant in plan.variants], (150, 38, 75, 112), strict=True))
    prepared = {name: Prepared(digest="digits", counts={"train": n, "val": 50}) for name, n in counts.items()}
    drawn = cells_with(plan, work, levels=levels, **cells)
    return make_findings(study, plan, drawn, look=1, prepared=prepared, work=work, origin=None)


RISING = {"25% of the images": 60.0, "50% of the images": 68.0, "75% of the images": 72.0, "baseline": 75.0}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_has_a_section_with_a_curve_and_a_range(language: Language, tmp_path: Path) -> None:
    """The prediction ends at twice the images, holds the logarithm's +7 or so, and is called exploratory."""
    found = findings(tmp_path, RISING, noise=0.1)
    words = words_of(language)
    page = html_page(page_of(found, words))
    curve = found.exploratory.learning

    assert curve is not None
    assert curve.farthest is not None
    assert curve.farthest.at == 2.0
    assert curve.farthest.lo < 7.0 < curve.farthest.hi
    assert words("learning.title") in page
    assert words("learning.equal_epochs") in page
    assert [point.images for point in curve.points] == [38, 75, 112, 150]


def test_no_gain_beyond_perfect_is_predicted(tmp_path: Path) -> None:
    """A rate ends at 100 %."""
    levels = {"25% of the images": 80.0, "50% of the images": 92.0, "75% of the images": 96.0, "baseline": 98.0}
    curve = findings(tmp_path, levels).exploratory.learning

    assert curve is not None
    assert all(gain.hi <= 100 - curve.points[-1].mean + 1e-9 for gain in curve.gains)


def test_the_answer_compares_with_the_gain_worth_having(tmp_path: Path) -> None:
    """Flat levels rule the gain out in words and in JSON, where it is called exploratory."""
    flat = findings(tmp_path, dict.fromkeys(RISING, 70.0), noise=0.05, images=6000)
    told = json.loads(json.dumps(summary_json(flat)))["more_images"]

    assert told["answer"] == "too_few"
    assert told["exploratory"] is True
    assert "By no curve is that 3.0 points" in learning_sentence(flat)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "going from 25% to 50% of the images gains"), ("zh", "图像由 25% 增至 50% 提高")]
)
def test_the_first_screen_answers_what_more_images_bring(tmp_path: Path, language: Language, said: str) -> None:
    """The prediction follows the first sentence, which reads as one."""
    found, say = findings(tmp_path, RISING), words_of(language)
    opening = [getattr(block, "text", "") for block in page_of(found, say).opening]

    assert learning_sentence(found, say) in opening
    assert said in first_sentence(found, say)


def test_nothing_is_said_before_the_last_run_and_for_no_other_design(tmp_path: Path) -> None:
    """A curve through half of the runs would be another one tomorrow."""
    early = findings(tmp_path, RISING, results={("baseline", 2): None})

    assert early.exploratory.learning is None
    assert "more_images" not in summary_json(early)
    assert replace(early.exploratory, learning=None) == early.exploratory


def test_all_images_are_those_a_fixed_test_part_leaves() -> None:
    """A share of the images is known beforehand, a number of them is not."""
    rules = {"test": {"share": 0.2}, "val": None}
    plan = make_plan(a_data_study(train="all", evidence=rules))

    assert [v.config["data"]["train"] for v in plan.variants[1:]] == pytest.approx([0.2, 0.4, 0.6])
    with pytest.raises(StudyError, match="only the data know"):
        make_plan(a_data_study(train="all", evidence=rules | {"test": {"share": 300}}))


class Data(Settings):
    """What a trainer without epochs is asked for."""

    train: float = 0.8


class Config(Settings):
    """The settings of `train`."""

    data: Data = Data()
    rate: float = 1.0


METRICS = {"accuracy": "max"}


def train(config: Config, run: Run) -> dict[str, float]:
    """Nobody trains it."""
    raise NotImplementedError


def test_equal_steps_need_the_setting_epochs() -> None:
    """Refused where steps cannot be matched, instead of a curve that claims they were."""
    study = {
        "study": "own",
        "trainer": "tests.unit.test_learning:train",
        "base": {},
        "chain": {"faster": {"rate": 2.0}},
        "evidence": {"test": {"folds": 3}, "replicates": [3]},
    }
    shares = [v.config["data"]["train"] for v in make_plan(read_study(study, other_design="data")).variants]

    assert shares == pytest.approx([0.8, 0.2, 0.4, 0.6])
    with pytest.raises(StudyError, match="no setting `epochs`"):
        make_plan(read_study(study | {"control": "steps"}, other_design="data"))


def test_validation_images_by_number_are_refused_where_all_others_are_trained_on() -> None:
    """In the words of the file, and with what to write instead."""
    with pytest.raises(StudyError, match=r"data\.train is all and evidence\.val is 20") as refused:
        make_plan(a_data_study(train="all", evidence={"test": {"folds": 3}, "val": 20}))
    assert "share below 1" in refused.value.hint


def test_one_number_of_images_has_no_curve() -> None:
    """Every curve goes through it."""
    with pytest.raises(StatisticsError, match="one number of images"):
        gain_weights([1.0, 1.0], 0.5, 2.0)
