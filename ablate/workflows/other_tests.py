"""Other test sets of a study: checked before anything is trained, asked about once runs have finished, reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ablate import files
from ablate.errors import DataError, StudyError
from ablate.execute.lazy import LazyExecutor
from ablate.harness.interruption import Interruption
from ablate.harness.other_images import Question, Suspicion, ask_runs, find_trained_on
from ablate.harness.progress import OnProgress, Progress
from ablate.protocols import Executor
from ablate.records import Cell, Finished, RunSpec
from ablate.results.declared_looks import looks_before
from ablate.results.set_ledger import OpenedSet, Showing, read_opened, read_shown, remember_shown, set_uses
from ablate.results.survey import collect
from ablate.results.uses import Use
from ablate.splits.rules import Replicate
from ablate.store.other_answers import OtherAnswers, failure_of, read_answers
from ablate.study.other_sets import other_sets
from ablate.trainer import is_built_in
from ablate.workflows.options import Options
from ablate.workflows.other_sets import asked_of, listing_of, open_sets, where
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from ablate.report.facts.findings import Findings, OtherSet
    from ablate.results.set_ledger import Shown

NAMED = 3
WEIGHTS = "weights"


def check_sets(session: Session, options: Options, executor: LazyExecutor, stop: Interruption) -> None:
    """Refuse, before any work, sets that are not there, that runs are trained on, and runs without weights."""
    sets = open_sets(session)
    if not sets:
        return
    _refuse_lost_weights(session, options, sets)
    for name, opened in sets.items():
        if not opened.copies and session.study.trainer.trained_on is not None:
            _refuse_trained_on(session, options, name, opened, executor, stop)


def score_sets(
    session: Session,
    options: Options,
    open_executor: Callable[[], Executor],
    is_stopped: Callable[[], bool],
    on_progress: OnProgress,
) -> None:
    """Ask every finished run that was not asked yet about the images of each set."""
    opened = read_opened(session.store.study(session.study.name))
    names = [name for name in other_sets(session.study) if name in opened]
    questions = [
        Question(
            spec=spec,
            result=result,
            images=listing_of(session, opened[name].digest),
            digest=opened[name].digest,
            copies=opened[name].copies,
        )
        for name in names
        for spec, result in _finished(session, options)
        if read_answers(result, opened[name].digest) is None
    ]
    if questions and not is_stopped():
        on_progress(Progress(total=len(questions), kind="scoring"))
        ask_runs(questions, session.store, open_executor(), session.task(options), is_stopped)


def _finished(session: Session, options: Options) -> Iterator[tuple[RunSpec, Finished]]:
    """Every finished run of the plan up to the look, with its spec."""
    cells = collect(session.plan, session.store, session.origin, look=options.look)
    for (_, spec), cell in zip(session.plan.runs(options.look), cells, strict=True):
        if isinstance(cell.result, Finished):
            yield spec, cell.result


def _refuse_lost_weights(session: Session, options: Options, sets: Mapping[str, OpenedSet]) -> None:
    """Raise StudyError for finished runs that have to be asked and have no weights any more."""
    if not is_built_in(session.study.trainer.path):
        return  # where another trainer keeps what it predicts by, it alone knows
    lost = [
        result
        for _, result in _finished(session, options)
        if any(read_answers(result, one.digest) is None for one in sets.values())
        and (WEIGHTS not in result.files or not (result.folder / result.files[WEIGHTS]).is_file())
    ]
    if not lost:
        return
    shown = ", ".join(str(one.folder.relative_to(session.work)) for one in lost[:NAMED])
    more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    runs = "1 finished run has" if len(lost) == 1 else f"{len(lost)} finished runs have"
    raise StudyError(
        f"{session.study.document.where(('evidence', 'also_test'))}: other images are scored by the weights of "
        f"finished runs, and {runs} none: {shown}{more}",
        hint="They were not kept (keep.weights: none), or were removed since. Remove these folders, and `ablate run` "
        "trains the runs again; or leave also_test out.",
    )


def _refuse_trained_on(
    session: Session, options: Options, name: str, opened: OpenedSet, executor: LazyExecutor, stop: Interruption
) -> None:
    """Raise DataError where a run up to the last look is fitted or chosen on an image of the set."""
    asked: dict[str, tuple[str, Suspicion, Path | None]] = {}
    for variant in session.plan.variants:
        specs = [session.plan.spec(variant, Replicate(index=r)) for r in range(session.plan.looks[-1])]
        begun_with = {key: variant.config.get(key) for key in ("data", "weights")}
        config = begun_with if is_built_in(session.study.trainer.path) else variant.config
        prepared = session.prepared.get(variant.name)
        key = files.sha256_json(
            [opened.digest, session.source, config, session.plan.protocol.identity(), len(specs), variant.stream]
            + ([prepared.digest, prepared.weights_digest] if prepared else [])
        )
        # A trainer that does not say what its data are is asked each time: they may be others by then.
        is_known = prepared is not None and prepared.digest
        memo = session.store.cache / "also_test" / f"clean-{key[:32]}.json" if is_known else None
        if memo is None or not memo.exists():
            suspicion = Suspicion(specs=specs, images=listing_of(session, opened.digest))
            asked.setdefault(key, (variant.name, suspicion, memo))
    if not asked:
        return
    task = session.task(options)
    suspicions = [one for _, one, _ in asked.values()]
    found = find_trained_on(suspicions, session.store, executor.open(), task, stop.is_to_end)
    stop.end_here()
    for (variant_name, _, memo), seen in zip(asked.values(), found, strict=True):
        if seen:
            _refuse(session, name, opened, variant_name, seen)
        if seen is not None and memo is not None:
            files.write_json(memo, {"set": name})


def _refuse(
    session: Session, name: str, opened: OpenedSet, variant: str, seen: Sequence[tuple[str, str, tuple[int, ...]]]
) -> None:
    shown = "; ".join(
        f"{here} is {there!r}, by replicate{'' if len(which) == 1 else 's'} {', '.join(map(str, which))}"
        for here, there, which in seen[:NAMED]
    )
    more = f"; and {len(seen) - NAMED} more" if len(seen) > NAMED else ""
    verb = "image is" if len(seen) == 1 else "images are"
    raise DataError(
        f"{where(session, name)}: {len(seen)} of {opened.images} {verb} among those that runs of {variant} are trained "
        f"or validated on: {shown}{more}",
        hint="A network knows these by heart. Take them out of the set; altered copies of the study's own images are "
        "asked for by copies: true, and each run is then scored on those of its own test images.",
    )


# --- what a report says of them ------------------------------------------------------------------


def set_findings(session: Session, options: Options, cells: Sequence[Cell], findings: Findings) -> tuple[OtherSet, ...]:
    """Each other test set, judged by what is on disk; needs neither torch nor the images."""
    from ablate.report.facts.findings import OtherSet
    from ablate.report.facts.other_sets import SetFacts

    folder = session.store.study(session.study.name)
    opened, ledger = read_opened(folder), read_shown(folder)
    wanted = sum(isinstance(cell.result, Finished) for cell in cells)
    found = []
    for name in other_sets(session.study):
        one = opened.get(name)
        if one is None or one.asked != asked_of(session, name):
            found.append(OtherSet(SetFacts(name=name, wanted=wanted, is_changed_in_file=one is not None)))
        else:
            found.append(_judged(session, options, cells, findings, name, one, ledger.get(name)))
    return tuple(found)


def _judged(  # noqa: PLR0913 - a study's runs, a set, and what is known of both
    session: Session,
    options: Options,
    cells: Sequence[Cell],
    findings: Findings,
    name: str,
    opened: OpenedSet,
    shown: Shown | None,
) -> OtherSet:
    from ablate.report.facts.other_sets import SetFacts
    from ablate.report.facts.robustness import EarlierUse
    from ablate.report.gather.other_sets import judged_set

    there: list[Cell] = []
    alike, reasons = 0, []
    for cell in cells:
        told = read_answers(cell.result, opened.digest) if isinstance(cell.result, Finished) else None
        if told is not None:
            alike = max(alike, told.alike)
        elif isinstance(cell.result, Finished):
            reasons.append(failure_of(cell.result, opened.digest))
        there.append(on_set(cell, told))
    uses = set_uses(session.store, session.study.name, name, opened.content)
    facts = SetFacts(
        name=name,
        digest=opened.digest,
        content=opened.content,
        counts=opened.counts,
        groups=opened.groups,
        left_out=opened.left_out,
        copies=opened.copies,
        alike=alike,
        notes=opened.notes,
        reason=next(filter(None, reasons), ""),
        earlier=tuple(EarlierUse(*use) for use in uses),
        is_other_now=shown is not None and shown.digests[0] != opened.digest,
        times=0 if shown is None else len({*shown.digests, opened.digest}),
        is_checked=opened.copies or session.study.trainer.trained_on is not None,
    )
    before = looks_before(session.store.study(session.study.name), session.plan)
    study, plan = session.study, session.plan
    return judged_set(study, plan, cells, there, facts, findings, look=options.look, looks_before=before)


def on_set(cell: Cell, told: OtherAnswers | None) -> Cell:
    """A finished run as tested on the set, or as one to come where it has no answers; another stays as it ended."""
    if not isinstance(cell.result, Finished):
        return replace(cell, groups=None)
    return replace(cell, result=None if told is None else told.result, groups=None)


def remember_sets(findings: Findings, session: Session) -> None:
    """Note in the ledger on which images of each set verdicts were shown."""
    judged = {
        one.facts.name: Showing(
            one.facts.digest,
            one.facts.content,
            len(one.findings.families),
            [Use(*use) for use in one.facts.earlier],
        )
        for one in findings.other_sets
        if one.findings is not None and one.is_judged
    }
    if judged:
        remember_shown(session.store.study(session.study.name), judged)
