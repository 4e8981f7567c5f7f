"""What a tracker is told: who a run is, what its study is, and every journal event once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ablate.harness.coordinator import RunUpdate
from ablate.protocols import RunLabel, StudyCard, Tracker
from ablate.records import Config, RunSpec, Variant
from ablate.settings import flattened
from ablate.store.journal import read_events, read_history
from ablate.study.flow_style import flow, without_off
from ablate.study.small import small_notes
from ablate.study.stand_in import synthetic_notes
from ablate.study.study import Study

USUAL = ("lr", "batch_size", "epochs")
"""Settings shown for every run, by the last part of their key."""


def study_card(study: Study, variants: Iterable[Variant], *, name: str) -> StudyCard:
    """The card of a study with these variants; the first is the baseline.

    `changes` and `core` are dicts, so that a search can add its trials as it asks for them.
    """
    variants = list(variants)
    baseline = variants[0].config
    said = {"ablate.synthetic": synthetic_notes(study), "ablate.small": small_notes(study)}
    return StudyCard(
        name=name,
        experiment=study.experiment,
        question=study.question,
        config_text=Path(study.document.name).read_text(encoding="utf-8"),
        metric=study.evidence.metric,
        goal=study.goal,
        changes={variant.name: changes_text(variant.changes) for variant in variants},
        core={variant.name: core_settings(variant.config, baseline) for variant in variants},
        tags={key: " ".join(notes) for key, notes in said.items() if notes},
    )


def changes_text(changes: Mapping[str, Any]) -> str:
    """`model.norm: {name: batch}, data.train: 400`, as the study file writes it."""
    return ", ".join(f"{key}: {flow(without_off(value))}" for key, value in changes.items())


def core_settings(config: Config, baseline: Config) -> dict[str, str]:
    """The settings that differ from the baseline, and the usual ones; floats so that they read back."""
    mine, theirs = flattened(config), flattened(baseline)
    keys = [key for key in mine if mine[key] != theirs.get(key) or key.rsplit(".", 1)[-1] in USUAL]
    # A block that became null, or the other way round, is told by the keys it has now.
    keys += [key for key in theirs if key not in mine and not any(k.startswith(f"{key}.") for k in mine)]
    return {key: _text(mine.get(key)) for key in keys}


def _text(value: Any) -> str:
    return "null" if value is None else value if isinstance(value, str) else repr(value)


def report_event(tracker: Tracker, label: RunLabel, news: RunUpdate) -> None:
    """Pass a live event on."""
    if news.event is not None:
        tracker.hear(label, news.attempt, news.event)


def tell_all(tracker: Tracker, label: RunLabel, attempt: Path) -> None:
    """Everything an ended attempt's journal holds, with original times."""
    events = read_events(attempt)[0]
    by_kind = {event.kind: event for event in events}
    if "started" in by_kind:
        tracker.hear(label, attempt, by_kind["started"])
    for epoch in read_history(attempt):
        tracker.hear(label, attempt, epoch)
    for kind in ("finished", "failed"):
        if kind in by_kind:
            tracker.hear(label, attempt, by_kind[kind])


def label_of(variant: str, spec: RunSpec) -> RunLabel:
    """How the study calls a run."""
    return RunLabel(variant=variant, replicate=spec.replicate, fingerprint=spec.fingerprint, spec=spec)
