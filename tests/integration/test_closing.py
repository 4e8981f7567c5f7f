"""A study that ends when its time is over: through `run`, again and again, and in every command that reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from ablate.errors import StudyError
from ablate.harness.progress import Progress
from ablate.records import Finished
from ablate.store.closing import Closing, read_closing, write_closing
from ablate.store.work_folder import Store
from ablate.study.load import load_study
from ablate.workflows.join import join_study
from ablate.workflows.options import Options
from ablate.workflows.run import StudyRun, run_study
from ablate.workflows.short_time import ShortTime
from ablate.workflows.status import study_states
from tests.command_line import ablate

STUDY = """\
study: toy
trainer: ablate.toy:train
base: {{skill: 60.0, images: 300, seconds: {seconds}}}
chain: {{BN: {{gain: 15.0}}, Dropout: {{noise: 1.5}}}}
evidence: {{test: {{folds: 3}}, replicates: {replicates}{more}}}
"""
INLINE = Options(executor="inline", track=False)


def written(work: Path, *, until: str = "", replicates: Sequence[int] = (2, 4, 8), seconds: float = 0.0) -> Path:
    """The study file."""
    path = work / "toy.yaml"
    work.mkdir(exist_ok=True)
    more = f", until: {until}" if until else ""
    path.write_text(STUDY.format(replicates=list(replicates), more=more, seconds=seconds), encoding="utf-8")
    return path


def run(path: Path, **options: object) -> StudyRun:
    return run_study(load_study(path), work=path.parent, options=replace(INLINE, **options))  # type: ignore[arg-type]


def folder(work: Path) -> Path:
    return Store(work).study("toy")


def time_passes(work: Path) -> Closing:
    """The end comes, as if somebody had waited for it."""
    closing = read_closing(folder(work))
    assert closing is not None
    over = replace(closing, end=(datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="seconds"))
    write_closing(folder(work), over)
    return over


def train(path: Path, **runs: Iterable[int]) -> None:
    """Single replicates of single variants, as a command that was stopped had come to them."""
    for name, indices in runs.items():
        longer = load_study(path, sets=["evidence.replicates=[8]", "evidence.until=null"])
        join_study(longer, work=path.parent, options=replace(INLINE, only=(name,), replicates=tuple(indices)))


def test_a_study_is_closed_when_its_time_is_over(tmp_path: Path) -> None:
    """Nothing more is started; what is complete is judged, and the command has ended as it should."""
    path = written(tmp_path, replicates=[400], seconds=0.02)
    done = run(path, final="2s")
    closing = read_closing(folder(tmp_path))

    assert closing is not None
    assert (done.exit_code, bool(closing.closed), closing.by_option) == (0, True, True)
    assert done.trained < 1200
    assert done.findings.evidence.closed is not None
    assert done.findings.evidence.replicates == max(1, closing.replicates)


def test_a_planned_look_and_what_came_after_it_are_judged_at_the_end(tmp_path: Path) -> None:
    """The third replicate is complete, the fourth is not: three are judged, with what the first look left."""
    path = written(tmp_path, until="9h")
    first = run(path, look=1)
    settled = {e.compared.name for e in first.findings.effects if e.decision.verdict == "better"}
    train(path, baseline=(2, 3), BN=(2,), Dropout=(2,))
    time_passes(tmp_path)
    done = run(path)
    effects = {effect.compared.name: effect for effect in done.findings.effects}

    assert settled == {"BN"}
    assert (done.trained, done.exit_code) == (0, 0)
    assert done.findings.evidence.looks == (2, 3)
    assert effects["BN"].course.look == 1
    assert (effects["Dropout"].course.look, effects["Dropout"].measured.n) == (2, 3)
    assert effects["Dropout"].course.share == pytest.approx(0.9)


def test_a_study_with_an_end_goes_on_to_its_last_look_by_itself(tmp_path: Path) -> None:
    """One command uses the time there is; asked for a look, it stops there."""
    path = written(tmp_path, until="9h", replicates=[2, 3])
    done = run(path)

    assert (done.findings.evidence.look, run(path, look=1).findings.evidence.look) == (2, 1)
    assert done.findings.evidence.closed is None


def test_a_closed_study_stays_as_it_was_judged(tmp_path: Path) -> None:
    """Another call trains nothing and changes nothing, whatever others make of its runs later; asking is refused."""
    path = written(tmp_path, until="9h", replicates=[3, 6])
    train(path, baseline=range(3), BN=(0, 2), Dropout=range(3))
    run(path, look=1, only=("baseline",))
    time_passes(tmp_path)
    closed = run(path)
    train(path, baseline=range(6), BN=range(6), Dropout=range(6))
    again = run(path)

    assert (closed.trained, again.trained, again.exit_code) == (0, 0, 0)
    assert again.findings.effects == closed.findings.effects
    assert again.findings.evidence == closed.findings.evidence
    assert [cell.result is None for cell in again.cells].count(True) == 1
    assert {e.compared.name: e.measured.n for e in again.findings.effects} == {"BN": 2, "Dropout": 2}
    for asked in ({"retry_failed": True}, {"stale": "retrain"}, {"look": 3}):
        with pytest.raises(StudyError, match=r"the study ended at .*: nothing more is trained for it") as caught:
            run(path, **asked)
        assert "another name" in caught.value.hint
    with pytest.raises(StudyError, match="end has come"):
        join_study(load_study(path), work=tmp_path, options=INLINE)


def test_an_end_is_named_before_the_first_results_are_shown(tmp_path: Path) -> None:
    """Later, it could be chosen by them."""
    path = written(tmp_path)
    run(path, look=1)
    with pytest.raises(StudyError, match=r"--final: the end of a study is fixed before .* none was named"):
        run(path, final="9h")
    with pytest.raises(StudyError, match=r"toy.yaml:5: the end of a study is fixed"):
        run(written(tmp_path, until="9h"))

    assert read_closing(folder(tmp_path)) is None


def test_an_end_that_is_changed_after_results_were_shown_is_refused_and_told(tmp_path: Path) -> None:
    """`run` refuses; a report that is read says that the new one counts for nothing."""
    run(written(tmp_path, until="9h"), look=1)
    for until in ("8h", ""):
        with pytest.raises(StudyError, match="when this one's were shown, it was 20"):
            run(written(tmp_path, until=until))
    report = ablate(tmp_path, "report", "toy.yaml")

    assert "The end that this study names now is not the one" in report.output


def test_the_end_of_an_option_may_be_written_into_the_file(tmp_path: Path) -> None:
    """It is the same end: no change to a report, and from then on the file's, which may not be left out again."""
    run(written(tmp_path), final="9h", look=1)
    path = written(tmp_path, until="9h")
    report = ablate(tmp_path, "report", "toy.yaml")
    run(path, look=1)
    closing = read_closing(folder(tmp_path))

    assert "The end that this study names now" not in report.output
    assert closing is not None
    assert not closing.by_option
    with pytest.raises(StudyError, match="when this one's were shown, it was 20"):
        run(written(tmp_path))


