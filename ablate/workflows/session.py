"""A study in its work folder: what is known of code and data, and the means to run it."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from ablate.errors import AblateError, DataMissing, DecisionNeeded, StudyError
from ablate.execute.environment import git_commit
from ablate.execute.inline import InlineExecutor
from ablate.execute.lazy import LazyExecutor
from ablate.execute.live import Task
from ablate.harness import data_check
from ablate.harness.coordinator import Coordinator, Listener
from ablate.harness.descriptions import recalled
from ablate.harness.interruption import Interruption
from ablate.harness.known import KnownData, known
from ablate.harness.looking import recall_looks, with_notes
from ablate.harness.offers import Offers
from ablate.harness.progress import OnProgress, Progress
from ablate.protocols import Executor, Source, Tracker
from ablate.records import Finished, Prepared, RunSpec, Variant
from ablate.results.closing import cut_plan, whole_plan
from ablate.results.declared_looks import with_declared_shares
from ablate.results.former_runs import FormerRuns, former_runs
from ablate.results.open_looks import wanted_by_look
from ablate.results.survey import CurrentProvenance, RunInventory, Stale, plan_status
from ablate.settings import places_of
from ablate.splits.rules import Replicate
from ablate.store.closing import read_closing
from ablate.store.run_names import write_names
from ablate.store.work_folder import Store
from ablate.study.former_defaults import former_plan
from ablate.study.plan import Plan, make_plan
from ablate.study.stand_in import with_way_out
from ablate.study.study import Study
from ablate.trainer import former_source_digests, source_digest
from ablate.workflows.options import Options
from ablate.workflows.search.tuned_plan import check_tuning, tuned_plan


@dataclass(slots=True)
class Session:
    """A study in a work folder with what is known about its code and data."""

    study: Study
    plan: Plan
    work: Path
    is_tuned: bool = True
    """False while the variants of a study with `tune:` still have the settings of the file."""
    store: Store = field(init=False)
    source: str = field(init=False)
    former: Callable[[], tuple[str, ...]] = field(init=False, repr=False)
    prepared: dict[str, Prepared] = field(init=False)
    looked: dict[str, Prepared] = field(init=False)
    """What `data stats` has found, without trying the network."""
    places: dict[str, dict[str, Any]] = field(init=False)
    """Variant -> dotted key -> where its data lie."""

    def __post_init__(self) -> None:
        config = self.study.trainer.config
        self.places = {variant.name: places_of(config.model_validate(variant.config)) for variant in self.plan.variants}
        self.store = Store(self.work)
        self.plan = cut_plan(self.plan, read_closing(self.store.study(self.study.name)))
        self.source = source_digest(self.plan.trainer)
        self.former = cache(partial(former_source_digests, self.plan.trainer))  # asked once for all stale runs
        self.prepared = data_check.recall(self.plan, self.study.trainer, self.store, self.source)
        self.looked = recall_looks(self.plan, self.store, self.source)

    @property
    def origin(self) -> CurrentProvenance:
        """The code and data a run would have now."""
        return CurrentProvenance(
            source_digest=self.source,
            former_sources=self.former,
            data_digests={name: found.digest for name, found in self.looks.items()},
            former_digests={name: found.former for name, found in self.looks.items() if found.former},
            places=self.places,
            classes={name: found.classes for name, found in self.looks.items()},
            groups=self._groups(),
        )

    def _groups(self) -> Callable[[str, Finished], Mapping[str, str]] | None:
        """Which images share their luck, by the data of a finished run of a variant, as far as they are here."""
        trainer, ask = self.study.trainer, self.study.trainer.image_groups
        if ask is None:
            return None

        @cache
        def config_of(variant: str) -> Any:
            return trainer.config.model_validate(self.plan.variant(variant).config)

        def groups_of(variant: str, result: Finished) -> Mapping[str, str]:
            try:
                return ask(config_of(variant), result, lambda key: self.store.cache / key)
            except (AblateError, ImportError, OSError):
                return {}

        return groups_of

    @property
    def looks(self) -> dict[str, Prepared]:
        """Variant -> what is known of its data as they are, by the look before the first run or by `data stats`."""
        return self.looked | with_notes(self.prepared, self.looked)

    @property
    def known(self) -> KnownData:
        """What is known of the data: as they are, else as they were when somebody last looked."""
        return known(self.plan, self.places, self.store, self.prepared)

    def task(self, options: Options) -> Task:
        """What every attempt is told beside its spec."""
        return Task(
            spec=self.plan.spec(self.plan.variants[0], Replicate(index=0)),
            work=self.work,
            source_digest=self.source,
            git_commit=git_commit(self.work),
            checkpoint_seconds=options.checkpoint_seconds,
            keep_weights=self.study.keep_weights,
            far=options.executor == "ray",
        )

    def store_plan(self) -> None:
        """Write down which runs the study's names stand for, for `status` and `predict`."""
        variants: dict[str, dict[str, str]] = {variant.name: {} for variant in self.plan.variants}
        plan = whole_plan(self.plan)
        for variant, spec in plan.runs(len(plan.looks)):
            variants[variant.name][str(spec.replicate.index)] = spec.fingerprint
        sources = {variant.name: self.origin.data_of(variant.name) for variant in self.plan.variants}
        name, file = self.study.name, self.study.document.name
        write_names(self.store.study(name), name, file, variants, sources, plan.looks)

    def look_reached(self) -> int:
        """The latest look that any run was finished for; 1 before the first run, a closed study's last."""
        if self.plan.closed is not None:
            return len(self.plan.looks)
        for look in range(len(self.plan.looks), 1, -1):
            begun = range(self.plan.looks[look - 2], self.plan.looks[look - 1])
            if any(self._has_finished(v, Replicate(index=i)) for i in begun for v in self.plan.variants):
                return look
        return 1

    def _has_finished(self, variant: Variant, replicate: Replicate) -> bool:
        found = self.store.finished(self.plan.spec(variant, replicate).fingerprint)
        return any(not self.origin.is_elsewhere(variant.name, finished) for finished in found)

    def bytes_of_weights(self) -> int:
        """What the weights of one run take at most; 0 where none are kept, or nobody has counted them yet."""
        known = [recalled(one, self.study.trainer, self.store, self.source) for one in self.plan.variants]
        counts = [4 * (one.parameters or 0) for one in known if one is not None]
        return max(counts, default=0) if self.study.keep_weights else 0

    def survey(self, options: Options) -> RunInventory:
        """The state of every run of the plan up to a look; later looks need only what is still open."""
        wanted = wanted_by_look(self.study, self.plan, self.store, self.origin, look=options.look)
        only, replicates = options.only, options.replicates
        found = plan_status(
            self.plan, self.store, self.origin, look=options.look, only=only, replicates=replicates, wanted=wanted
        )
        if self.plan.closed is None:
            return found
        return replace(found, to_run=(), spared=found.spared + found.to_run)

    def former_runs(self, look: int) -> FormerRuns | None:
        """What was finished of the runs up to a look before a default changed, and is none of them now."""
        former = former_plan(self.study, self.plan)
        if former is None:
            return None
        tuned = None if self.is_tuned else tuned_plan(self.study, former.plan, self.store)
        former = former._replace(plan=tuned or former.plan)
        return former_runs(former, self.plan, self.store, self.origin, look=look)


