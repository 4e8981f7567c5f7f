"""The study file over a folder of images: what was proposed and why, in the order a reader decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ablate.report.wording.numbers import counted, listed
from ablate.study.flow_style import flow
from ablate.workflows.beginning.folder import Look
from ablate.workflows.beginning.proposal import Proposal
from ablate.workflows.study_schema import MODELINE

COLUMN = 30
"""Where comments begin."""
LONGEST = 120
"""Letters of a line with its comment."""

REASONS = {
    "Flip": "mirrored half of the time; leave it out where left and right differ, as in digits",
    "Crop": "shifted at random, by an eighth of the side at most",
    "Balanced": "every class drawn equally often: the largest has {times:.1f} times the images of the smallest",
    "Smoothing": "a tenth of each target is shared among all classes",
}


class Machine(NamedTuple):
    """What the file says of this machine. others: weights that are here and were not chosen."""

    cores: int
    threads: int
    workers: int
    minutes: float = 0.0
    others: Sequence[str] = ()


def study_text(  # noqa: PLR0913 - what a file says, and of what
    name: str,
    data: Mapping[str, Any],
    proposal: Proposal,
    changes: Mapping[str, Any],
    machine: Machine,
    *,
    look: Look | None,
    test: Any,
) -> str:
    """The whole file. look: None where nothing was looked at. test: as evidence.test has it."""
    base = proposal.candidate.base(data, batch=proposal.batch, epochs=proposal.epochs, threads=machine.threads)
    source = base.pop("data")
    reasons = _reasons(proposal, machine, look)
    rows = [MODELINE]
    rows += ["# What gain would change your decision? Set these two before the first run: they judge every change."]
    rows += ["evidence:"]
    rows += [
        row(1, "worthwhile", 3.0, "points of accuracy: a smaller gain is not worth having"),
        row(1, "negligible", 1.0, "points: a smaller difference counts as none"),
        row(1, "metric", "accuracy", "" if look is None else f"{look.chance:.1%} for always naming the largest class"),
        row(1, "test", test, _of_test(test, look)),
        row(1, "replicates", list(proposal.looks), "planned looks: going on later is always valid"),
        f"study: {name}",
        "question: Which of these changes make the model better?",
        commented("base:", "" if look is None else _of_images(look)),
        "  data:",
    ]
    rows += [row(2, key, value, reasons.get(f"data.{key}", "")) for key, value in source.items()]
    rows += [row(1, key, value, reasons.get(key, "")) for key, value in base.items()]
    rows += [commented("chain:", "each step adds to the ones above it")]
    times = 1.0 if look is None else max(look.counts.values()) / max(1, min(look.counts.values()))
    rows += [row(1, key, value, REASONS.get(key, "").format(times=times)) for key, value in changes.items()]
    return "\n".join(rows) + "\n"


def _reasons(proposal: Proposal, machine: Machine, look: Look | None) -> dict[str, str]:
    """Key -> the comment behind it."""
    runs, side_by_side = counted(proposal.runs, "run"), f"{min(machine.workers, proposal.runs)} at a time"
    many = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    found = {
        "data.image_size": "pixels: every image is resized to a square of this side",
        "data.train": "every image that is not tested on",
        "epochs": f"not measured here; {runs} up to the first look"
        if proposal.seconds is None
        else f"`ablate run` takes about {duration(proposal.seconds)} here: {runs}, {side_by_side}",
        "numerics": f"CPU threads of one run, part of what it is; {side_by_side} on {many}",
        "model": _of_model(proposal, machine, look),
        "weights": "on this machine already; on another they are downloaded once",
    }
    if look is None:
        return found
    if look.unreadable:
        names = listed([name for name, _ in look.unreadable], at_most=2)
        found["data.on_bad_image"] = f"{counted(len(look.unreadable), 'file')} cannot be read: {names}"
    if look.groups:
        found["data.groups"] = f"{look.origins}: kept in one part; leave it out if they are not alike"
    if look.depth:
        found["data.depth"] = "more than 8 bits a value: 0 to the largest value of the file's mode"
    return found


def _of_model(proposal: Proposal, machine: Machine, look: Look | None) -> str:
    if proposal.candidate.weights:
        return "begins from ImageNet's weights"
    if machine.others:
        return f"small, from scratch: fine-tuning {machine.others[0]} would take more than {machine.minutes:g} minutes"
    return "small, from scratch" + ("" if look is None else ": none of torchvision's weights are on this machine")


def _of_test(test: Any, look: Look | None) -> str:
    if test == "official":
        return "the folder's own test part" + ("" if look is None else f", {counted(look.tested, 'image')}")
    few = ""
    if look is not None and look.smallest[1] <= test["folds"]:
        few = f"; {look.smallest[0]} has {counted(look.smallest[1], 'image')} to draw from"
    return f"replicate r is tested on fold r, and trained on the others{few}"


def _of_images(look: Look) -> str:
    least, most = min(look.counts.values()), max(look.counts.values())
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    size = f", median size {look.sides[0]}x{look.sides[1]}" if look.sides[0] else ""
    return f"{counted(look.images, 'image')} of {counted(len(look.counts), 'class', 'classes')}, {each} a class{size}"


def duration(seconds: float) -> str:
    """`40 seconds`, `18 minutes`, `2.5 hours`."""
    if seconds < 90:
        return counted(max(1, round(seconds)), "second")
    return counted(round(seconds / 60), "minute") if seconds < 100 * 60 else f"{seconds / 3600:.1f} hours"


def row(depth: int, key: str, value: Any, comment: str) -> str:
    """One setting of a study file, as deep as it stands, with a comment."""
    return commented(f"{'  ' * depth}{flow(key)}: {flow(value)}", comment)


def commented(text: str, comment: str) -> str:
    """The text with a comment behind it, or above it where the line would be long.

    A comment is one line, whatever the files it names are called.
    """
    words = "".join(c if c.isprintable() else " " for c in comment)
    line = f"{text.ljust(COLUMN - 2)}  # {words}" if words else text
    indent = " " * (len(text) - len(text.lstrip(" ")))
    return line if len(line) <= LONGEST or not words else f"{indent}# {words}\n{text}"
