"""Which run gets which graphics card; no card is needed to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.execute.devices import Device, DeviceSlots, SharedHomes, bundles, devices
from ablate.execute.pool import CAN_FORK, ForkPool
from ablate.harness.coordinator import Coordinator, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.records import Finished
from ablate.store.journal import read_result
from ablate.store.work_folder import Store
from tests.command_builders import a_block, a_command_task
from tests.contract.executor_contract import with_pranks
from tests.training_builders import a_spec, a_task, an_attempt, finished

A0, A1, B0 = Device("0", "A100"), Device("1", "A100"), Device("2", "T4")


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the driver says of two cards of different kinds."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for bus, kind, uuid in (("0000:01:00.0", "NVIDIA A100", "GPU-aa"), ("0000:02:00.0", "Tesla T4", "GPU-bb")):
        (tmp_path / bus).mkdir()
        (tmp_path / bus / "information").write_text(f"Model: \t\t {kind}\nGPU UUID: \t {uuid}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, [("0", "NVIDIA A100"), ("1", "Tesla T4")]),
        ("1", [("1", "Tesla T4")]),
        ("1, 0", [("1", "Tesla T4"), ("0", "NVIDIA A100")]),
        ("GPU-bb", [("GPU-bb", "Tesla T4")]),
        ("", []),
        ("-1", []),
        ("7", []),
    ],
)
def test_the_cards_are_those_this_process_may_use(
    visible: str | None, expected: list[tuple[str, str]], driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As CUDA_VISIBLE_DEVICES has it: numbers or UUIDs."""
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert list(devices(driver)) == [Device(*card) for card in expected]


def test_a_machine_without_the_driver_has_no_cards(tmp_path: Path) -> None:
    """And none are looked for otherwise."""
    assert devices(tmp_path / "none") == ()


def test_each_run_has_a_card_of_its_own_until_all_are_taken() -> None:
    """A card that was given back is given out again."""
    slots = DeviceSlots([A0, A1])
    taken = [slots.take(Path(str(number)), 0) for number in range(3)]
    slots.release(Path("0"))

    assert taken == [A0, A1, None]
    assert slots.take(Path("3"), 0) == A0


def test_runs_share_a_card_where_that_was_asked_for() -> None:
    """They are spread evenly."""
    slots = DeviceSlots([A0, A1], each=2)

    assert len(slots) == 4
    assert [slots.take(Path(str(number)), 0) for number in range(5)] == [A0, A1, A0, A1, None]


def test_a_replicate_stays_on_the_kind_of_card_it_began_on() -> None:
    """Even while a card of another kind is free; the next replicate takes that one."""
    slots = DeviceSlots([A0, B0])
    first = slots.take(Path("a"), 0)

    assert (first, slots.accepts(0), slots.take(Path("b"), 0)) == (A0, False, None)
    assert slots.take(Path("c"), 1) == B0


def test_a_replicate_goes_on_where_its_earlier_runs_were_made() -> None:
    """A second call of a study mixes no kinds either; a kind that is gone binds nobody."""
    slots = DeviceSlots([A0, B0], homes={0: "T4", 1: "V100"})

    assert slots.take(Path("a"), 0) == B0
    assert slots.take(Path("b"), 1) == A0


def test_processes_that_share_a_study_agree_on_the_kind_of_each_replicate(tmp_path: Path) -> None:
    """One machine has cards of one kind, the other of another: who begins a replicate decides for both."""
    ours = DeviceSlots([A0], shared=SharedHomes(tmp_path / "devices"))
    theirs = DeviceSlots([B0], shared=SharedHomes(tmp_path / "devices"))

    assert ours.take(Path("a"), 0) == A0
    assert theirs.accepts(0) is False
    assert theirs.take(Path("b"), 1) == B0
    ours.release(Path("a"))
    assert [ours.accepts(replicate) for replicate in (0, 1, 2)] == [True, False, True]
    assert theirs.accepts(2) is False
    assert sorted(path.name for path in (tmp_path / "devices").iterdir()) == ["0", "1", "2"]


@pytest.mark.skipif(not CAN_FORK, reason="this platform cannot fork, and its pool has no cards")
def test_the_pool_sends_a_replicate_to_one_kind_of_card(tmp_path: Path) -> None:
    """Through the coordinator: four variants on three replicates, on two cards of different kinds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(with_pranks(tmp_path)))
        specs = [
            a_spec({"number": number}, trainer="pranks:train", replicate=replicate)
            for replicate in range(3)
            for number in range(4)
        ]
        cards: dict[int, set[float]] = {}

        def listen(news: RunUpdate) -> None:
            if isinstance(news.result, Finished):
                cards.setdefault(news.spec.replicate.index, set()).add(news.result.metrics["gpu"])

        pool = ForkPool(slots=2, work=tmp_path, cards=DeviceSlots([A0, B0]))
        Coordinator(FixedSource(specs), pool, Store(tmp_path), a_task(tmp_path, specs[0]), listen).run()
        pool.close()

    assert [len(kinds) for kinds in cards.values()] == [1, 1, 1]
    assert set.union(*cards.values()) == {0.0, 2.0}


@pytest.mark.skipif(not CAN_FORK, reason="this platform cannot fork, and its pool has no cards")
def test_a_run_of_several_cards_gets_them_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs at once on four cards, each with two of its own."""
    script = """
import os, sys
cards = os.environ["CUDA_VISIBLE_DEVICES"].replace(",", ".")
open(sys.argv[2] + "/result.json", "w").write('{"accuracy": 1, "cards": %s}' % cards)
"""
    block = a_block(resources={"gpus": 2})
    cards = DeviceSlots(bundles([Device(str(number), "A100") for number in range(4)], 2))
    attempts = [an_attempt(a_command_task(tmp_path, script, block, replicate=replicate)) for replicate in range(2)]
    monkeypatch.chdir(tmp_path)
    pool = ForkPool(slots=2, work=tmp_path, cards=cards)
    for attempt in attempts:
        pool.start(attempt)
    ended = 0
    while ended < 2:
        ended += len(pool.finished(0.05))
    pool.close()

    assert sorted(finished(read_result(attempt)).metrics["cards"] for attempt in attempts) == [0.1, 2.3]
