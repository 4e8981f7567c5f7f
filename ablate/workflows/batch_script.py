"""The script with which a batch system starts `ablate join` several times: printed, never submitted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ablate.errors import StudyError

WARNING_SECONDS = 120
"""Before its end a job is told, so that runs write their checkpoints."""
EARLIER_SECONDS = 600.0
"""`join` ends so long before the job's time is over, but by at most a tenth of it."""

_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


class Job(NamedTuple):
    """What the tasks do. name: of the study. command: `ablate join ...`; report: the `ablate run ...` that follows,
    or `ablate optuna ...`, beside which they work."""

    name: str
    command: Sequence[str]
    report: Sequence[str]
    folder: Path


def slurm_script(job: Job, *, tasks: int, slurm: Sequence[str]) -> str:
    """A job array of so many tasks, each running the command in the folder.

    slurm: options for #SBATCH, as they were given. Raises StudyError for what is no option, and for an array of its
    own.
    """
    if tasks < 1:
        raise StudyError(f"--sbatch {tasks}: at least one task")
    lines = _options(slurm)
    names = {_name_of(line) for line in lines}
    if names & {"--array", "-a"}:
        raise StudyError("--sbatch says how many tasks there are, and --array says so again", hint="Leave out --array.")
    own = [f"--array=0-{tasks - 1}"]
    if not names & {"--job-name", "-J"}:
        own.append(f"--job-name=ablate-{re.sub(r'[^A-Za-z0-9_.-]+', '-', job.name)}")
    if "--signal" not in names:
        own.append(f"--signal=TERM@{WARNING_SECONDS}")
    seconds, command, folder = _seconds(lines), job.command, shlex.quote(str(job.folder))
    if seconds is not None and "--for" not in command:
        command = [*command, "--for", f"{seconds - min(EARLIER_SECONDS, seconds / 10):.0f}"]
    directives = [f"#SBATCH {line}" for line in (*own, *lines)]
    return "\n".join(
        [
            "#!/bin/bash",
            *directives,
            "",
            "# Any number of tasks may begin and end at any time: each takes runs that nobody else holds.",
            f"cd {folder} || exit 2",
            f"srun {shlex.join(command)}",
            "",
            *_submission(job, folder),
        ]
    )


def _submission(job: Job, folder: str) -> list[str]:
    then = shlex.quote(f"cd {folder} && {shlex.join(job.report)}")
    if "--search" in job.command:
        return ["# Submit it, and beside it what it helps:", "#   sbatch join.sh", f"#   sbatch --wrap {then}"]
    return [
        "# Submit it, and have the report written when all tasks are over:",
        "#   job=$(sbatch --parsable join.sh)",
        f"#   sbatch --dependency=afterany:$job --wrap {then}",
    ]


def _options(given: Sequence[str]) -> list[str]:
    """Each option with its value on one line."""
    lines: list[str] = []
    for word in given:
        if any(not character.isprintable() for character in word):
            raise StudyError(f"{word!r} cannot stand in a job script", hint="Give options of sbatch, each on one line.")
        if word.startswith("-"):
            lines.append(word)
        elif not lines or "=" in lines[-1] or " " in lines[-1]:
            raise StudyError(
                f"{word!r} is no option of sbatch",
                hint="Example: ablate join STUDY --sbatch 8 -- --gpus=1 --time=8:00:00",
            )
        else:
            lines[-1] += f" {word}"
    return lines


def _name_of(line: str) -> str:
    return re.split(r"[= ]", line, maxsplit=1)[0]


def _seconds(lines: Sequence[str]) -> float | None:
    """The time limit: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]]; None without."""
    text = next((re.split(r"[= ]", line, maxsplit=1)[-1] for line in lines if _name_of(line) in ("--time", "-t")), None)
    if text is None:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise StudyError(f"--time {text} is no time limit of Slurm", hint="Examples: 90, 8:00:00, 1-12:00:00.")
    days, first, second, third = found.groups()
    numbers = [int(number) for number in (first, second, third) if number is not None]
    if days is not None:
        hours, minutes, seconds = [*numbers, 0, 0][:3]
        return float((int(days) * 24 + hours) * 3600 + minutes * 60 + seconds)
    if len(numbers) == 3:
        return float(numbers[0] * 3600 + numbers[1] * 60 + numbers[2])
    return float(numbers[0] * 60 + (numbers[1] if len(numbers) == 2 else 0))
