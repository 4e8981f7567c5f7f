"""Searching settings with Optuna: ask and tell as a Source of runs. The only module that imports optuna.

A trial is a run like any other: it has a fingerprint, a folder, a journal. What Optuna stores is
only which parameters it asked for; how a trial ended is read from the journals, so a search that was
killed tells Optuna the truth when it is started again. Trials are judged on validation images; the
test part is sealed.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError
from ablate.files import sha256_json
from ablate.overrides import flattened
from ablate.records import Event, Failed, Finished, Protocol, Replicate, RunResult, RunSpec, Variant
from ablate.settings import identity_of
from ablate.store import Store
from ablate.study.load import Study
from ablate.study.schema import RangeBlock

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

STREAM = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What is searched: dotted key -> range or choices, checked against the trainer's schema."""

    study: Study
    ranges: Mapping[str, RangeBlock | Sequence[Any]]

    def suggest(self, trial: Trial) -> dict[str, Any]:
        """One point of the space."""
        point: dict[str, Any] = {}
        for key, block in self.ranges.items():
            if not isinstance(block, RangeBlock):
                position = trial.suggest_categorical(key, range(len(block))) if _is_complex(block) else None
                point[key] = block[position] if position is not None else trial.suggest_categorical(key, list(block))
            elif isinstance(block.low, int) and isinstance(block.high, int):
                point[key] = trial.suggest_int(key, block.low, block.high, log=block.log, step=int(block.step or 1))
            else:
                point[key] = trial.suggest_float(key, block.low, block.high, log=block.log, step=block.step)
        return point

    def variant(self, name: str, point: Mapping[str, Any]) -> Variant:
        """The base with this point's values laid on it."""
        settings = self.study.resolve(point, ("search", "space"))
        return Variant(
            name=name,
            config=settings.model_dump(mode="json"),
            identity=identity_of(settings),
            changes=dict(point),
            reference=None,
        )


def _is_complex(choices: Sequence[Any]) -> bool:
    return any(isinstance(choice, (list, Mapping)) for choice in choices)


def read_space(study: Study) -> Space:
    """The study's search space; every bound and choice is tried against the trainer's schema."""
    if study.search is None:
        raise StudyError(
            f"{study.document.name}: the study has no search: block",
            hint="Add one, such as search: {space: {optimizer.lr: {low: 1e-5, high: 1e-2, log: true}}}",
        )
    space = Space(study=study, ranges=study.search.space)
    for key, block in space.ranges.items():
        for value in (block.low, block.high) if isinstance(block, RangeBlock) else block:
            space.variant("check", {key: value})
    return space


def sealed_protocol(study: Study) -> Protocol:
    """Trials are judged on validation; fold 0's test part stays unread."""
    assert study.search is not None
    return replace(study.protocol, val=study.search.val, sealed=True)


@dataclass(slots=True)
class Tried:
    """One trial that ended: its parameters and its value on validation (None: it failed)."""

    number: int
    point: Mapping[str, Any]
    value: float | None
    spec: RunSpec
    cached: bool


@dataclass(slots=True)
class OptunaSource:
    """Asks Optuna for runs and tells it how they ended.

    trials: the total, counting what earlier calls have finished.
    """

    optuna_study: optuna.Study
    space: Space
    store: Store
    trials: int
    source_digest: str
    data_digest: str
    tried: list[Tried] = field(default_factory=list)
    answered: int = 0
    """Suggestions that equalled a finished run and were answered from the records."""
    _running: dict[str, list[int]] = field(default_factory=dict)
    _points: dict[int, tuple[Mapping[str, Any], RunSpec]] = field(default_factory=dict)
    _again: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        from optuna.trial import TrialState

        for trial in self.optuna_study.get_trials(deepcopy=False):
            if trial.state == TrialState.WAITING:
                continue  # enqueued: the next ask gives it out
            point = _point_of(trial)
            if point is None:
                self._tell(trial.number, None)  # killed between ask and the first note: nothing was trained
                continue
            spec = self.spec(trial.number, point)
            self._points[trial.number] = (point, spec)
            if trial.state.is_finished():
                value = trial.value if trial.state == TrialState.COMPLETE else None
                self.tried.append(Tried(trial.number, point, value, spec, cached=True))
            else:
                self._again.append(trial.number)

    def spec(self, number: int, point: Mapping[str, Any]) -> RunSpec:
        """The run of one trial; equal points have equal runs."""
        variant = self.space.variant(name_of(number), point)
        return RunSpec(
            trainer=self.space.study.trainer.path,
            config=variant.config,
            identity=variant.identity,
            protocol=sealed_protocol(self.space.study),
            replicate=Replicate(index=0, stream=STREAM),
        )

    def take(self, free: int) -> list[RunSpec]:
        """Up to `free` runs; suggestions that equal a finished run are answered without one."""
        specs: list[RunSpec] = []
        while len(specs) < free and (self._again or self._open() > 0):
            number = self._again.pop(0) if self._again else self._ask()
            _, spec = self._points[number]
            finished = self._finished(spec)
            if finished is not None:
                self.answered += 1
                self._settle(number, self._value(finished), cached=True)
            elif spec.fingerprint in self._running:
                self._running[spec.fingerprint].append(number)
            else:
                self._running[spec.fingerprint] = [number]
                specs.append(spec)
        return specs

    def heard(self, spec: RunSpec, news: Event | RunResult) -> bool:
        """A result settles every trial that asked for this run."""
        match news:
            case Finished():
                value: float | None = self._value(news)
            case Failed(reason="interrupted"):
                self._running.pop(spec.fingerprint, None)  # stays open: the next call goes on with it
                return True
            case Failed():
                value = None
            case _:
                return True
        for number in self._running.pop(spec.fingerprint, []):
            self._settle(number, value, cached=False)
        return True

    def done(self) -> bool:
        """True when the total is reached and nothing runs."""
        return not self._running and not self._again and self._open() <= 0

    def numbers_of(self, fingerprint: str) -> list[int]:
        """The trials that asked for this run."""
        return [number for number, (_, spec) in self._points.items() if spec.fingerprint == fingerprint]

    def point(self, number: int) -> Mapping[str, Any]:
        """What a trial asked for."""
        return self._points[number][0]

    def _open(self) -> int:
        running = sum(len(numbers) for numbers in self._running.values())
        return self.trials - len(self.tried) - running - len(self._again)

    def _ask(self) -> int:
        with _quiet():
            trial = self.optuna_study.ask()
            point = self.space.suggest(trial)
            trial.set_user_attr("point", point)
        self._points[trial.number] = (point, self.spec(trial.number, point))
        return trial.number

    def _finished(self, spec: RunSpec) -> Finished | None:
        for result in self.store.finished(spec.fingerprint):
            stamp = result.stamp
            if (stamp.source_digest, stamp.data_digest) == (self.source_digest, self.data_digest):
                return result
        return None

    def _value(self, result: Finished) -> float:
        return result.metrics[self.space.study.evidence.metric]

    def _settle(self, number: int, value: float | None, *, cached: bool) -> None:
        point, spec = self._points[number]
        self._tell(number, value)
        self.tried.append(Tried(number, point, value, spec, cached))

    def _tell(self, number: int, value: float | None) -> None:
        from optuna.trial import TrialState

        with _quiet():
            if value is None:
                self.optuna_study.tell(number, state=TrialState.FAIL)
            else:
                self.optuna_study.tell(number, value)


