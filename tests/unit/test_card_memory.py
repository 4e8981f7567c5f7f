"""How many runs share a card is read off the memory that runs have taken of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.execute.card_memory import MeasuredFit, card_totals
from ablate.execute.devices import Device, DeviceSlots
from ablate.records import Cost, Finished
from tests.builders import a_failed, a_finished

GIB = 2**30


def a_run(folder: Path, peak: int) -> Finished:
    """A finished run that took so many bytes of its card at most."""
    return a_finished(folder, cost=Cost(peak_bytes=peak))


def test_the_first_run_has_a_card_alone_and_then_as_many_as_fit(tmp_path: Path) -> None:
    """By the largest peak so far with its fragments, and CUDA's context for each: 0.95 * 24 of 1.25 * 4 + 1."""
    fit = MeasuredFit({"0": 24 * GIB})
    alone = fit.runs_on("0")
    fit.learn(a_run(tmp_path, 4 * GIB), beside=0)
    then = fit.runs_on("0")
    fit.learn(a_run(tmp_path, 2 * GIB), beside=1)

    assert (alone, then, fit.runs_on("0")) == (1, 3, 3)


@pytest.mark.parametrize(("peak", "runs"), [(GIB // 10, 8), (30 * GIB, 1)])
def test_a_card_carries_one_run_at_least_and_eight_at_most(peak: int, runs: int, tmp_path: Path) -> None:
    """However small or large they are."""
    fit = MeasuredFit({"0": 24 * GIB})
    fit.learn(a_run(tmp_path, peak), beside=0)

    assert fit.runs_on("0") == runs


def test_a_card_nobody_knows_the_memory_of_carries_one_run(tmp_path: Path) -> None:
    """nvidia-smi may not be there."""
    fit = MeasuredFit({})
    fit.learn(a_run(tmp_path, GIB), beside=0)

    assert fit.runs_on("0") == 1


def test_who_runs_out_of_memory_beside_others_lowers_their_number_for_good(tmp_path: Path) -> None:
    """Four at once were one too many; a run that had the card alone says nothing about sharing."""
    fit = MeasuredFit({"0": 24 * GIB})
    fit.learn(a_run(tmp_path, GIB), beside=0)
    fit.learn(a_failed(tmp_path, reason="oom"), beside=0)
    before = fit.runs_on("0")
    fit.learn(a_failed(tmp_path, reason="oom"), beside=3)
    fit.learn(a_failed(tmp_path, reason="error"), beside=1)
    fit.learn(None, beside=0)

    assert (before, fit.runs_on("0")) == (8, 3)


def test_cards_are_filled_as_their_runs_end(tmp_path: Path) -> None:
    """One run each at first; when one has ended, its peak says how many there are to be."""
    cards = DeviceSlots([Device("0", "T4"), Device("1", "T4")], MeasuredFit({"0": 16 * GIB, "1": 16 * GIB}))
    attempts = [tmp_path / str(number) for number in range(3)]
    first = [cards.take(attempt, 0) for attempt in attempts]
    a_run(attempts[0], 2 * GIB)
    cards.release(attempts[0])
    more = [cards.take(tmp_path / f"more {number}", 0) for number in range(8)]

    assert [card.name if card else None for card in first] == ["0", "1", None]
    assert [card.name for card in more if card] == ["0", "0", "1", "0", "1", "0", "1"]
    assert len(cards) == 16


def test_a_cards_memory_is_asked_of_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and UUID, as it prints them; nothing is known of odd lines, or where it fails or is not there."""
    program = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = card_totals()
    lines = ["0, GPU-aa, 143771", "1, GPU-bb, [N/A]", "a warning", "2, GPU-cc, 5, 6", "3, GPU-dd, ²", ""]
    program.write_text("#!/bin/sh\n" + "".join(f'echo "{line}"\n' for line in lines), encoding="utf-8")
    program.chmod(0o755)
    found = card_totals()
    program.write_text("#!/bin/sh\nexit 9\n")

    assert absent == {}
    assert found == {"0": 143771 * 2**20, "GPU-aa": 143771 * 2**20}
    assert card_totals() == {}
