"""`ablate join --sbatch`: the script of a job array, printed and ready to submit."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.workflows.batch_script import Job, slurm_script
from tests.command_line import ablate

TOY = "study: toy\ntrainer: ablate.toy:train\nbase: {skill: 60.0, images: 600}\nchain: {BN: {gain: 10.0}}\n"
JOB = Job("faces", ["ablate", "join", "a b.yaml"], ["ablate", "run", "a b.yaml"], Path("/shared/it's here"))


def carried_out(script: str, folder: Path) -> list[str]:
    """What `srun` is called with, by a shell that reads the script; everything else of the cluster is not there."""
    place = folder / "srun"
    place.write_text('#!/bin/sh\nprintf "%s\\n" "$PWD" "$@"\n', encoding="utf-8")
    place.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": f"{folder}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_the_script_runs_the_command_in_the_folder(tmp_path: Path) -> None:
    """Whatever stands in names and options; what Slurm is asked for stands in its lines."""
    folder = tmp_path / "it's here; $(touch gone)"
    folder.mkdir()
    job = JOB._replace(folder=folder, command=["ablate", "join", "a b.yaml", "--set", "x='1'; $(touch gone)"])
    script = slurm_script(job, tasks=8, slurm=["--gpus=1", "-p", "fast", "--time=8:00:00"])
    lines = [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH")]

    assert carried_out(script, tmp_path) == [str(folder), *job.command, "--for", "28200"]
    assert lines == [
        "--array=0-7", "--job-name=ablate-faces", "--signal=TERM@120", "--gpus=1", "-p fast", "--time=8:00:00",
    ]  # fmt: skip
    assert not list(tmp_path.rglob("gone"))


def test_the_report_is_written_when_all_tasks_are_over() -> None:
    """The line to paste stands below; the shell reads it as it is meant."""
    last = slurm_script(JOB, tasks=2, slurm=[]).splitlines()[-1].removeprefix("#   ")
    words = shlex.split(last.replace("$job", "17"))

    assert words[:-1] == ["sbatch", "--dependency=afterany:17", "--wrap"]
    assert shlex.split(words[-1]) == ["cd", "/shared/it's here", "&&", "ablate", "run", "a b.yaml"]


def test_helpers_of_a_search_are_submitted_beside_it() -> None:
    """Nothing is left to do when they end."""
    job = JOB._replace(command=[*JOB.command, "--search"], report=["ablate", "optuna", "a b.yaml"])
    last = slurm_script(job, tasks=2, slurm=[]).splitlines()[-1].removeprefix("#   ")
    words = shlex.split(last)

    assert words[:-1] == ["sbatch", "--wrap"]
    assert shlex.split(words[-1])[3:] == ["ablate", "optuna", "a b.yaml"]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("90", 4860), ("30:30", 1647), ("8:00:00", 28200), ("2-0", 172200), ("1-12:30:00", 130800), ("10", 540)],
)
def test_join_ends_before_the_job_does(time: str, seconds: int) -> None:
    """Ten minutes, or a tenth of a short job; in every form Slurm reads."""
    for given in ([f"--time={time}"], ["-t", time], ["--time", time]):
        assert f"a b.yaml' --for {seconds}\n" in slurm_script(JOB, tasks=1, slurm=given)


def test_what_was_said_is_not_said_again() -> None:
    """A time for join, a signal and a name of one's own."""
    job = JOB._replace(command=[*JOB.command, "--for", "1h"])
    script = slurm_script(job, tasks=1, slurm=["--time=8:00:00", "--signal=USR1@60", "-J", "mine"])

    assert "--for 1h\n" in script
    assert script.count("--for") == script.count("--signal") == 1
    assert "--job-name" not in script
    assert "--for" not in slurm_script(JOB, tasks=1, slurm=["--gpus=1"])


@pytest.mark.parametrize(
    ("tasks", "slurm", "message"),
    [
        (0, [], "at least one task"),
        (8, ["--array=0-3"], "--array says so again"),
        (8, ["gpus=1"], "'gpus=1' is no option of sbatch"),
        (8, ["--gpus=1", "2"], "'2' is no option"),
        (8, ["--gpus=1\nrm -rf /"], "cannot stand in a job script"),
        (8, ["--time=soon"], "is no time limit of Slurm"),
    ],
)
def test_what_sbatch_would_not_take_is_refused(tasks: int, slurm: list[str], message: str) -> None:
    """Now, and not in the queue."""
    with pytest.raises(StudyError, match=message) as refused:
        slurm_script(JOB, tasks=tasks, slurm=slurm)
    assert "at least" in str(refused.value) or refused.value.hint


def test_the_command_prints_it_and_trains_nothing(tmp_path: Path) -> None:
    """With the options that were given, and no others; a wrong study is refused before anything waits in a queue."""
    (tmp_path / "toy.yaml").write_text(TOY, encoding="utf-8")
    words = ["join", "toy.yaml", "--sbatch", "8", "--workers", "2", "--set", "skill=61.0", "--", "--gpus=1"]
    done = ablate(tmp_path, *words)
    srun = next(line for line in done.stdout.splitlines() if line.startswith("srun"))

    assert done.exit_code == 0
    assert shlex.split(srun)[2:] == ["-m", "ablate", "join", "toy.yaml", "--set", "skill=61.0", "--workers", "2"]
    assert not (tmp_path / ".ablate").exists()
    assert ablate(tmp_path, "join", "toy.yaml", "--", "--gpus=1").exit_code == 2
    assert ablate(tmp_path, "join", "other.yaml", "--sbatch", "8").exit_code == 2
