"""What is said to Optuna and heard from it: points, values epoch by epoch, how trials ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

from ablate.records import Event
from ablate.search.optuna_parts import quiet_optuna, suggest
from ablate.search.question import BASELINE_TRIAL, SearchQuestion
from ablate.search.trials import State, TrialRecord
from ablate.study.space.tree import Point

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


@dataclass(slots=True, kw_only=True)
class OptunaAdapter:
    """Optuna's side of a search; the baseline, where it is outside the space, is never told."""

    optuna_study: optuna.Study
    question: SearchQuestion

    def trials(self) -> list[FrozenTrial]:
        """All there are, those that wait included."""
        return self.optuna_study.get_trials(deepcopy=False)

    def enqueue(self, points: Iterable[Point]) -> None:
        """Points to be asked first, each once."""
        with quiet_optuna():
            for point in points:
                self.optuna_study.enqueue_trial(dict(point), skip_if_exists=True)

    def enqueue_failed(self) -> int:
        """Ask once more for the points that failed and have not come to a value since; how many there are."""
        trials = self.trials()
        waiting = [trial.system_attrs.get("fixed_params") for trial in trials if trial.state.name == "WAITING"]
        told = [trial.params for trial in trials if trial.state.name in ("COMPLETE", "RUNNING", "PRUNED")] + waiting
        points: list[Point] = []
        for trial in trials:
            if trial.state.name == "FAIL" and trial.params not in (*told, *points):
                points.append(dict(trial.params))
        with quiet_optuna():
            for point in points:
                self.optuna_study.enqueue_trial(dict(point))
        return len(points)

    def ask(self) -> tuple[Any, Point]:
        """Optuna's trial, and the point it suggests."""
        with quiet_optuna():
            trial = self.optuna_study.ask()
            return trial, suggest(self.question.space, trial)

    def ask_again(self, trial: FrozenTrial) -> tuple[Any, Point]:
        """A trial of an earlier call, to go on with; what a kill kept from being asked is asked now."""
        from optuna.trial import Trial

        with quiet_optuna():
            handle = Trial(self.optuna_study, trial._trial_id)
            return handle, suggest(self.question.space, handle)

    def tell(self, tried: TrialRecord) -> None:
        """How a trial ended."""
        from optuna.trial import TrialState

        if tried.number == BASELINE_TRIAL:
            return
        single = len(self.question.objectives) == 1
        with quiet_optuna():
            if tried.cached:
                tried.handle.set_user_attr(key="cached", value=True)
            if tried.reason:
                tried.handle.set_user_attr("reason", f"{tried.state}: {tried.reason}"[:2000])
            if tried.state == "complete" and tried.values is not None:
                self.optuna_study.tell(tried.handle, list(tried.values))
            elif tried.state == "pruned" or (tried.state == "diverged" and single):
                # One that diverged is told as given up: the sampler then keeps away from where it was.
                self.optuna_study.tell(tried.handle, state=TrialState.PRUNED)
            else:
                self.optuna_study.tell(tried.handle, state=TrialState.FAIL)

    def report(self, tried: TrialRecord, values: Sequence[tuple[int, float]]) -> None:
        """Intermediate values by step; a step that Optuna has already is passed over."""
        if tried.number == BASELINE_TRIAL:
            return
        with quiet_optuna():
            for step, value in values:
                if step not in tried.reported:
                    tried.reported.add(step)
                    tried.handle.report(value, step=step)

    def report_epochs(self, tried: TrialRecord, events: Iterable[Event]) -> None:
        """The first objective's validation values; epochs that do not tell one are passed over."""
        key = f"val/{self.question.objectives[0].name}"
        told = [(int(event.data["epoch"]), event.data["metrics"].get(key)) for event in events]
        self.report(tried, [(epoch, float(value)) for epoch, value in told if value is not None])

    def gives_up(self, tried: TrialRecord) -> bool:
        """Whether the pruner would end the trial now."""
        if tried.number == BASELINE_TRIAL:
            return False
        with quiet_optuna():
            return bool(tried.handle.should_prune())


def state_of(trial: FrozenTrial) -> State:
    """How a trial of an earlier call ended."""
    told = str(trial.user_attrs.get("reason", "")).partition(": ")[0]
    states: tuple[State, ...] = get_args(State)
    for state in states:
        if state == told:
            return state
    return {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")  # type: ignore[return-value]


def covered_seconds(trials: Iterable[FrozenTrial]) -> float:
    """Seconds in which at least one of these trials ran."""
    spans = [(t.datetime_start, t.datetime_complete) for t in trials]
    total = timedelta(0)
    until: datetime | None = None
    for start, end in sorted((start, end) for start, end in spans if start is not None and end is not None):
        begin = start if until is None or start > until else until
        if end > begin:
            total += end - begin
            until = end
    return total.total_seconds()
