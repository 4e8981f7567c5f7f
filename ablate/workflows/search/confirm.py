"""Confirming a search against the winner's curse: the best settings once more, on images it never saw.

Whatever was the best of many trials looks better than it is. The top settings and the baseline are trained
again with fresh luck and tested on the part that the search had sealed. That part is read once: which
settings are confirmed is written down before the first of these runs and never changes afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.errors import DecisionNeeded, StudyError
from ablate.execute.lazy import LazyExecutor
from ablate.files import sha256_json
from ablate.harness.fixed_source import FixedSource
from ablate.harness.interruption import Interruption
from ablate.harness.progress import OnProgress, Progress
from ablate.harness.tracker_feed import study_card
from ablate.records import BASELINE, Contrast, Variant
from ablate.search import SearchQuestion, TrialRecord, freeze_confirmation, unchecked
from ablate.settings import Settings, flattened, identity_of
from ablate.splits.rules import FirstFold, Folds, Protocol, Replicate
from ablate.study.plan import Plan
from ablate.study.space.tree import Choice, Parameter, walk
from ablate.study.study import Study
from ablate.trainer import is_built_in
from ablate.workflows.notify import end_tracking, plain_summary, report_study, run_listener
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study, remember_families
from ablate.workflows.search.result import Confirmation
from ablate.workflows.session import Session, check_data_first, open_study_tracker, run_specs

if TYPE_CHECKING:
    from ablate.report.gather.assemble import Findings


STREAM = "confirm"


FAMILY, WINNER_FAMILY = "confirmation", "changes of the winner"


def confirm(  # noqa: PLR0913 - the search, what it found, and the means to run
    question: SearchQuestion,
    tried: Sequence[TrialRecord],
    session: Session,
    options: Options,
    executor: LazyExecutor,
    *,
    winner: bool,
    interruption: Interruption,
    on_progress: OnProgress,
) -> Confirmation | None:
    """Train and test what is missing of the confirmation; None where there is nothing to confirm.

    tried: the search's trials that ended. winner: also turn the winner back to the baseline, one parameter at
    a time.
    """
    top = top_settings(question, tried)
    folder = session.store.study(question.name)
    frozen = freeze_confirmation(
        folder,
        top,
        _block(question).replicates,
        winner=winner,
        run_of=lambda trial: _first_run(question, trial),
        tried=tried,
    )
    if frozen is None:
        return None
    plan, alone = confirmation_plan(question, frozen.chosen, frozen.replicates, winner=frozen.winner)
    points = [trial.point for trial in frozen.chosen]
    later = tuple(trial.name for trial in top if trial.point not in points)
    confirming = Session(_study(question, plan), plan, session.work)
    confirming.store_plan()
    findings, report, delivered = _run(confirming, options, executor, interruption, on_progress)
    return Confirmation(
        settings={trial.name: float(trial.value or 0.0) for trial in frozen.chosen},
        replicates=frozen.replicates,
        later=later,
        moved=frozen.moved,
        alone=alone,
        findings=findings,
        report=report,
        delivered=delivered,
    )


def _first_run(question: SearchQuestion, trial: TrialRecord) -> str:
    """Fingerprint of the run that confirms a trial first: all that a setting is, and what it is tested on."""
    plan, _ = confirmation_plan(question, [trial], 1, winner=False)
    return plan.spec(plan.variant(trial.name), Replicate(index=0, stream=STREAM)).fingerprint


def is_baseline(question: SearchQuestion, trial: TrialRecord) -> bool:
    """Whether a trial is the base as it is: nothing can be confirmed of it, it is what others are compared with."""
    if not trial.point:
        return True
    return _digest(question, trial) == sha256_json(identity_of(question.study.resolve({}, ("base",))))


def _digest(question: SearchQuestion, trial: TrialRecord) -> str:
    return sha256_json(identity_of(question.space.settings(trial.point)))


def _block(question: SearchQuestion) -> Any:
    assert question.block.confirm is not None
    return question.block.confirm


def top_settings(question: SearchQuestion, tried: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The best trials by the first objective, each configuration once, the baseline not among them."""
    base = sha256_json(identity_of(question.study.resolve({}, ("base",))))
    sign = 1 if question.objectives[0].goal == "max" else -1
    finished = [trial for trial in tried if trial.value is not None and trial.point]
    seen = {base}
    top: list[TrialRecord] = []
    for trial in sorted(finished, key=lambda trial: (-sign * float(trial.value or 0.0), trial.number)):
        if len(top) == _block(question).top:
            break
        digest = _digest(question, trial)
        if digest not in seen:
            seen.add(digest)
            top.append(trial)
    return top


def confirmation_plan(
    question: SearchQuestion, chosen: Sequence[TrialRecord], replicates: int, *, winner: bool
) -> tuple[Plan, str]:
    """Each chosen setting against the baseline; with the winner's changes one by one, or why not."""
    variants = {BASELINE: _variant(BASELINE, question.study.resolve({}, ("base",)), {}, None)}
    for trial in chosen:
        overrides = question.space.overrides(trial.point)
        variants[trial.name] = _variant(trial.name, question.space.settings(trial.point), overrides, BASELINE)
    contrasts = [_contrast(trial.name, trial.name, BASELINE, FAMILY) for trial in chosen]
    alone = ""
    if winner:
        turned_back = turned_back_variants(question, chosen[0])
        alone = "" if turned_back else "the winner differs from the baseline in one parameter only"
        for name, variant in turned_back.items():
            variants[variant.name] = variant
            contrasts.append(_contrast(name, chosen[0].name, variant.name, WINNER_FAMILY))
    plan = Plan(
        study=f"{question.name}-confirm",
        trainer=question.study.trainer.path,
        protocol=_opened(question.protocol),
        variants=tuple(variants.values()),
        contrasts=tuple(contrasts),
        looks=(replicates,),
        stream=STREAM,
    )
    return plan, alone


