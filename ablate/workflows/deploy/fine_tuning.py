"""Runs that go on from finished ones, pruned or aware of INT8: asked for, trained and kept as any other run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ablate.errors import TrainerError
from ablate.execute.devices import DeviceSlots, devices
from ablate.execute.environment import git_commit
from ablate.execute.live import Task
from ablate.execute.pool import open_pool
from ablate.harness.coordinator import Coordinator, RunUpdate
from ablate.harness.fixed_source import FixedSource
from ablate.harness.interruption import Interruption
from ablate.protocols import Executor
from ablate.records import Failed, Finished, RunSpec, Variant
from ablate.store.run_names import read_names, write_names
from ablate.store.work_folder import Store, state_of_file
from ablate.trainer import Trainer, former_source_digests, source_digest
from ablate.workflows.executor import default_workers

WEIGHTS = "weights"
"""Name of the weights among a run's files."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A run that goes on from `origin`, the finished run of the same replicate, which was asked for by `origin_spec`.

    name: STUDY/VARIANT/REPLICATE.
    """

    name: str
    spec: RunSpec
    origin_spec: RunSpec
    origin: Finished

    @property
    def variant(self) -> str:
        """Of its study."""
        return self.name.split("/")[1]


def name_runs(runs: Sequence[Tuned], store: Store) -> None:
    """Write down what the runs are called, beside those that there are, for `predict` and for runs that follow."""
    study = runs[0].name.split("/")[0]
    known = {name: dict(found) for name, found in (read_names(store.study(study)) or {}).items()}
    for run in runs:
        known.setdefault(run.variant, {})[str(run.spec.replicate.index)] = run.spec.fingerprint
    write_names(store.study(study), study, "", known)


def tuned_results(
    runs: Sequence[Tuned],
    trainer: Trainer,
    store: Store,
    tell: Tell,
    *,
    workers: int | None = None,
    open_executor: Callable[[Sequence[Tuned]], Executor] | None = None,
) -> dict[str, Finished]:
    """Fingerprint -> the finished run of each; what is missing is trained, and resumed where it was interrupted.

    Raises TrainerError where one fails, Interrupted where a stop was asked for: the same call goes on from there.
    """
    name_runs(runs, store)
    found = _finished(runs, trainer, store)
    missing = [run for run in runs if run.spec.fingerprint not in found]
    if missing:
        tell(f"Fine-tuning {len(missing)} run{'s' * (len(missing) > 1)}: {', '.join(one.name for one in missing)}")
        executor = (open_executor or _pool(trainer, store, workers))(missing)
        try:
            _train(missing, trainer, store, executor, tell)
        finally:
            executor.close()
        found = _finished(runs, trainer, store)
    for run in runs:
        if run.spec.fingerprint not in found:
            raise _failed(run, store)
    return found


def _finished(runs: Sequence[Tuned], trainer: Trainer, store: Store) -> dict[str, Finished]:
    """Those that are there with their weights, by the code, on the data and from the origin there are now.

    What the origin was asked for is no part of their fingerprint where they themselves do otherwise, as its epochs.
    """
    from ablate.training.compress.fine_tuning import begins_with

    codes = (source_digest(trainer.path), *former_source_digests(trainer.path))
    found = {}
    for run in runs:
        seen = (run.origin.stamp.data_digest, begins_with(run.spec, run.origin_spec, run.origin))
        for result in store.finished(run.spec.fingerprint):
            stamp = result.stamp
            same = stamp.source_digest in codes and (stamp.data_digest, stamp.weights_digest) == seen
            stored = result.files.get(WEIGHTS)
            if same and stored is not None and state_of_file(result, stored) == "whole":
                found[run.spec.fingerprint] = result
                break
    return found


def _pool(trainer: Trainer, store: Store, workers: int | None) -> Callable[[Sequence[Tuned]], Executor]:
    def opened(runs: Sequence[Tuned]) -> Executor:
        cards = devices()
        asked = [Variant(name=run.variant, config=run.spec.config, identity=run.spec.identity) for run in runs]
        slots = min(workers or default_workers(asked), len(runs))
        slots = min(slots, len(cards)) if cards else slots
        return open_pool(slots=slots, work=store.work, warm=[trainer.warm], cards=DeviceSlots(cards, 1, {}))

    return opened


def _train(runs: Sequence[Tuned], trainer: Trainer, store: Store, executor: Executor, tell: Tell) -> None:
    names = {run.spec.fingerprint: run.name for run in runs}
    source = source_digest(trainer.path)
    first = runs[0]
    task = Task(
        spec=first.spec,
        work=store.work,
        source_digest=source,
        data_digest=first.origin.stamp.data_digest,
        git_commit=git_commit(store.work),
        label=first.name.rpartition("/")[0],
    )
    interruption = Interruption()
    interruption.notice = lambda: tell("Stopping: the runs write their checkpoints")
    coordinator = Coordinator(
        source=FixedSource([run.spec for run in runs]),
        executor=executor,
        store=store,
        task=task,
        listener=_listener(names, tell),
        interruption=interruption,
        digests={run.spec.fingerprint: run.origin.stamp.data_digest for run in runs},
        labels={fingerprint: name.rpartition("/")[0] for fingerprint, name in names.items()},
        refused={result.folder for fingerprint in names for result in store.finished(fingerprint)},
    )
    with interruption.watching():
        coordinator.run()
    interruption.end_here()


def _listener(names: Mapping[str, str], tell: Tell) -> Callable[[RunUpdate], None]:
    def hear(news: RunUpdate) -> None:
        name, epochs = names[news.spec.fingerprint], news.spec.config.get("epochs")
        if news.kind == "event" and news.event is not None and news.event.kind == "epoch":
            tell(f"{name}: epoch {news.event.data['epoch']} of {epochs}")

    return hear


def _failed(run: Tuned, store: Store) -> TrainerError:
    results = store.results(run.spec.fingerprint)
    last = next((one for one in reversed(results) if isinstance(one, Failed)), None)
    why = "no result" if last is None else last.message or last.reason
    where = "" if last is None else f"What it printed: {last.folder / 'run.log'}"
    return TrainerError(f"fine-tuning of {run.name} failed: {why}", hint=where)
