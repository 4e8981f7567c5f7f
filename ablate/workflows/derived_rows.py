"""Derived rows of a study: which finished runs they need, what is computed already, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ablate import files
from ablate.execute.live import Task
from ablate.harness.view_tests import ViewTest, run_view_tests
from ablate.protocols import Executor
from ablate.records import Finished
from ablate.results.survey import collect
from ablate.splits.rules import Replicate
from ablate.study.derivation import Derivation, Member
from ablate.workflows.options import Options
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.report.facts.exploratory import DerivedRow
    from ablate.report.tables.derived import DerivedRequest

Runs = dict[Member, Finished]


def compute_views(
    session: Session, options: Options, open_executor: Callable[[], Executor], is_stopped: Callable[[], bool]
) -> None:
    """Test finished runs by several views where a derived row asks for it and it was not done before."""
    runs = _finished(session, options)
    tests = [test for derivation in session.plan.derivations for test in _view_tests(session, derivation, runs)]
    if all(test.kept(session.store).exists() for test in tests) or is_stopped():
        return
    task: Task = session.task(options)
    run_view_tests(tests, session.store, open_executor(), task, is_stopped)


def derived_rows(session: Session, options: Options) -> tuple[DerivedRow, ...]:
    """Every derived row from what is on disk: runs' own outcomes and computed views. Needs no torch."""
    if not session.plan.derivations:
        return ()
    runs = _finished(session, options)
    return tuple(_row(session, options, derivation, runs) for derivation in session.plan.derivations)


def _row(session: Session, options: Options, derivation: Derivation, runs: Runs) -> DerivedRow:
    from ablate.report.tables.derived import derived_row

    reasons: list[str] = []
    groups = []
    for members in derivation.groups(session.plan.looks[options.look - 1]):
        found = [_asked(session, derivation, member, runs, reasons) for member in members]
        groups.append(None if None in found else [one for one in found if one is not None])
    if not groups:
        reasons.append(f"it takes {derivation.members} replicates")
    return derived_row(derivation, groups, session.plan.protocol.test, reasons[0] if reasons else "")


def _asked(
    session: Session, derivation: Derivation, member: Member, runs: Runs, reasons: list[str]
) -> DerivedRequest | None:
    from ablate.report.tables.derived import DerivedRequest

    run = runs.get(member)
    if run is None:
        reasons.append(f"{member.variant}, replicate {member.replicate}, has not finished")
        return None
    if run.images is None:
        reasons.append(f"{member.variant} keeps no outcomes of single images")
        return None
    plain = run.folder / run.images
    if derivation.tta is None:
        return DerivedRequest(plain, plain)
    test = _view_test(session, derivation, member, run)
    kept = test.kept(session.store)
    if not kept.exists():
        told = files.read_json(test.failure(session.store))
        if told is not None:
            reasons.append(str(told["error"]))
        return None
    return DerivedRequest(plain, kept)


def _view_tests(session: Session, derivation: Derivation, runs: Runs) -> Iterator[ViewTest]:
    if derivation.tta is None:
        return
    for member, run in runs.items():
        if member.variant in derivation.sources:
            yield _view_test(session, derivation, member, run)


def _view_test(session: Session, derivation: Derivation, member: Member, run: Finished) -> ViewTest:
    spec = session.plan.spec(session.plan.variant(member.variant), Replicate(index=member.replicate))
    return ViewTest(spec=spec, result=run, tta=derivation.tta or {})


def _finished(session: Session, options: Options) -> Runs:
    cells = collect(session.plan, session.store, session.origin, look=options.look)
    return {
        Member(cell.variant, cell.replicate.index): cell.result for cell in cells if isinstance(cell.result, Finished)
    }
