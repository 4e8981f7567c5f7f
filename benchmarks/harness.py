"""What the harness itself costs: runs that do nothing, through plan, pool, journal, MLflow and report.

`python benchmarks/harness.py [--runs 100 2000] [--mlflow] [--plan 100000]`: milliseconds a run for each number of
runs, with the peak memory of the command, and seconds for a plan.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIANTS = 10

STUDY = {
    "study": "nothing",
    "trainer": "ablate.toy:train",
    "base": {"images": 20, "epochs": 1, "noise": 0.5},
    "one_at_a_time": {f"gain {i}": {"gain": float(i)} for i in range(1, VARIANTS)},
}

RUN = """
import json, os, resource, sys, time
import ablate
from ablate.session import Options
study = ablate.load_study(sys.argv[1])
started, at = time.monotonic(), []
done = ablate.run_study(study, work=sys.argv[2], options=Options(track=sys.argv[3] == "mlflow", workers=2),
    on_progress=lambda progress: at.append(time.monotonic()) if progress.kind in ("started", "ended") else None)
ended = time.monotonic()
print(json.dumps({"all": ended - started, "runs": at[-1] - at[0], "trained": done.trained,
    "cpu": sum(os.times()[:4]), "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def study_file(folder: Path, runs: int) -> Path:
    """A study of so many runs, ten variants each replicate."""
    path = folder / "nothing.yaml"
    evidence = {"test": {"folds": 2}, "replicates": [runs // VARIANTS]}
    path.write_text(json.dumps(STUDY | {"evidence": evidence}), encoding="utf-8")
    return path


def measured(runs: int, tracking: str) -> dict[str, float]:
    """Seconds from the first start to the last end and of the whole command; peak memory of the coordinator."""
    with tempfile.TemporaryDirectory() as folder:
        path = study_file(Path(folder), runs)
        command = [sys.executable, "-c", RUN, str(path), folder, tracking]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found


def plan_seconds(runs: int) -> tuple[float, float]:
    """Seconds to plan and survey so many runs that were never made, and the peak memory in megabytes."""
    from ablate.planning import plan_summary
    from ablate.session import Options, open_session, settled
    from ablate.study.load import load_study

    with tempfile.TemporaryDirectory() as folder:
        path = study_file(Path(folder), runs)
        started = time.monotonic()
        session = open_session(load_study(path), folder)
        summary = plan_summary(session, settled(session, Options()), with_parameters=False)
        assert summary["to_run"] == runs
        seconds = time.monotonic() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="*", default=[100, 2000])
    parser.add_argument("--mlflow", action="store_true", help="also with MLflow")
    parser.add_argument("--plan", type=int, default=100_000)
    asked = parser.parse_args()
    for tracking in ["none", *(["mlflow"] if asked.mlflow else [])]:
        for runs in asked.runs:
            found = measured(runs, tracking)
            print(
                f"{runs} runs, tracking {tracking}: {1000 * found['runs'] / runs:.1f} ms a run, "
                f"{1000 * found['all'] / runs:.1f} ms with plan and report, {1000 * found['cpu'] / runs:.1f} ms of "
                f"processor time in all, {found['megabytes']:.0f} MB"
            )
    if asked.plan:
        seconds, megabytes = plan_seconds(asked.plan)
        print(f"a plan of {asked.plan} runs: {seconds:.1f} s, {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