def _opened(protocol: Protocol) -> Protocol:
    """The search's protocol with its sealed part as the test part of every replicate."""
    test = FirstFold(count=protocol.test.count) if isinstance(protocol.test, Folds) else protocol.test
    return replace(protocol, test=test, sealed=False)


def _variant(name: str, settings: Settings, changes: Mapping[str, Any], reference: str | None) -> Variant:
    config = settings.model_dump(mode="json")
    return Variant(name=name, config=config, identity=identity_of(settings), changes=dict(changes), reference=reference)


def _contrast(name: str, variant: str, reference: str, family: str) -> Contrast:
    weights = {variant: 1.0, reference: -1.0}
    return Contrast(name=name, variant=variant, reference=reference, weights=weights, family=family)


def turned_back_variants(question: SearchQuestion, winner: TrialRecord) -> dict[str, Variant]:
    """Parameter -> the winner with that parameter as the baseline has it; only those that it changes.

    A combination the trainer refuses is left out: that change cannot be judged alone.
    """
    space, study = question.space, question.study
    whole = space.settings(winner.point)
    base = study.resolve({}, ("base",))
    found: dict[str, Variant] = {}
    for parameter in walk(space.parameters):
        if parameter.name not in winner.point:
            continue
        kept = {key: value for key, value in space.overrides(winner.point).items() if not _sets(parameter, key, winner)}
        try:
            settings = study.resolve(kept, space.place)
            study.check(settings, kept, space.place)
        except StudyError:
            continue
        if identity_of(settings) in (identity_of(whole), identity_of(base)):
            continue
        name = f"{winner.name} without {parameter.name}"
        found[parameter.name] = _variant(name, settings, _difference(whole, settings), winner.name)
    return found


def _sets(parameter: Parameter, key: str, winner: TrialRecord) -> bool:
    """Whether a parameter is what sets a key in the winner, or opens the space in which it is set."""
    if isinstance(parameter, Choice):
        option = parameter.option(winner.point[parameter.name])
        return key in option.overrides or any(_sets(inner, key, winner) for inner in option.space)
    return key == parameter.key


def _difference(before: Settings, after: Settings) -> dict[str, Any]:
    old, new = (flattened(settings.model_dump(mode="json")) for settings in (before, after))
    return {key: value for key, value in new.items() if old.get(key) != value}


def _study(question: SearchQuestion, plan: Plan) -> Study:
    evidence = question.study.evidence.model_copy(
        update={"replicates": list(plan.looks), "val": plan.protocol.val, "families": {}, "until": None}
    )
    return replace(
        question.study,
        name=plan.study,
        question="Are the best settings of the search better than the baseline on images it never saw?",
        design=None,
        own_design=None,
        factors=(),
        comparisons=(),
        published=None,
        evidence=evidence,
    )


def _run(
    session: Session, options: Options, executor: LazyExecutor, interruption: Interruption, on_progress: OnProgress
) -> tuple[Findings, Path, bool]:
    """Train what is missing, judge, write the report below the search's own; whether the tracker took it all."""
    from ablate.report.facts.next_steps import NextSteps
    from ablate.report.page.render import description_of, render_report

    options = replace(options, look=1, only=())
    check_data_first(session, options, executor, on_progress, interruption)
    found = session.survey(options)
    if found.stale and options.stale == "ask":
        raise DecisionNeeded(
            "the confirmation was made by other code or on other data than there are now",
            hint="The sealed part was read by it. Go back to that code, or start another search: --new NAME.",
        )
    tracker = open_study_tracker(session, options)
    if tracker is not None:
        tracker.begin(study_card(session.study, session.plan.variants, name=session.study.name))
        report_study(session, options, tracker)
    progress = Progress(total=len(found.to_run), cached=len(found.cached), slots=executor.slots)
    if found.to_run:
        listen = run_listener(session, tracker, (progress, on_progress), prefix="confirmation · ")
        source = FixedSource([spec for _, spec in found.to_run])
        run_specs(session, options, source, executor=executor.open(), listener=listen, interruption=interruption)
    # How to go on is the search's to say: no command repeats a confirmation.
    findings = _with_caution(replace(judge_study(session, options), next_steps=NextSteps()), session)
    of_search = session.study.name.removesuffix("-confirm")
    folder = (options.reports or session.work / "reports") / of_search / "confirmation"
    report = render_report(findings, folder)
    remember_families(findings, session)
    if tracker is None:
        return findings, report, True
    summary = plain_summary(description_of(findings), folder, failed=bool(findings.runs.failed))
    return findings, report, end_tracking(tracker, summary, interruption)


def _with_caution(findings: Findings, session: Session) -> Findings:
    """Say so where nobody knows that the search left these runs' test images alone."""
    from ablate.report.wording.language import ENGLISH

    specs = [spec for _, spec in session.plan.runs(1)]
    if is_built_in(session.plan.trainer) or not unchecked(specs, session.store):
        return findings
    cautions = (*findings.notices.cautions, ENGLISH("caution.own_split"))
    return replace(findings, notices=replace(findings.notices, cautions=cautions))
