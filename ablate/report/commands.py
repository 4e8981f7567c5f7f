"""The commands a report tells its reader to type."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.study.study import Study

_READ_BY_SHELLS = set('"$`\\!')


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """`ablate run` for one study file, as a shell reads it."""

    file: str
    design: str | None
    sets: tuple[str, ...] = ()
    stand_in: bool = False

    def run(
        self, *, only: Sequence[str] = (), look: int = 1, replicates: Sequence[int] = (), retry: bool = False
    ) -> str:
        """Train what is missing: of some variants, up to a planned look, or with other planned looks."""
        words = ["ablate", "run", quoted(self.file, bare=True)]
        if self.stand_in:
            words.append("--stand-in")
        if self.design:
            words += ["--design", self.design]
        for item in self.sets:
            words += ["--set", quoted(item)]
        if look > 1:
            words += ["--look", str(look)]
        if replicates:
            words += ["--set", quoted(f"evidence.replicates=[{', '.join(map(str, replicates))}]")]
        for name in only:
            words += ["--only", quoted(name)]
        if retry:
            words.append("--retry-failed")
        return " ".join(words)


def commands_for(study: Study, work: Path) -> Commands:
    """The commands of a study; its file by the path from the work folder."""
    design = study.design if study.design != study.own_design else None
    file = _relative(study.document.name, work)
    return Commands(file=file, design=design, sets=study.sets, stand_in=study.stand_in_root is not None)


def _relative(name: str, work: Path) -> str:
    path = Path(name)
    if not path.is_absolute():
        return path.as_posix()
    try:
        return Path(os.path.relpath(path, work.resolve())).as_posix()
    except ValueError:  # another drive
        return path.name


def quoted(word: str, *, bare: bool = False) -> str:
    """One word for a shell: in double quotes, which every shell knows, unless it holds what they leave special.

    bare: leave a word without quotes that needs none.
    """
    if bare and shlex.quote(word) == word:
        return word
    return shlex.quote(word) if _READ_BY_SHELLS & set(word) else f'"{word}"'
