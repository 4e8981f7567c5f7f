"""Rows of networks' files on one test set: answers, sizes, times, and a claim for each against the first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ablate.deploy.budgets import best_within, read_budget
from ablate.deploy.inputs import network_input
from ablate.deploy.opening import read_metadata
from ablate.deploy.preprocessing import preprocessing_of_text
from ablate.deploy.process import EngineProcess, open_step, size_of
from ablate.deploy.records import OPEN, DeployResult, MeasureOptions, Preprocessing, Row, SpeedUp, Step, Timing
from ablate.deploy.speed_ups import Measured, split_speed_up
from ablate.deploy.timing import time_in_turns
from ablate.errors import DataError
from ablate.report.wording.numbers import counted
from ablate.workflows.deploy.answers import Answers, ask
from ablate.workflows.deploy.judge import judge_rows
from ablate.workflows.deploy.machine import cores, load_now, this_machine
from ablate.workflows.deploy.test_sets import TestPart, TestSet, refuse_other_classes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Progress = Callable[[str], None]
"""Told what is being done, in a sentence."""


class _Cost(NamedTuple):
    """What one file costs here; None where nothing was timed."""

    single: Timing | None
    batch: Timing | None
    load_seconds: float
    peak_bytes: int | None


def measure_and_judge(
    asked: Sequence[Sequence[Step]],
    test_set: TestSet,
    options: MeasureOptions | None = None,
    *,
    on_progress: Progress = lambda _: None,
) -> DeployResult:
    """The table of `ablate deploy`. asked: [row][replicate]; the first row is what the others are held against.

    Each replicate's files are opened together, each in a process of its own; times are of the first replicate's.
    Raises DataError for a file that cannot be used, or is of other classes than the first, before anything is
    measured; StudyError for a budget that cannot be read.
    """
    options = options or MeasureOptions()
    started = time.perf_counter()
    steps = [list(row) for row in asked]
    budgets = [read_budget(one) for one in options.budgets]
    _refuse_ragged(steps, test_set)
    hows = [[preprocessing_of(step, test_set) for step in row] for row in steps]
    _refuse_other_classes(steps, hows, test_set)
    load = load_now()
    found: list[list[Answers]] = [[] for _ in steps]
    costs: list[_Cost] = []
    for r, part in enumerate(test_set.parts):
        with ExitStack() as stack:
            opened = [stack.enter_context(open_step(row[r], threads=options.threads)) for row in steps]
            _check_shapes([row[r] for row in steps], [row[r] for row in hows], opened)
            for own, engine in zip(steps, opened, strict=True):
                own[r] = replace(own[r], engine=engine.name, precision=engine.precision)
            which = f" of replicate {part.replicate}" if len(test_set.parts) > 1 else ""
            on_progress(f"Asking {counted(len(opened), 'file')} about {counted(len(part), 'image')}{which}")
            asked_of = ask(opened, [row[r] for row in hows], part, hows[0][0], options.batch)
            for row, answers in zip(found, asked_of, strict=True):
                row.append(answers)
            if r == 0:
                on_progress("Timing them in turns")
                costs = _costs(opened, [row[0] for row in hows], part, options)
    rows = [_row(tuple(row), answers, found[0], cost) for row, answers, cost in zip(steps, found, costs, strict=True)]
    rows = _with_claims(_with_speed_ups(rows), found, test_set, options)
    chosen = best_within(rows, budgets) if budgets else None
    return DeployResult(
        rows=tuple(rows),
        test_set=test_set.name,
        images=len({one for part in test_set.parts for one in part.ids}),
        replicates=len(test_set.parts),
        classes=hows[0][0].classes,
        tolerable=options.tolerable,
        machine=this_machine(options.threads, load),
        seed=options.seed,
        budget=" and ".join(one.text for one in budgets),
        choice=None if chosen is None else chosen.name,
        notes=(*test_set.notes, *_notes(test_set, load, options.threads)),
        seconds=time.perf_counter() - started,
    )


def preprocessing_of(step: Step, test_set: TestSet) -> Preprocessing:
    """How a step's input is made: as it says itself, as its file says, or as the test set's study does."""
    if step.preprocessing is not None:
        return step.preprocessing
    told = read_metadata(step.path) if step.opener == OPEN else None
    return told or test_set.preprocessing or preprocessing_of_text(None, step.path)


def _notes(test_set: TestSet, load: float | None, threads: int) -> list[str]:
    notes = []
    if len(test_set.parts) == 1:
        notes.append(
            "one file a row: the claims are about these files on new images, not about what another run would give"
        )
    if load is not None and load + threads > cores():
        notes.append(
            f"the machine was busy when this began (load {load:.1f}): take the ratios for the finding, not the times"
        )
    return notes


# --- checks before anything is measured ---------------------------------------------------------


def _refuse_ragged(steps: Sequence[Sequence[Step]], test_set: TestSet) -> None:
    if not steps:
        raise DataError("there is no file to measure", hint="Name one, or several to hold against the first.")
    for row in steps:
        if len(row) != len(test_set.parts):
            raise DataError(
                f"{row[0].name if row else 'a row'} has {len(row)} files for {len(test_set.parts)} test parts",
                hint="Give one file for each replicate.",
            )
    names = [row[0].name for row in steps]
    if twice := next((one for one in names if names.count(one) > 1), ""):
        raise DataError(f"two rows are called {twice!r}", hint="Give each a name, or a file name, of its own.")


def _refuse_other_classes(
    steps: Sequence[Sequence[Step]], hows: Sequence[Sequence[Preprocessing]], test_set: TestSet
) -> None:
    first = hows[0][0]
    for row, of_row in zip(steps, hows, strict=True):
        for step, how in zip(row, of_row, strict=True):
            if set(how.classes) != set(first.classes):
                other = sorted(set(how.classes) ^ set(first.classes))[0]
                raise DataError(
                    f"{step.path} tells other classes apart than {steps[0][0].path}: {other!r} is of one alone",
                    hint="Only networks of the same classes can be held against each other.",
                )
            if how.multi_label != first.multi_label:
                raise DataError(f"{step.path} gives an image one label and {steps[0][0].path} several, or the reverse")
    for part in test_set.parts:
        refuse_other_classes([name for one in part.labels for name in one], first.classes, f"--on {test_set.name}")


def _check_shapes(steps: Sequence[Step], hows: Sequence[Preprocessing], opened: Sequence[EngineProcess]) -> None:
    for step, how, engine in zip(steps, hows, opened, strict=True):
        expected = (how.channels, how.image_size, how.image_size)
        if engine.image_shape not in (None, expected):
            raise DataError(
                f"{step.path} takes images of {_shown(engine.image_shape)}, and its preprocessing makes "
                f"{_shown(expected)}",
                hint="The preprocessing is of another network.",
            )


def _shown(shape: tuple[int, int, int] | None) -> str:
    return " x ".join(str(side) for side in shape or ())


# --- answers and times ----------------------------------------------------------------------------


def _costs(
    opened: Sequence[EngineProcess], hows: Sequence[Preprocessing], part: TestPart, options: MeasureOptions
) -> list[_Cost]:
    import numpy as np

    if not options.timed:
        return [_Cost(None, None, one.load_seconds, None) for one in opened]
    rng = np.random.default_rng(options.seed)
    timings: dict[int, list[Timing]] = {}
    for size in dict.fromkeys((1, options.batch)):
        chosen = [place % len(part) for place in range(size)]
        batches = [network_input(part.load(how, chosen), how) for how in hows]
        timings[size] = time_in_turns(opened, batches, rng)
    return [
        _Cost(timings[1][i], timings[options.batch][i], one.load_seconds, one.peak_bytes)
        for i, one in enumerate(opened)
    ]


def _row(steps: tuple[Step, ...], found: Sequence[Answers], first: Sequence[Answers], cost: _Cost) -> Row:
    import numpy as np

    changed = np.concatenate(
        [
            (own.answers != one.answers).reshape(len(own.answers), -1).any(axis=1)
            for own, one in zip(found, first, strict=True)
        ]
    )
    largest = max(float(np.abs(own.logits - one.logits).max()) for own, one in zip(found, first, strict=True))
    return Row(
        steps=steps,
        bytes=size_of(steps[0]),
        accuracy=tuple(float(one.correct.mean()) for one in found),
        changed=float(changed.mean()),
        largest_difference=largest,
        single=cost.single,
        batch=cost.batch,
        load_seconds=cost.load_seconds,
        peak_bytes=cost.peak_bytes,
        correct=tuple(tuple(one.correct.tolist()) for one in found),
    )


def _with_speed_ups(rows: Sequence[Row]) -> list[Row]:
    if any(row.single is None for row in rows):
        return list(rows)
    measured = [
        Measured(row.step.network, row.step.engine, row.step.precision, row.single.p50 if row.single else 0.0)
        for row in rows
    ]
    speed_ups: list[SpeedUp] = [split_speed_up(measured[0], one, measured) for one in measured]
    return [replace(row, speed_up=one) for row, one in zip(rows, speed_ups, strict=True)]


def _with_claims(
    rows: Sequence[Row], found: Sequence[Sequence[Answers]], test_set: TestSet, options: MeasureOptions
) -> list[Row]:
    claims = judge_rows(
        [[one.correct for one in row] for row in found],
        _numbered([part.ids for part in test_set.parts]),
        _numbered([part.groups or part.ids for part in test_set.parts])
        if any(part.groups for part in test_set.parts)
        else None,
        tolerable=options.tolerable / 100,
        alpha=options.alpha,
        repetition=_repetitions([part.ids for part in test_set.parts]),
    )
    return [rows[0], *(replace(row, claim=claim) for row, claim in zip(rows[1:], claims, strict=True))]


def _numbered(names: Sequence[Sequence[str]]) -> list[NDArray[np.int64]]:
    """The same number for the same name, in all replicates."""
    import numpy as np

    numbers: dict[str, int] = {}
    return [np.array([numbers.setdefault(one, len(numbers)) for one in row], dtype=np.int64) for row in names]


def _repetitions(ids: Sequence[Sequence[str]]) -> list[int]:
    """Which shuffle each replicate's fold is of: a new one begins where an image is tested again."""
    found: list[int] = []
    seen: set[str] = set()
    for row in ids:
        again = not seen.isdisjoint(row)
        found.append((found[-1] if found else 0) + int(again))
        seen = set(row) if again else seen | set(row)
    return found
