"""Which runs are which replicate: from the columns of a table, or the tags and parameters of a tracker's runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from ablate.errors import StudyError, near_match
from ablate.readers.numbers import quoted

Labels = Sequence[str]
"""One a run, in the order of the runs; empty where a run has none."""

FIRST = ("replicate", "ablate.replicate", "replica", "rep")
"""Alone enough; the first that is there."""

TOGETHER = (
    "repeat", "repetition", "seed", "random_seed", "random_state", "rng_seed", "manual_seed", "fold", "cv_fold",
    "split",
)  # fmt: skip
"""Taken together: fold 3 under seed 1 and fold 3 under seed 2 are two replicates."""

LAST = ("run", "trial", "run_number", "run_id", "id", "index", "run_name", "name")
"""Only where there is none of the others, and only where it tells the runs of a variant apart."""

_SEEDS = ("seed", "random_seed", "random_state", "rng_seed", "manual_seed")
_BARE = re.compile(r"(-?\d{1,15})(?:\.0+)?")
_WORD = re.compile(
    r"(?:seed|run|fold|replicate|replica|rep|repeat|repetition|split|trial|cv|no|nr)?[ _\-.:#=]*(\d{1,15})(?:\.0+)?",
    re.IGNORECASE,
)
_PARTS = frozenset(["train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval", "holdout"])


_OF_SEVERAL = frozenset(
    ["mean", "avg", "average", "median", "std", "sd", "stdev", "se", "sem", "min", "max", "all", "total", "overall"]
)


class Replicates(NamedTuple):
    """Numbers of the runs, equal where they belong together, and the keys that say so; no key: by their order."""

    numbers: list[int]
    keys: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def plain_key(key: str) -> str:
    """A heading, a tag or a parameter as it is compared: `params.Random Seed` is `random_seed`."""
    plain = re.sub(r"[\s\-]+", "_", key.strip().lower())
    return plain if plain.startswith("ablate.") else re.split(r"[/.](?=[^/.]+$)", plain)[-1]


def is_part(labels: Labels) -> bool:
    """Whether a column says of which part a row speaks (train, val, test), which is no replicate."""
    return bool(labels) and all(label.strip().lower() in _PARTS for label in labels)


def sums_up(label: str) -> bool:
    """Whether a row or a column is called like the mean of others, or their deviation."""
    return label.strip().strip(".:").lower() in _OF_SEVERAL


def is_numbered(labels: Labels) -> bool:
    """Whether all labels are numbers of replicates: 3, 3.0, seed3."""
    return bool(labels) and all(_number_in(label) is not None for label in labels)


def recognised(keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """The keys that name replicates, and those that do so only in want of others, each in the order of precedence."""
    known: dict[str, str] = {}
    for key in keys:
        known.setdefault(plain_key(key), key)
    alone = [known[name] for name in FIRST if name in known][:1]
    together = [known[name] for name in TOGETHER if name in known]
    return alone or together, [known[name] for name in LAST if name in known]


def named(asked: str, keys: Sequence[str], source: str) -> list[str]:
    """The keys of `--replicate`: one, or several with commas. Raises StudyError for one that is not there."""
    by_plain = {key.strip().lower(): key for key in keys}
    if (whole := by_plain.get(asked.strip().lower())) is not None:
        return [whole]
    found = []
    for name in asked.split(","):
        key = by_plain.get(name.strip().lower()) or next((k for k in keys if plain_key(k) == plain_key(name)), None)
        if key is None:
            raise StudyError(
                f"{source}: there is nothing called {quoted(name.strip())}",
                hint=f"{near_match(name.strip()[:80], keys[:200])}There are: {first_names(keys)}.",
            )
        found.append(key)
    return found


def first_names(names: Sequence[str], most: int = 20) -> str:
    """The first names, none longer than a word or two."""
    short = [name if len(name) <= 40 else f"{name[:37]}..." for name in names[:most]]
    return ", ".join(short) + (" ..." if len(names) > most else "") if short else "none"


def paired_replicates(columns: Mapping[str, Labels], variants: Labels, reference: str) -> Replicates | None:
    """The widest choice of keys by which every variant has a replicate in common with the reference.

    A seed of its own for every run says nothing of what belongs together, so seeds are given up first. None where
    no choice will do.
    """
    keys = list(columns)
    choices = [list(chosen) for size in range(len(keys), 0, -1) for chosen in combinations(keys, size)]
    choices.sort(key=lambda chosen: (-len(chosen), sum(plain_key(key) in _SEEDS for key in chosen)))
    for chosen in choices:
        labels = list(zip(*(columns[key] for key in chosen), strict=True))
        if is_unique(labels, variants) and _all_meet(labels, variants, reference):
            left_out = tuple(key for key in keys if key not in chosen)
            return Replicates(numbered(labels), tuple(chosen), left_out)
    return None


def is_unique(labels: Sequence[tuple[str, ...]], variants: Labels) -> bool:
    """Whether no two runs of one variant have the same labels."""
    return len(set(zip(variants, labels, strict=True))) == len(variants)


def _all_meet(labels: Sequence[tuple[str, ...]], variants: Labels, reference: str) -> bool:
    sets: dict[str, set[tuple[str, ...]]] = {}
    for variant, label in zip(variants, labels, strict=True):
        sets.setdefault(variant, set()).add(label)
    return all(found & sets[reference] for found in sets.values())


def numbered(labels: Sequence[tuple[str, ...]]) -> list[int]:
    """A whole number a run: that in the label (3, 3.0, seed3, run-3, fold_3) where it tells the labels apart as
    they are, otherwise their place in natural order."""
    distinct = sorted(set(labels), key=lambda label: [_natural(part) for part in label])
    varying = [i for i in range(len(labels[0]) if labels else 0) if len({label[i] for label in distinct}) > 1]
    if len(varying) < 2:
        place = varying[0] if varying else 0
        numbers = {label: _number_in(label[place]) if label else 0 for label in distinct}
        found = list(numbers.values())
        if None not in found and len(set(found)) == len(found):
            return [number for label in labels if (number := numbers[label]) is not None]
    places = {label: i for i, label in enumerate(distinct)}
    return [places[label] for label in labels]


def plain_label(text: str) -> str:
    """A label as it is compared: `seed3`, `3.0` and `3` are one, and so is text but for case and outer space."""
    number = _number_in(text)
    return text.strip() if number is None else str(number)


def _number_in(text: str) -> int | None:
    match = _BARE.fullmatch(text.strip()) or _WORD.fullmatch(text.strip())
    return None if match is None else int(match[1])


def _natural(text: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d{1,15})", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]