@pytest.mark.slow
def test_an_end_may_be_moved_before_anything_was_shown(tmp_path: Path) -> None:
    """One run alone shows no difference."""
    run(written(tmp_path, until="9h"), look=1, only=("baseline",))
    moved = written(tmp_path, until="2999-01-01T00:00Z")
    run(moved, look=1, only=("baseline",))
    closing = read_closing(folder(tmp_path))
    run(written(tmp_path), look=1, only=("baseline",))

    assert closing is not None
    assert closing.end == datetime(2999, 1, 1, tzinfo=UTC).astimezone().isoformat(timespec="seconds")
    assert read_closing(folder(tmp_path)) is None


@pytest.mark.slow
def test_the_same_command_keeps_the_end_it_named(tmp_path: Path) -> None:
    """A time counts from the first run, however often it is taken up again, and by whichever command."""
    path = written(tmp_path)
    run(path, final="9h", look=1)
    first = read_closing(folder(tmp_path))
    run(path, final="9h", look=2)
    run(path, look=2)

    assert read_closing(folder(tmp_path)) == first


def test_an_end_that_leaves_fewer_than_two_replicates_is_told_before_it_comes(tmp_path: Path) -> None:
    """At the start where a run has finished before; then while the end can still be moved."""
    path = written(tmp_path, seconds=0.5, replicates=[4])
    run(path, only=("baseline",), replicates=(0,))
    told: list[Progress] = []

    def hear(progress: Progress) -> None:
        told.append(replace(progress))

    run_study(load_study(path), work=tmp_path, options=replace(INLINE, final="1s"), on_progress=hear)
    kinds = [progress.kind for progress in told]

    assert [progress.complete for progress in told if progress.kind == "short"] == [0]
    assert "ended" not in kinds[: kinds.index("short")]


