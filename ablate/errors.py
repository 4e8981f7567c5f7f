"""Every error a user can meet, and the exit code it ends the command with.

AblateError                exit 2   the request was wrong or needs a decision
├── StudyError                      the study file or an override is wrong
│   └── SettingError                one setting cannot be met; names its key
├── DataError                       images, labels or folders are wrong
│   ├── DataMissing                 they are not where the study says
│   └── DataProblems                several things are wrong with them
├── TrainerError                    a dotted path leads nowhere, or what it names breaks the contract
│   ├── CommandFailed               a command that was to train ended without success
│   └── SplitError                  nobody can say on which images a run was judged, or on others than it was to be
├── DecisionNeeded                  finished runs no longer match code or data: --reuse or --retrain
├── TrackingError                   the tracking store cannot be used
├── NotInstalled                    a package that the request needs is not there
├── Damaged                         a record of a run is torn or has changed
└── Held                   exit 75  another process holds the study or the run

Stopped and Diverged are not requests gone wrong: a run raises them to end itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Literal

LONGEST_WORD, LONGEST_TEXT = 1000, 20_000
"""Letters of a name, and of a whole error, that are shown: what is longer was never meant to be read."""


def _readable(text: str) -> str:
    if len(text) > LONGEST_WORD:
        text = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda word: f"{word[0][:80]}... ({len(word[0])} characters)", text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} ... ({len(text)} characters)"


class AblateError(Exception):
    """What went wrong and where, and what to do next (`hint`)."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        message, hint = _readable(message), _readable(hint)
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        stop = "" if self.message.endswith((".", "?", "!", ":")) else "."
        return f"{self.message}{stop} {self.hint}"


class StudyError(AblateError):
    """The study file or an override asks for something that does not exist or cannot be."""


class SettingError(StudyError):
    """One setting cannot be met; `key` is its dotted path in the config, or from `evidence.` on."""

    def __init__(self, key: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key


class DataError(AblateError):
    """Images, labels or folders do not hold what the study needs."""


class DataMissing(DataError):
    """The data are not where the study says; a study can tell how to get them, or offer a stand-in."""


class DataProblems(DataError):
    """Several things would be refused, all of them told at once."""

    def __init__(self, errors: Sequence[AblateError]) -> None:
        lines = [f"{number}. {error}" for number, error in enumerate(errors, start=1)]
        super().__init__("\n".join([f"{len(errors)} problems, each of which would stop a run:", *lines]))
        self.errors = tuple(errors)


class TrainerError(AblateError):
    """A dotted path leads nowhere, or what it names does not keep the trainer's contract."""


class SplitError(TrainerError):
    """Nobody can say on which images a run was judged, or it was judged on others than it was to be."""


class CommandFailed(TrainerError):
    """A command that was to train ended without success. output: what it was, and its last lines."""

    def __init__(
        self, message: str, *, hint: str = "", output: str = "", reason: Literal["error", "oom"] = "error"
    ) -> None:
        super().__init__(message, hint=hint)
        self.output = output
        self.reason: Literal["error", "oom"] = reason


class DecisionNeeded(AblateError):
    """Finished runs no longer match the code or the data; only the user can say what follows."""


class TrackingError(AblateError):
    """The tracking store cannot be opened or used."""


class Damaged(AblateError):
    """A record of a run is missing, torn or no longer what was written."""


class NotInstalled(AblateError):
    """A package that the request needs is not installed, or does not start."""


class Held(AblateError):
    """Another process holds the study or the run."""

    exit_code = 75


class Stopped(Exception):
    """Raised inside a run after its last checkpoint was written because a stop was asked for.

    reason: `interrupted`, or `pruned` where the run's source gave it up.
    """

    def __init__(self, message: str, *, reason: Literal["interrupted", "pruned"] = "interrupted") -> None:
        super().__init__(message)
        self.reason: Literal["interrupted", "pruned"] = reason


class Diverged(Exception):
    """The loss is no longer a finite number."""


_DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "PyYAML", "cv2": "opencv-python"}


def not_installed(error: ImportError) -> NotInstalled | None:
    """What to install, where an import failed for want of a package; None where a module of ablate is to blame."""
    package = (error.name or "").partition(".")[0]
    if not package or package == "ablate":
        return None
    if not isinstance(error, ModuleNotFoundError):
        return NotInstalled(
            f"{package} is installed, but cannot be imported: {error}",
            hint=f"`python -c 'import {package}'` shows why.",
        )
    name = _DISTRIBUTIONS.get(package, package)
    return NotInstalled(
        f"this needs {name}, which is not installed",
        hint=f"Install all that ablate uses, `pip install .` in a clone of it, or this alone: `pip install {name}`.",
    )


def refuse_uninstalled(package: str, *, instead: str = "") -> None:
    """Raise NotInstalled where a package is not there; `instead`: how to go without it."""
    if find_spec(package) is None:
        error = not_installed(ModuleNotFoundError(package, name=package))
        assert error is not None
        raise NotInstalled(error.message, hint=f"{error.hint} {instead}".strip())


def near_match(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'? ` for the closest known word, or an empty string."""
    spelled = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), spelled, n=1)
    return f"Did you mean {spelled[close[0]]!r}? " if close else ""


def apart(error: AblateError) -> tuple[AblateError, ...]:
    """The errors of which one tells."""
    return error.errors if isinstance(error, DataProblems) else (error,)


def together(errors: Sequence[AblateError]) -> AblateError:
    """One error that tells of all of them, each once."""
    single = list({str(one): one for error in errors for one in apart(error)}.values())
    return single[0] if len(single) == 1 else DataProblems(single)
