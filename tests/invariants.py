"""What must hold in a work folder after any fault, once the command has been called again.

I1 each cell has exactly one result that counts, or says why it has none. I2 an interrupted run ends like one
that was not. I3 no file is half written. I4 telling the tracker again changes nothing. I5 the report counts
results alone. I6 nothing was written elsewhere. I7 the exit code says whether all is there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ablate.files import read_sealed, sha256_file
from ablate.harness.tracker_feed import study_card
from ablate.records import Finished
from ablate.results.survey import collect
from ablate.store.journal import NAME, read_events, read_history, read_result
from ablate.store.work_folder import SPEC
from ablate.track.memory import MemoryTracker
from ablate.workflows.notify import report_study
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study
from ablate.workflows.session import Session, resolved_options


class End(NamedTuple):
    """What of a run must not depend on faults."""

    metrics: Mapping[str, float]
    epoch: int | None
    history: tuple[Any, ...]
    scores: str


def ends_of(session: Session) -> dict[str, End]:
    """Fingerprint -> how the run ended; finished runs only."""
    ends = {}
    for _, spec in session.plan.runs():
        for run in session.store.finished(spec.fingerprint)[:1]:
            history = tuple((event.data["epoch"], event.data["metrics"]) for event in read_history(run.folder))
            scores = "" if run.images is None else sha256_file(run.folder / run.images)
            ends[spec.fingerprint] = End(run.metrics, run.epoch, history, scores)
    return ends


def check(session: Session, *, reference: Mapping[str, End], exit_code: int, outside: Path) -> None:
    """All seven. reference: how the runs end where no fault came. outside: a folder that must stay empty."""
    each_cell_has_one_result_or_a_reason(session)
    interrupted_runs_end_like_others(session, reference)
    no_file_is_half_written(session)
    telling_again_changes_nothing(session)
    the_report_counts_results_alone(session)
    assert list(outside.iterdir()) == [], "I6"
    missing = len(list(session.plan.runs())) - len(ends_of(session))
    assert (exit_code == 0) == (missing == 0), f"I7: exit code {exit_code}, {missing} runs missing"


def each_cell_has_one_result_or_a_reason(session: Session) -> None:
    """I1. No attempt has two ends, and no cell two results by the same code and data."""
    for _, spec in session.plan.runs():
        for attempt in session.store.attempts(spec.fingerprint):
            kinds = [event.kind for event in read_events(attempt)[0]]
            assert kinds.count("finished") + kinds.count("failed") <= 1, f"I1: {attempt} ended twice"
        assert len(session.store.finished(spec.fingerprint)) <= 1, f"I1: two results of {spec.fingerprint}"
    for cell in collect(session.plan, session.store, session.origin):
        assert isinstance(cell.result, Finished) or cell.result is None or cell.result.message, "I1: no reason"


def interrupted_runs_end_like_others(session: Session, reference: Mapping[str, End]) -> None:
    """I2. Metrics, history and scores, bit for bit."""
    for fingerprint, end in ends_of(session).items():
        assert end == reference[fingerprint], f"I2: {fingerprint} ended differently"


def no_file_is_half_written(session: Session) -> None:
    """I3. Every JSON file parses, every checksum agrees; of a journal only the last line may be torn."""
    root = session.store.root
    assert list(root.rglob(".*.tmp-*")) == [], "I3: temporary files stay"
    for path in root.rglob("*.json"):
        if path.name == SPEC:
            assert read_sealed(path) is not None, f"I3: {path}"
        json.loads(path.read_text())
    for path in root.rglob(NAME):
        lines = path.read_bytes().split(b"\n")[:-1]
        assert len(read_events(path.parent)[0]) == len(lines), f"I3: {path}"
        result = read_result(path.parent)
        if isinstance(result, Finished):
            for name, digest in result.digests.items():
                assert sha256_file(path.parent / name) == digest, f"I3: {path.parent / name}"


def telling_again_changes_nothing(session: Session) -> None:
    """I4. What a tracker was told it may be told again."""
    tracker = MemoryTracker()
    states = []
    for _ in range(2):
        tracker.begin(study_card(session.study, session.plan.variants, name=session.study.name))
        report_study(session, resolved_options(session, Options()), tracker)
        states.append(repr(tracker.runs))
    assert states[0] == states[1], "I4"


def the_report_counts_results_alone(session: Session) -> None:
    """I5. As many runs of a variant as have finished, with finite numbers; the others are named."""
    findings = judge_study(session, resolved_options(session, Options()))
    cells = collect(session.plan, session.store, session.origin)
    for row in findings.variants:
        own = [cell.result for cell in cells if cell.variant == row.name]
        assert row.n == sum(isinstance(result, Finished) for result in own), f"I5: {row.name}"
        assert row.mean is None or math.isfinite(row.mean), f"I5: {row.name}"
    unfinished = sum(cell.result is not None and not isinstance(cell.result, Finished) for cell in cells)
    assert len(findings.runs.failed) == unfinished, "I5: failed runs"