def test_the_first_run_to_finish_tells_what_will_be_complete() -> None:
    """Once; two replicates or more need no word."""
    finished = SimpleNamespace(result=Finished.__new__(Finished))
    object.__setattr__(finished.result, "seconds", 60.0)
    told: list[int] = []
    for complete in (1, 2):
        short = ShortTime(
            Progress(total=4), lambda progress: told.append(progress.complete), {None: None, 60.0: complete}.get
        )
        short.begin()
        short.hear(SimpleNamespace(result=None))  # type: ignore[arg-type]  # only its result is asked for
        short.hear(finished)  # type: ignore[arg-type]
        short.hear(finished)  # type: ignore[arg-type]

    assert told == [1]


def test_an_interrupted_run_of_a_closed_study_is_not_said_to_be_taken_up_again(tmp_path: Path) -> None:
    """Nothing more is trained for it."""
    path = written(tmp_path, replicates=[40], seconds=0.3)
    run(path, final="1s")
    (state,) = study_states(tmp_path)

    assert state["closed"]
    assert not [row for row in state["details"] if "resumes" in row["text"]]


def test_an_end_that_has_passed_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    """It would close an empty study."""
    with pytest.raises(StudyError, match=r"toy.yaml:5: the study's end, 2001-01-01 .* has passed"):
        run(written(tmp_path, until="2001-01-01T00:00Z"))


def test_two_ends_are_refused(tmp_path: Path) -> None:
    """Which one counts?"""
    with pytest.raises(StudyError, match="--final: the study file names its end already"):
        run(written(tmp_path, until="9h"), final="8h")


@pytest.mark.slow
def test_a_study_that_is_done_before_its_end_is_not_closed(tmp_path: Path) -> None:
    """All planned looks were taken."""
    path = written(tmp_path, until="9h", replicates=[2])
    run(path)
    time_passes(tmp_path)
    done = run(path)

    assert done.findings.evidence.closed is None
    assert "end_passed" not in str(done.findings.notices.cautions)


def test_every_command_knows_of_the_end(tmp_path: Path) -> None:
    """`report` says that it has come, `run` closes, `status`, `plan` and `--json` tell it."""
    path = written(tmp_path, until="9h")
    run(path, look=1)
    time_passes(tmp_path)
    passed = ablate(tmp_path, "report", "toy.yaml")
    closed = ablate(tmp_path, "run", "toy.yaml", "--no-tracking")
    (state,) = study_states(tmp_path)
    plan = json.loads(ablate(tmp_path, "plan", "toy.yaml", "--json").stdout)
    told = json.loads(ablate(tmp_path, "report", "toy.yaml", "--json").stdout)

    assert "The end this study had named has come: `ablate run`" in passed.output
    assert closed.exit_code == 0
    assert "Closed for time: " in closed.output
    assert "Nothing is trained: the study was closed for time." in closed.output
    assert (state["closed"], state["waiting"], state["later"]) == (True, 0, 0)
    assert "toy: closed for time at 20" in ablate(tmp_path, "status").output
    assert (plan["to_run"], plan["ends"]["closed"]) == (0, True)
    assert told["closed"]["replicates"] == 2
    assert all(isinstance(cell.result, Finished) for cell in run(path).cells)


def test_final_needs_a_time(tmp_path: Path) -> None:
    """`--for` says when."""
    written(tmp_path)
    refused = ablate(tmp_path, "run", "toy.yaml", "--final")

    assert refused.exit_code == 2
    assert "--final: after which time does the study end?" in refused.output