def name_of(number: int) -> str:
    """How a trial is called; numbers count from 0, as Optuna's do."""
    return f"trial {number:04d}"


def _point_of(trial: FrozenTrial) -> Mapping[str, Any] | None:
    point = trial.user_attrs.get("point")
    return point if isinstance(point, Mapping) else None


def open_search(study: Study, space: Space, path: Path) -> optuna.Study:
    """The Optuna study in a journal file, created where there is none.

    Raises StudyError where the file holds a search of another space, metric or base.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    _cut_torn_tail(path)
    storage = JournalStorage(JournalFileBackend(str(path)))
    with _quiet():
        opened = optuna.create_study(
            study_name=study.name,
            storage=storage,
            direction="maximize" if study.trainer.metrics[study.evidence.metric] == "max" else "minimize",
            load_if_exists=True,
        )
        # Seeded by how far the search is, so that one that goes on does not ask the same again.
        seed = Replicate(index=0, stream=STREAM).seed("sampler", len(opened.trials)) % 2**32
        opened.sampler = optuna.samplers.TPESampler(seed=seed)
    asked = _what_is_asked(study, space)
    digest = sha256_json(asked)
    stored = opened.user_attrs.get("asked")
    if stored is None:
        opened.set_user_attr("asked", digest)
        opened.set_user_attr("asked_in_full", asked)
        baseline = _baseline_point(study, space)
        if baseline is not None:  # first, so that every search says what it gained over its base
            opened.enqueue_trial(baseline)
    elif stored != digest:
        before = opened.user_attrs.get("asked_in_full", {})
        changed = [key for key in asked if asked[key] != before.get(key)]
        raise StudyError(
            f"the search {study.name!r} was begun with another {' and '.join(changed) or 'question'}",
            hint=f"Undo the change, or remove {path} to begin anew (its runs stay and are answered from the records).",
        )
    return opened


def _baseline_point(study: Study, space: Space) -> dict[str, Any] | None:
    """The base's own values of the searched keys; None where one of them lies outside the space."""
    config = flattened(study.resolve({}, ("base",)).model_dump(mode="json"))
    point = {}
    for key, block in space.ranges.items():
        value = config.get(key)
        if isinstance(block, RangeBlock):
            if not isinstance(value, (int, float)) or not block.low <= value <= block.high:
                return None
        elif value not in block or _is_complex(block):
            return None
        point[key] = value
    return point


def _what_is_asked(study: Study, space: Space) -> dict[str, Any]:
    ranges = {
        key: block.model_dump(mode="json") if isinstance(block, RangeBlock) else list(block)
        for key, block in space.ranges.items()
    }
    base = identity_of(study.resolve({}, ("base",)))
    protocol = sealed_protocol(study).identity()
    return {"space": ranges, "base": base, "metric": study.evidence.metric, "protocol": protocol}


def importances(optuna_study: optuna.Study) -> dict[str, float]:
    """Share of the variance over the trials that each parameter explains (fANOVA; Hutter et al. 2014).

    Empty below four finished trials, or where all of them came out alike.
    """
    import optuna
    from optuna.trial import TrialState

    complete = optuna_study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len(complete) < 4 or len({trial.value for trial in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    with _quiet():
        found = optuna.importance.get_param_importances(optuna_study, evaluator=evaluator)
    return {name: float(share) for name, share in found.items()}


def _cut_torn_tail(path: Path) -> None:
    """A line that a killed process left half written would poison Optuna's file at the next append."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as stream:
            stream.truncate(whole)


def _quiet() -> warnings.catch_warnings[None]:
    """Optuna marks as experimental what has been stable for years; not news to a user."""
    return warnings.catch_warnings(action="ignore")
