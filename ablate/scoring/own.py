"""A metric of the user's own: a function of the answers to a test part, named by its path `my_metrics:kappa`."""

from __future__ import annotations

import math
import numbers
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablate.errors import TrainerError, near_match
from ablate.metrics import better_direction
from ablate.safety.own_modules import import_named
from ablate.scoring.answers import Answers, Array, Index, NotMeasurable
from ablate.scoring.metric import Goal, Measured, Metric

MOST_PASSES = 400
"""How often the function is called for one run; of more images, or groups, whole blocks are left out at once."""

TRIED_ON = 60
"""Made-up images that it is tried on before anything is trained."""

Function = Callable[..., Any]


def load_metric(path: str) -> Metric:
    """The metric at a dotted path. Raises TrainerError where it leads nowhere.

    Its better direction is that of `METRICS` in its module, as beside a trainer, else told by its name.
    """
    module_name, _, name = path.partition(":")
    try:
        module = import_named(module_name)
    except ImportError as error:
        raise TrainerError(
            f"metric {path!r}: the module {module_name!r} cannot be imported: {error}",
            hint="Put the file into the work folder, the one that `ablate` is started in, or install its package.",
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise TrainerError(
            f"metric {path!r}: module {module_name!r} has no function {name!r}",
            hint=f"{near_match(name, known)}Write one: def {name}(target, prob, group) -> float.",
        )
    return Metric(
        name=path,
        goal=_goal(module, name, path),
        measure=lambda answers: measure(path, function, answers),
        bounds=(-math.inf, math.inf),
    )


def _goal(module: ModuleType, name: str, path: str) -> Goal:
    told = getattr(module, "METRICS", {})
    goal = told.get(name) if isinstance(told, Mapping) else None
    if goal not in ("max", "min", None):
        raise TrainerError(
            f"metric {path!r}: METRICS says {goal!r} of it", hint=f'Write METRICS = {{"{name}": "max"}}, or "min".'
        )
    return goal or better_direction(name)


def try_metric(metric: Metric, *, classes: int, several: bool) -> None:
    """Call it on made-up answers, before anything is trained.

    Raises TrainerError where it fails, where what it returns is no number, and where the same answers give another one.
    """
    answers = made_up_answers(classes, several=several)
    try:
        values = [metric.measure(answers).value for _ in range(2)]
    except NotMeasurable as error:
        raise TrainerError(
            f"{error.message}, on made-up answers to {TRIED_ON} images of {classes} classes",
            hint="It is called as f(target, prob, group): arrays of n classes, of shape (n, classes), of n names.",
        ) from error
    if values[0] != values[1]:
        raise TrainerError(
            f"{metric.name} gives {values[0]!r} and {values[1]!r} for the same answers",
            hint="A metric must not draw random numbers, or has to seed them.",
        )


def made_up_answers(classes: int, *, several: bool = False) -> Answers:
    """Answers to TRIED_ON images, half of them right, every class there, three images a group."""
    rng = np.random.default_rng(0)
    target = np.arange(TRIED_ON) % classes
    said = np.where(rng.uniform(size=TRIED_ON) < 0.5, target, rng.integers(0, classes, TRIED_ON))
    raw = rng.uniform(size=(TRIED_ON, classes)) + 1.0 * (said[:, None] == np.arange(classes))
    group = np.array([f"group {i // (3 * classes)}-{i % classes}" for i in range(TRIED_ON)])
    if several:
        labels = (rng.uniform(size=(TRIED_ON, classes)) < 0.4).astype(np.int64)
        prob = np.clip(0.25 + 0.4 * labels + 0.3 * rng.uniform(size=labels.shape), 0, 1)
        return Answers(labels, (prob > 0.5).astype(np.int64), prob, group)
    prob = raw / raw.sum(axis=1, keepdims=True)
    return Answers(target.astype(np.int64), prob.argmax(axis=1).astype(np.int64), prob, group)


def measure(path: str, function: Function, answers: Answers) -> Measured:
    """The function's value, and the influence of each image by leaving it out, or its group.

    Leaving out a group of m images changes the value by what they add together: n - m times the change is the sum of
    their influences. Where there are more than MOST_PASSES of them, they are left out in as many random blocks, and
    what a block of b adds is given to each of its members by 1 / sqrt(b): the variance over members is then that of
    single ones. Source: Quenouille 1956, Tukey 1958; grouped: Shao and Tu 1995.
    Raises NotMeasurable where the function fails, or returns no number.
    """
    if answers.prob is None:
        raise NotMeasurable("no probabilities are stored (column `prob`)")
    group = _groups(answers)
    value = _value(path, function, (answers.target, answers.prob, group))
    _, unit = np.unique(group, return_inverse=True)
    return Measured(value, _influence(path, function, answers, group, unit.astype(np.int64), value))


def _influence(
    path: str, function: Function, answers: Answers, group: NDArray[np.str_], unit: Index, value: float
) -> Array:
    n, n_units = len(group), int(unit.max()) + 1
    if n_units < 2:
        raise NotMeasurable(f"{path}: all images are of one group, so that none can be left out")
    blocks = _blocks(n_units)
    added = np.zeros(n_units)
    members = np.bincount(blocks)
    of_image = blocks[unit]
    for block in range(members.size):
        kept = of_image != block
        without = (answers.target[kept], _of(answers.prob)[kept], group[kept])
        change = value - _value(path, function, without, left_out=_told(group[~kept], int(members[block])))
        added[blocks == block] = kept.sum() * change / np.sqrt(members[block])
    each: Array = (added / np.bincount(unit))[unit]
    return each - float(each.mean()) if n else each


def _of(prob: Array | None) -> Array:
    assert prob is not None
    return prob


def _blocks(n_units: int) -> Index:
    """The block of each unit: its own, or one of MOST_PASSES of almost equal size; the same for every run."""
    if n_units <= MOST_PASSES:
        return np.arange(n_units)
    place = np.random.default_rng(n_units).permutation(n_units)
    return place * MOST_PASSES // n_units


def _groups(answers: Answers) -> NDArray[np.str_]:
    """A name for every group; an image on its own has one that no other has."""
    alone = np.array([f"/{i:08d}" for i in range(len(answers.target))])
    return alone if answers.group is None else np.where(answers.group == "", alone, answers.group)


def _told(names: NDArray[np.str_], members: int) -> str:
    if members > 1:
        return f"where {members} of them are left out"
    name = str(names[0])
    return "where one image is left out" if name.startswith("/") else f"where {name!r} is left out"


def _value(path: str, function: Function, arrays: tuple[Any, ...], left_out: str = "") -> float:
    where = f" {left_out}" if left_out else ""
    seen = [array.view() for array in arrays]
    for array in seen:  # what it changes would be wrong in the next pass
        array.flags.writeable = False
    try:
        found = function(*seen)
    except Exception as error:  # whatever the user's code raises
        raise NotMeasurable(f"{path} failed{where}: {type(error).__name__}: {error}{_line(error)}") from error
    if isinstance(found, np.ndarray) and found.shape == ():
        found = found.item()
    if isinstance(found, (bool, np.bool_)) or not isinstance(found, numbers.Real):
        raise NotMeasurable(f"{path} returned {type(found).__name__}{where}, which is no number")
    if not math.isfinite(found):
        raise NotMeasurable(f"{path} returned {float(found)}{where}")
    return float(found)


def _line(error: Exception) -> str:
    """The line of the user's code that raised, as `(my_metrics.py:12)`."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if len(frames) > 1 else ""
