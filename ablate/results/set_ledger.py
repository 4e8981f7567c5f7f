"""Other test sets of a study: which images they are, and what was judged on them before.

Two files beside the study. One says what the last command found in each set. The other is the ledger: the images that
each set had whenever verdicts on it were shown, and what other studies of the work folder had judged on them by then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ablate import files
from ablate.results.uses import Use
from ablate.store.work_folder import Store

OPENED, SHOWN = "also_test.json", "also_test_shown.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSet:
    """A set as it was found. asked: digest of what the study file says of it. digest: of its images, labels and groups.

    content: of the images alone, whatever they are called.

    listing: digest of its files' sizes and times. counts: the study's class -> images. notes: sentences for a report.
    """

    asked: str
    digest: str
    content: str
    listing: str
    counts: Mapping[str, int]
    groups: int = 0
    left_out: int = 0
    copies: bool = False
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


class Shown(NamedTuple):
    """What the ledger has of a set. digests: in the order of time, contents: of the same. before: judged by others."""

    digests: tuple[str, ...]
    families: int
    before: tuple[Use, ...]
    contents: tuple[str, ...]


def read_opened(folder: Path) -> dict[str, OpenedSet]:
    """The sets of a study as they were last found; those that cannot be read are left out."""
    told = files.read_json(folder / OPENED)
    found = {}
    for name, one in told.items() if isinstance(told, dict) else ():
        try:
            found[str(name)] = OpenedSet(**(one | {"notes": tuple(one["notes"])}))
        except (TypeError, KeyError):
            continue
    return found


def remember_opened(folder: Path, sets: Mapping[str, OpenedSet]) -> None:
    """Write down what was found in each set."""
    if read_opened(folder) != dict(sets):
        files.write_json(
            folder / OPENED, {name: asdict(one) | {"notes": list(one.notes)} for name, one in sets.items()}
        )


def read_shown(folder: Path) -> dict[str, Shown]:
    """The ledger of a study."""
    told = files.read_json(folder / SHOWN)
    found = {}
    for name, one in told.items() if isinstance(told, dict) else ():
        try:
            before = tuple(Use(str(study), int(number)) for study, number in one["before"])
            contents = tuple(map(str, one["contents"]))
            found[str(name)] = Shown(tuple(map(str, one["digests"])), int(one["families"]), before, contents)
        except (TypeError, KeyError, ValueError):
            continue
    return found


def set_uses(store: Store, study: str, name: str, content: str) -> tuple[Use, ...]:
    """What was judged on just these images before: by other studies, and by this one under another name."""
    own = read_shown(store.study(study))
    if name in own and content in own[name].contents:
        return own[name].before
    folder = store.study(study).parent
    others = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = []
    for path in others:
        for other, shown in read_shown(path).items():
            if (path.name, other) != (study, name) and content in shown.contents:
                found.append(Use(path.name, shown.families))
    return tuple(found)


class Showing(NamedTuple):
    """Verdicts on a set as they are shown now. before: what others had judged on its images."""

    digest: str
    content: str
    families: int
    before: Sequence[Use]


def remember_shown(folder: Path, judged: Mapping[str, Showing]) -> None:
    """Note that verdicts on these sets were shown."""
    ledger = read_shown(folder)
    told: dict[str, Any] = {}
    for name, now in judged.items():
        known = ledger.get(name, Shown((), now.families, tuple(now.before), ()))
        if now.digest not in known.digests:
            digests, contents = (*known.digests, now.digest), (*known.contents, now.content)
            told[name] = Shown(digests, max(now.families, known.families), tuple(now.before), contents)
    if told:
        rows = {
            name: one._asdict() | {"before": [list(use) for use in one.before]} for name, one in (ledger | told).items()
        }
        files.write_json(folder / SHOWN, rows)