def open_session(study: Study, work: Path | str = ".") -> Session:
    """The study in its work folder; reads, never writes."""
    work = Path(work).resolve()
    plan = with_declared_shares(Store(work).study(study.name), make_plan(study))
    if study.tune is None:
        return Session(study, plan, work)
    check_tuning(study, plan)
    tuned = tuned_plan(study, plan, Store(work))
    return Session(study, tuned or plan, work, is_tuned=tuned is not None)


def resolved_options(session: Session, options: Options) -> Options:
    """The options with the look filled in. Refuses names and numbers that do not exist, before anything is written."""
    looks = session.plan.looks
    if strangers := [index for index in options.replicates if not 0 <= index < looks[-1]]:
        raise StudyError(
            f"--replicate {strangers[0]}: the study plans {looks[-1]} replicates, 0 to {looks[-1] - 1}",
            hint="evidence.replicates plans them.",
        )
    if not options.look:
        reached = session.look_reached()
        options = replace(options, look=max([reached, *(bisect_right(looks, r) + 1 for r in options.replicates)]))
    options = replace(options, only=tuple(session.plan.variant(name).name for name in options.only))
    if not 1 <= options.look <= len(looks):
        raise StudyError(
            f"--look {options.look}: the study plans {len(looks)} looks, at {', '.join(map(str, looks))} replicates",
            hint="Looks are counted from 1; evidence.replicates plans them.",
        )
    if options.workers is not None and options.workers < 1:
        raise StudyError(f"--workers {options.workers}: at least one run has to be at work")
    return options


def clocked(options: Options) -> Options:
    """The options of a command that begins now: whatever it goes through, the time given is that of the whole."""
    if options.seconds is None or options.until is not None:
        return options
    return replace(options, until=time.monotonic() + options.seconds)


