"""What a trial of a search costs beside Optuna's own ask and tell, with a trainer that does nothing.

Two searches of the same space run in turns in one process, a block of trials each: ours, through source,
coordinator, journals and records, and plain `study.ask`/`study.tell` on a journal file with the same sampler.

    python -m benchmarks.search_cost --trials 1000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ablate.protocols import Run
from ablate.records import Prepared
from ablate.settings import Settings

METRICS = {"accuracy": "max"}
WARM = "json"
STUDY = """\
study: cost
trainer: benchmarks.search_cost:train
base: {x: 0.5, y: 0.5, kind: 1}
evidence: {test: {folds: 3}, replicates: [3]}
search: {space: {x: {low: 0.0, high: 1.0}, y: {low: 0.0, high: 1.0}, kind: [1, 2, 3]}, trials: 1, split: trainer}
"""


class Config(Settings):
    """Three settings and nothing behind them."""

    x: Annotated[float, Field(ge=0, le=1)]
    y: Annotated[float, Field(ge=0, le=1)]
    kind: int


def train(config: Config, run: Run) -> dict[str, float]:
    """Nothing: the value is known at once."""
    del run
    return {"accuracy": value_of(config.x, config.y, config.kind)}


def prepare(config: Config, run: Run) -> Prepared:
    """There is no data."""
    del config, run
    return Prepared(digest="none")


def value_of(x: float, y: float, kind: int) -> float:
    """A hill with its top at (0.7, 0.2) for kind 2."""
    return 1 - (x - 0.7) ** 2 - (y - 0.2) ** 2 - 0.1 * abs(kind - 2)


def ours(work: Path) -> tuple[Callable[[int], None], Timed]:
    """A function that takes the search to a total of trials, and the clock of Optuna's own part."""
    from ablate.execute.inline import InlineExecutor
    from ablate.harness.coordinator import Coordinator
    from ablate.search import OptunaAdapter, OptunaSource, make_question, open_search
    from ablate.study.load import load_study
    from ablate.workflows.options import Options
    from ablate.workflows.search.run import baseline_plan
    from ablate.workflows.session import Session

    path = work / "cost.yaml"
    path.write_text(STUDY, encoding="utf-8")
    question = make_question(load_study(path))
    session = Session(question.study, baseline_plan(question), work)
    opened = open_search(question, session.store.study("cost-search"))
    book = OptunaAdapter(optuna_study=opened.optuna_study, question=question)
    timed = Timed(book)
    source = OptunaSource(
        book=timed, store=session.store, trials=0, source_digest=session.source, data_digest="none"  # type: ignore[arg-type]
    )  # fmt: skip
    from dataclasses import replace

    task = replace(session.task(Options()), data_digest="none")

    def go(total: int) -> None:
        source.trials = total
        Coordinator(source, InlineExecutor(), session.store, task, lambda _: None).run()

    return go, timed


class Timed:
    """A book that adds up the seconds, by the clock and of the processor, spent in asking and telling Optuna."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self.seconds = 0.0
        self.processor_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._book, name)
        if name not in ("ask", "tell"):
            return found

        def call(*arguments: Any) -> Any:
            begun, work_begun = time.perf_counter(), time.process_time()
            try:
                return found(*arguments)
            finally:
                self.seconds += time.perf_counter() - begun
                self.processor_seconds += time.process_time() - work_begun

        return call


def plain(work: Path) -> Callable[[int], None]:
    """The same search by Optuna alone."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(work / "plain.journal"))),
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=1),
    )
    done = 0

    def go(total: int) -> None:
        nonlocal done
        while done < total:
            trial = study.ask()
            x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
            study.tell(trial, value_of(x, y, trial.suggest_categorical("kind", [1, 2, 3])))
            done += 1

    return go


def peak_megabytes() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print one line per block: milliseconds per trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--block", type=int, default=100)
    arguments = parser.parse_args()
    print("trials   plain Optuna   ours   Optuna within ours   our share   of it processor   peak memory (MB)")
    with tempfile.TemporaryDirectory() as folder:
        mine, timed = ours(Path(folder))
        theirs = plain(Path(folder))
        for total in range(arguments.block, arguments.trials + 1, arguments.block):
            begun = time.perf_counter()
            theirs(total)
            between, work_between = time.perf_counter(), time.process_time()
            inside, work_inside = timed.seconds, timed.processor_seconds
            mine(total)
            ended, work_ended = time.perf_counter(), time.process_time()
            scale = 1000 / arguments.block
            own, of_optuna = (ended - between) * scale, (timed.seconds - inside) * scale
            work = (work_ended - work_between - timed.processor_seconds + work_inside) * scale
            print(
                f"{total:6}   {(between - begun) * scale:12.1f}   {own:4.1f}   {of_optuna:18.1f}   "
                f"{own - of_optuna:9.1f}   {work:15.1f}   {peak_megabytes():16.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
