"""What the harness itself costs: runs that do nothing, through plan, pool, journal, MLflow and report.

`python benchmarks/harness.py [--runs 100 2000] [--mlflow] [--plan 100000]`: for each number of runs, milliseconds a
run by the wall clock, which depend on what else the machine does; processor time and time spent syncing, which do so
less; and the peak memory of the command. Then seconds, of the wall clock and of the processor, for a plan.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIANTS = 10

STUDY = {
    "study": "nothing",
    "trainer": "counted:train",
    "base": {"images": 20, "epochs": 1, "noise": 0.5},
    "one_at_a_time": {f"gain {i}": {"gain": float(i)} for i in range(1, VARIANTS)},
}

COUNTED = """
import os, time
from ablate.toy import METRICS, WARM, Config, describe, prepare, train, warm_up
log, fsync = os.open(os.environ["SYNCS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND), os.fsync
def counted(descriptor):
    started = time.perf_counter()
    fsync(descriptor)
    os.write(log, b"%f\\n" % (time.perf_counter() - started))
os.fsync = counted
WARM = "counted:warm_up"
"""
"""The toy in a module that notes what each sync of its process takes."""

RUN = """
import json, os, resource, sys, time
sys.path.insert(0, sys.argv[2])
import ablate
from ablate.workflows.session import Options
study = ablate.load_study(sys.argv[1])
started, at = time.monotonic(), []
done = ablate.run_study(study, work=sys.argv[2], options=Options(track=sys.argv[3] == "mlflow", workers=2),
    on_progress=lambda progress: at.append(time.monotonic()) if progress.kind in ("started", "ended") else None)
ended, times = time.monotonic(), os.times()
print(json.dumps({"all": ended - started, "runs": at[-1] - at[0], "trained": done.trained,
    "own": times.user + times.system, "children": times.children_user + times.children_system,
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def study_file(folder: Path, runs: int) -> Path:
    """A study of so many runs, ten variants each replicate."""
    (folder / "counted.py").write_text(COUNTED, encoding="utf-8")
    path = folder / "nothing.yaml"
    evidence = {"test": {"folds": 2}, "replicates": [runs // VARIANTS]}
    path.write_text(json.dumps(STUDY | {"evidence": evidence}), encoding="utf-8")
    return path


def measured(runs: int, tracking: str) -> dict[str, float]:
    """Seconds from the first start to the last end and of the whole command; peak memory of the coordinator."""
    with tempfile.TemporaryDirectory() as folder:
        path = study_file(Path(folder), runs)
        syncs = Path(folder, "syncs")
        command = [sys.executable, "-c", RUN, str(path), folder, tracking]
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"SYNCS": str(syncs)}
        )
        found: dict[str, float] = json.loads(done.stdout)
        assert found["trained"] == runs
        waits = [float(line) for line in syncs.read_text().split()]
        return found | {"syncs": len(waits), "syncing": sum(waits)}


def plan_seconds(runs: int) -> tuple[float, float, float]:
    """Seconds, also of the processor, to plan and survey so many runs that were never made, and peak megabytes."""
    from ablate.study.load import load_study
    from ablate.workflows.options import Options
    from ablate.workflows.plan_summary import plan_summary
    from ablate.workflows.session import open_session, resolved_options

    with tempfile.TemporaryDirectory() as folder:
        path = study_file(Path(folder), runs)
        sys.path.insert(0, folder)
        os.environ["SYNCS"] = str(Path(folder, "syncs"))
        started, before = time.monotonic(), time.process_time()
        session = open_session(load_study(path), folder)
        summary = plan_summary(session, resolved_options(session, Options()), with_parameters=False)
        assert summary["to_run"] == runs
        seconds, processor = time.monotonic() - started, time.process_time() - before
    return seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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
            a_run = {name: 1000 * value / runs for name, value in found.items()}
            print(
                f"{runs} runs, tracking {tracking}, ms per run: {a_run['runs']:.1f}, {a_run['all']:.1f} with plan and "
                f"report; processors {a_run['own']:.1f} ms in the command, {a_run['children']:.1f} ms in runs; "
                f"{found['syncs'] / runs:.1f} syncs a run, {a_run['syncing']:.1f} ms; {found['megabytes']:.0f} MB"
            )
    if asked.plan:
        seconds, processor, megabytes = plan_seconds(asked.plan)
        print(f"a plan of {asked.plan} runs: {seconds:.1f} s, {processor:.1f} s of the processor, {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