def interruption_of(options: Options) -> Interruption:
    """Nobody has asked for a stop yet; the time given, if any, runs since the command began."""
    return Interruption(until=clocked(options).until)


def run_specs(  # noqa: PLR0913 - what the coordinator is made of, each by its name
    session: Session,
    options: Options,
    source: Source,
    *,
    executor: Executor,
    listener: Listener,
    interruption: Interruption,
    offers: Offers | None = None,
) -> None:
    """Run everything a source gives; what is more than fits is offered to others, where there are `offers`."""
    digests, labels = {}, {}
    for variant, spec in session.plan.runs(options.look):
        labels[spec.fingerprint] = f"{session.study.name}/{variant.name}"
        if variant.name in session.prepared:
            digests[spec.fingerprint] = session.prepared[variant.name].digest
    baseline = next(iter(session.prepared.values()), None)
    task = replace(session.task(options), data_digest=baseline.digest if baseline else "", label=session.study.name)
    coordinator = Coordinator(
        source=source,
        executor=executor,
        store=session.store,
        task=task,
        listener=listener,
        interruption=interruption,
        digests=digests,
        labels=labels,
        timeout=session.study.timeout,
        before={fingerprint: session.store.newest(fingerprint) for fingerprint in digests},
        patient=options.patient,
        offers=offers,
    )
    if isinstance(executor, InlineExecutor):
        executor.listen = coordinator.listen
    coordinator.run()


def check_data_first(
    session: Session, options: Options, executor: LazyExecutor, on_progress: OnProgress, stop: Interruption
) -> None:
    """Prepare what is not known; raises what is wrong with the data before anything is trained."""
    if len(session.prepared) == len(session.plan.variants):
        return
    trainer = session.study.trainer
    try:
        if trainer.locate is not None:
            trainer.locate(trainer.config.model_validate(session.plan.variants[0].config))
        session.prepared = data_check.look(
            session.plan,
            trainer,
            executor,
            task=session.task(options),
            known=session.prepared,
            stop=stop,
            on_progress=on_progress,
        )
    except DataMissing as error:
        raise with_way_out(error, session.study, work=session.work) from None
    baseline = session.prepared[session.plan.variants[0].name]
    left_out = dict.fromkeys(name for found in session.prepared.values() for name in found.unreadable)
    images = sum(baseline.counts.values())
    decodes = not session.study.trainer.is_command
    told = Progress(total=0, kind="prepared", images=images, unreadable=tuple(left_out), decodes=decodes)
    on_progress(told)


def open_study_tracker(session: Session, options: Options) -> Tracker | None:
    """What shows the study in MLflow; None where nothing is to be tracked."""
    if not options.track:
        return None
    from ablate.track import open as tracking

    return tracking.open_tracker(options.tracking_uri, session.work)


def runs_to_train(
    session: Session, found: RunInventory, options: Options, begun: Collection[str] = ()
) -> list[tuple[str, RunSpec]]:
    """The runs to train; raises DecisionNeeded where only the user can say.

    begun: fingerprints that an earlier look of this command has had its turn with: whatever became of them, another
    try is another command's.
    """
    to_run = list(found.to_run)
    if options.retry_failed:
        to_run += [(variant, spec) for variant, spec, _ in found.failed]
    if options.stale == "retrain":
        to_run += [(stale.variant, stale.spec) for stale in found.stale]
    elif options.stale == "ask" and found.stale:
        raise DecisionNeeded(_stale_message(found.stale), hint=_STALE_HINT)
    order = {spec.fingerprint: i for i, (_, spec) in enumerate(session.plan.runs(options.look))}
    left = [run for run in to_run if run[1].fingerprint not in begun]
    return sorted(left, key=lambda run: order[run[1].fingerprint])


_STALE_HINT = "Choose: --reuse takes them as they are (the report marks them), --retrain trains them again."


def _stale_message(stale: Sequence[Stale]) -> str:
    reasons = sorted({reason for item in stale for reason in item.differences})
    seconds = sum(item.result.seconds for item in stale)
    rows = [f"  {item.variant}, replicate {item.spec.replicate.index}: {', '.join(item.differences)}" for item in stale]
    shown = rows[:8] + ([f"  ... and {len(rows) - 8} more"] if len(rows) > 8 else [])
    return (
        f"{len(stale)} finished runs were made before {' and '.join(reasons)} changed "
        f"(training them took {seconds:.0f} s):\n" + "\n".join(shown) + "\n"
    )
