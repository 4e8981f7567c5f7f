"""A study of a folder of images: looked at, measured, proposed, written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ablate.errors import DataError
from ablate.execute.devices import devices
from ablate.execute.environment import cores
from ablate.execute.resources import fitting_threads
from ablate.report.wording.numbers import counted
from ablate.workflows.beginning.folder import Folder, Look, look_at
from ablate.workflows.beginning.measuring import paces_of, weights_on_this_machine
from ablate.workflows.beginning.proposal import (
    FOLDS,
    LOOKS,
    VARIANTS,
    Amount,
    Candidate,
    Pace,
    Proposal,
    batch_for,
    changes,
    choose,
    folds_for,
    ladder,
    unmeasured,
)
from ablate.workflows.beginning.study_text import Machine, duration, study_text

if TYPE_CHECKING:
    from ablate.store.checked_copy import Cached

Tell = Callable[[str], None]
"""Handed a line on what is being done."""


class Written(NamedTuple):
    """The text of a study file, and what is worth a line on the terminal."""

    text: str
    notes: Sequence[str] = ()


def study_by_names(name: str, folder: Folder) -> Written:
    """A study of a folder of which only names are known."""
    candidate = next(one for one in ladder((64, 64), ()) if one.model["width"] == 16)
    proposal = unmeasured(candidate, fit=320)
    test: Any = "official" if folder.has_test else {"folds": FOLDS}
    steps = changes(candidate.size, {})
    text = study_text(name, _data(folder, None), proposal, steps, _here(proposal.runs), look=None, test=test)
    return Written(text, folder.by_name)


def study_of_folder(name: str, folder: Folder, cached: Cached, *, minutes: float, measure: bool, tell: Tell) -> Written:
    """A study of a folder every image of which was decoded.

    Raises DataError for everything that a run would refuse, save for unreadable images, which are left out.
    """
    weights = weights_on_this_machine()
    candidates: list[Candidate] = []

    def side_of(sides: tuple[int, int]) -> int:
        candidates[:] = ladder(sides, weights)
        return candidates[0].size

    tell(f"Decoding the images of {counted(len(folder.classes), 'class', 'classes')} ...")
    look = look_at(folder, side_of, cached)
    test = _test(folder, look)
    tested = look.tested if test == "official" else round(look.images / test["folds"])
    data, machine = _data(folder, look), _here(VARIANTS * LOOKS[1][0])
    amount = Amount(look.images - tested, tested, machine.workers, "cuda" if devices() else "cpu", look.seconds)
    paces: list[tuple[Candidate, Pace]] = []
    if measure:
        tell(f"Training {counted(len(candidates), 'candidate')} for some seconds each ...")
        paces = _measured(candidates, data, look, amount, machine)
    small = next(one for one in candidates if not one.weights and one.model["width"] == 16)
    proposal = choose(paces, amount, seconds=60 * minutes) if paces else unmeasured(small, amount.fit)
    others = () if proposal.candidate.weights else tuple(name for _, name in weights)
    machine = _here(proposal.runs)._replace(minutes=minutes, others=others)
    steps = changes(proposal.candidate.size, look.counts)
    text = study_text(name, data, proposal, steps, machine, look=look, test=test)
    return Written(text, _notes(look, proposal, minutes))


def _here(runs: int) -> Machine:
    """What this machine has for so many runs."""
    count, cards = cores(), len(devices())
    threads = fitting_threads(runs, count)
    return Machine(count, threads, cards or max(1, count // threads))


def _test(folder: Folder, look: Look) -> Any:
    """What evidence.test says. Raises DataError where a class is too small to be tested on."""
    if folder.has_test:
        return "official"
    name, images = look.smallest
    if images < 2:
        raise DataError(
            f"class {name!r} has {counted(images, 'image')} to draw a test part from, and needs 2",
            hint="Add images, or remove the class. Equal images count as one.",
        )
    return {"folds": folds_for(images)}


def _data(folder: Folder, look: Look | None) -> dict[str, Any]:
    """The settings of the images; the size is the candidate's."""
    data: dict[str, Any] = {
        "source": dict(folder.source),
        "classes": len(folder.classes),
        "image_size": 0,
        "normalize": "imagenet",
        "train": "all",
    }
    if look is None:
        return data
    data |= {"on_bad_image": "skip"} if look.unreadable else {}
    data |= {"groups": look.groups} if look.groups else {}
    return data | ({"depth": look.depth} if look.depth else {})


def _measured(
    candidates: Sequence[Candidate], data: Mapping[str, Any], look: Look, amount: Amount, machine: Machine
) -> list[tuple[Candidate, Pace]]:
    """The candidates that can be trained here, each with its pace."""
    batch = batch_for(amount.fit)
    bases = [one.base(data, batch=batch, epochs=2, threads=machine.threads) for one in candidates]
    altogether = [
        {key: value for change in changes(one.size, look.counts).values() for key, value in change.items()}
        for one in candidates
    ]
    paces = paces_of(bases, altogether, workers=machine.workers)
    return [(one, pace) for one, pace in zip(candidates, paces, strict=True) if pace is not None]


def _notes(look: Look, proposal: Proposal, minutes: float) -> tuple[str, ...]:
    """What of the images, and of the proposal, is worth a line on the terminal."""
    notes = list(look.notes)
    if look.alike:
        notes.append(
            f"{counted(look.alike, 'pair')} of images look alike: `ablate data stats` shows them, and data.groups: "
            "near keeps them in one part"
        )
    if look.groups:
        notes.append(f"the names look like {look.origins}: data.groups keeps each in one part")
    if proposal.seconds is None:
        notes.append("nothing was measured: the number of epochs is a guess")
    elif proposal.seconds > 60 * minutes:
        notes.append(
            f"`ablate run` will take about {duration(proposal.seconds)}, more than {minutes:g} minutes: fewer epochs "
            "would not let the network learn"
        )
    return tuple(notes)
