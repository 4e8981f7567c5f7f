"""What a run of the built-in trainer costs beside its training: its start, and its checkpoints.

`python benchmarks/pool.py [--times 8] [--runs 8] [--epochs 30]`: seconds to carry out one short run through the pool
and as a fresh process; runs a minute with one and with two workers; seconds of writing checkpoints a run. Say beside
the figures how busy the machine was: the line `idle` is the share of its processors that nobody used before.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from ablate import Options, load_study, run_study
from ablate.execute.environment import cores
from ablate.execute.pool import ForkPool, SpawnPool, open_pool
from ablate.records import Finished
from ablate.store.journal import read_result
from ablate.workflows.session import open_session

STUDY = {
    "base": {
        "data": {"source": {"name": "digits"}, "classes": 10, "image_size": 16, "channels": 1, "train": 400},
        "model": {"name": "vgg", "blocks": [1, 1, 1], "width": 16, "head": {"name": "gap"}},
        "optimizer": {"name": "adam", "lr": 1e-3},
        "batch_size": 16,
        "device": "cpu",
    },
    "one_at_a_time": {"faster": {"optimizer.lr": 2e-3}},
}


def study_file(folder: Path, *, epochs: int, runs: int) -> Path:
    """Digits, a small network, half of the runs with another learning rate."""
    path = folder / "digits.yaml"
    base = {**STUDY["base"], "epochs": epochs}
    evidence = {"test": {"folds": 3}, "replicates": [max(1, runs // 2)]}
    path.write_text(json.dumps({**STUDY, "study": "digits", "base": base, "evidence": evidence}), encoding="utf-8")
    return path


def seconds_a_run(pool: ForkPool | SpawnPool, attempts: list[Path]) -> list[float]:
    """One after the other, from the request to the exit; the first, which waits for the imports, is left out."""
    taken = []
    for attempt in attempts:
        started = time.monotonic()
        pool.start(attempt)
        while not pool.finished(1.0):
            pass
        taken.append(time.monotonic() - started)
    return taken[1:]


def starts(trainer: str, times: int) -> None:
    """Short runs through the pool and as fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if trainer == "toy":
            path = work / "toy.yaml"
            content = {"study": "toy", "trainer": "ablate.toy:train", "base": {"epochs": 1, "images": 20}}
            evidence = {"test": {"folds": 2}, "replicates": [1]}
            path.write_text(json.dumps(content | {"chain": {"gain": {"gain": 1.0}}, "evidence": evidence}))
        else:
            path = study_file(work, epochs=1, runs=2)
        session = open_session(load_study(path), work)
        task = session.task(Options())
        spec = next(spec for _, spec in session.plan.runs())
        for name in ("pool", "fresh process"):
            envelope = task.envelope()
            attempts = [session.store.new_attempt(spec, envelope) for _ in range(times + 1)]
            warm = [session.study.trainer.warm]
            pool = open_pool(slots=1, work=work, warm=warm) if name == "pool" else SpawnPool(slots=1, work=work)
            try:
                taken = seconds_a_run(pool, attempts)
            finally:
                pool.close()
            assert all(isinstance(read_result(attempt), Finished) for attempt in attempts)
            median, least = statistics.median(taken), min(taken)
            print(f"{trainer}, {name}: {median:.3f} s a run (median of {times}; {least:.3f} at least)")


def throughput(workers: int, *, epochs: int, runs: int) -> None:
    """A study by so many workers, and what its checkpoints took."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        study = load_study(study_file(work, epochs=epochs, runs=runs))
        at: list[float] = []
        before = os.times()
        done = run_study(
            study,
            work=work,
            options=Options(track=False, workers=workers),
            on_progress=lambda p: at.append(time.monotonic()) if p.kind in ("started", "ended") else None,
        )
        after = os.times()
        results = [cell.result for cell in done.cells if isinstance(cell.result, Finished)]
        seconds = at[-1] - at[0]
        writing = [result.checkpoint_seconds for result in results]
        share = sum(writing) / sum(result.seconds for result in results)
        cpu = sum(after[:4]) - sum(before[:4])
        print(
            f"{workers} workers: {len(results)} runs in {seconds:.1f} s, {60 * len(results) / seconds:.1f} a minute, "
            f"{statistics.mean(result.seconds for result in results):.1f} s each; "
            f"checkpoints {statistics.mean(writing):.3f} s a run, {100 * share:.2f} % of it; "
            f"{cpu / len(results):.1f} s of processor time per run in all"
        )


def idle() -> float:
    """Share of the processors' time that was idle during a second."""

    def ticks() -> list[int]:
        return [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]

    before = ticks()
    time.sleep(1.0)
    spent = [after - old for old, after in zip(before, ticks(), strict=True)]
    return (spent[3] + spent[4]) / sum(spent)


def main() -> None:
    """Print a line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=8)
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=30)
    asked = parser.parse_args()
    print(f"{cores()} processors, idle {100 * idle():.0f} %")
    for trainer in ("toy", "built-in"):
        starts(trainer, asked.times)
    for workers in (1, 2):
        throughput(workers, epochs=asked.epochs, runs=asked.runs)
    print(f"idle {100 * idle():.0f} %")


if __name__ == "__main__":
    main()
