"""Graphics cards of several kinds: whatever is started has a card, or waits for one. No card is needed to ask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ablate.execute.devices import Device, DeviceSlots, SharedHomes
from ablate.execute.lazy import LazyExecutor
from ablate.execute.pool import CAN_FORK, ForkPool
from ablate.harness.data_check import look
from ablate.harness.interruption import Interruption
from ablate.harness.view_tests import ViewTest, run_view_tests
from ablate.records import Finished
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.session import Session, open_session
from tests.builders import a_finished
from tests.training_builders import a_task

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="this platform cannot fork, and its pool has no cards")

TRAINER = '''\
"""Notes which card each of its looks has."""
import os
import time
import numpy as np
import ablate
from ablate.records import Prepared

METRICS = {"accuracy": "max"}

class Config(ablate.Settings):
    number: int = 0

def card():
    time.sleep(0.2)
    return os.environ.get("CUDA_VISIBLE_DEVICES") or "hidden"

def train(config: Config, run: ablate.Run):
    return {"accuracy": 0.5}

def prepare(config: Config, run: ablate.Run) -> Prepared:
    return Prepared(digest=f"data of {config.number}", notes=(card(),))

def augmented_test(spec, result, run, tta):
    np.savez(run.folder / "views.npz", card=np.array([card()]))
    return run.folder / "views.npz"
'''
KINDS = (Device("0", "A100"), Device("1", "T4"), Device("2", "A100"))


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A study of five variants on four replicates over that trainer."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "noting_cards.py").write_text(TRAINER)
    study = {
        "study": "mixed",
        "trainer": "noting_cards:train",
        "base": {"number": 1},
        "one_at_a_time": {f"v{number}": {"number": number} for number in range(2, 6)},
        "evidence": {"test": {"folds": 4}, "replicates": [4]},
    }
    (tmp_path / "mixed.yaml").write_text(json.dumps(study))
    return open_session(load_study(tmp_path / "mixed.yaml"), tmp_path)


def cards_of_looks(session: Session, cards: DeviceSlots) -> set[str]:
    """Which card each variant's look at the data had."""
    task = a_task(session.work, session.plan.spec(session.plan.variants[0], next(session.plan.runs())[1].replicate))
    slots = min(2, len(cards))
    pool = LazyExecutor(slots, lambda: ForkPool(slots=slots, work=session.work, cards=cards))
    try:
        found = look(session.plan, session.study.trainer, pool, task=task, known={}, stop=Interruption())
    finally:
        pool.close()
    return {prepared.notes[0] for prepared in found.values()}


@pytest.mark.parametrize("homes", [{}, {0: "T4"}])
def test_looks_at_the_data_have_a_card(session: Session, homes: dict[int, str]) -> None:
    """One after the other where only one card is of their replicate's kind."""
    assert cards_of_looks(session, DeviceSlots(KINDS[:2], homes=homes)) == {"1" if homes else "0"}


def test_looks_at_the_data_have_a_card_where_their_replicate_is_at_home_elsewhere(
    session: Session, tmp_path: Path
) -> None:
    """Another machine trains the first replicates on cards that this one has none of: a look waits for nothing."""
    shared = SharedHomes(tmp_path / "devices")
    for replicate in (0, 1):
        shared.claim(replicate, "H100")

    assert cards_of_looks(session, DeviceSlots(KINDS[:1], shared=shared)) == {"0"}


def test_views_are_tested_on_the_kind_of_card_that_a_replicate_was_trained_on(session: Session) -> None:
    """None is hidden from a test, however many of one kind wait."""
    store = Store(session.work)
    tests = [
        ViewTest(spec=spec, result=finished_run(session.work / f"{variant.name}-{spec.replicate.index}"), tta={"n": 2})
        for variant, spec in session.plan.runs()
    ]
    pool = ForkPool(slots=3, work=session.work, cards=DeviceSlots(KINDS, homes={0: "T4", 1: "A100", 2: "T4"}))
    run_view_tests(tests, store, pool, a_task(session.work, tests[0].spec), lambda: False)
    pool.close()
    used: dict[int, set[str]] = {}
    for test in tests:
        with np.load(test.kept(store)) as columns:
            used.setdefault(test.spec.replicate.index, set()).add(str(columns["card"][0]))

    assert used[0] == used[2] == {"1"}
    assert used[1] <= {"0", "2"}
    assert not used[3] & {"hidden"}


def finished_run(folder: Path) -> Finished:
    """A run to test again."""
    return a_finished(folder, scores={"a": 1.0})
