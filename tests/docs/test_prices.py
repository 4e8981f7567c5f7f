"""Every shipped study says what it costs, and can be asked in minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.study.load import load_study
from ablate.study.plan import make_plan
from tests.docs.prices import PLACES, ROOT, STUDIES, facts_of, page, small_work, speed, work_of

MULTIPLY_ADDS = 5e13
"""Of a small version in all. Thin networks on images of 32x32 reach some tens of GFLOP/s on a core."""
PASSES = 1_000_000
"""Training images of a small version, over all its runs: each costs its share of a step, however thin the network."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_every_shipped_study_states_its_price(name: str) -> None:
    """The tables are what the studies' plans come to; `make docs` renews them, a study without facts is refused."""
    assert (ROOT / name).read_text(encoding="utf-8") == page(name)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_has_a_small_version_of_little_work(path: Path) -> None:
    """Counted, not timed: what two cores do within a quarter of an hour; its first key says what it keeps."""
    study = load_study(path)
    assert study.small is not None, f"studies/{path.name} has no small: block"
    assert next(iter(study.document.data["small"])) == "keeps"
    work = small_work(path)

    assert work.flops / 2 < MULTIPLY_ADDS
    assert work.passes < PASSES
    assert facts_of(path).small_seconds <= 1800, "more than 15 minutes on two cores"


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_small_version_asks_the_study_s_questions(path: Path) -> None:
    """Every comparison of the study that it does not say it leaves out."""
    study, small = load_study(path), load_study(path, small=True)
    assert study.small is not None
    gone = {*study.small.leave_out, *(study.stand_in.leave_out if study.stand_in and small.stand_in_root else ())}

    asked = [one.name for one in make_plan(study).contrasts if one.family != "published"]
    still = [one.name for one in make_plan(small).contrasts]

    assert still == [name for name in asked if name not in gone]


def test_work_is_counted_as_by_hand() -> None:
    """Ten folds of 180; four variants train on 1,440 images and five on 1,620; 40 epochs, 5 replicates."""
    path = next(path for path in STUDIES if path.stem == "hollywood")

    work = work_of(load_study(path), facts_of(path), look=1)

    assert (work.runs, work.passes) == (45, 5 * 40 * (4 * 1440 + 5 * 1620))


def test_the_card_takes_the_published_seconds_for_the_published_epoch() -> None:
    """15.3 thousand million multiply-adds an image, 1,620 forward and backward and 180 tested, in 13.6 s."""
    by_hand = 2 * 15.36e9 * (3 * 1620 + 180) / 13.6

    assert speed(224) == pytest.approx(by_hand, rel=0.01)
