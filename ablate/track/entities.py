"""What events become in a tracking store: plain records, with no store in sight."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from ablate.protocols import RunLabel, StudyCard
from ablate.records import Event, Failed, Finished
from ablate.safety.plain_files import is_plain
from ablate.store.journal import result_of
from ablate.track.tables import outcome_tables

Value = TypeVar("Value")
Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]

CURSOR = "work/epoch"
"""A metric whose value is the last epoch stored; it is written with the epoch's own metrics, in one
step, which a tag would not be (and a tag costs 3 ms more)."""
FORMER_CURSOR = "progress/epoch"
"""Its name in stores that were begun by an earlier version."""

FAILURE = "ablate.failure"
ATTEMPTS = "ablate.attempts"
SUPERSEDED = "ablate.superseded"
RECORDED = "ablate.record"
"""sha256 of the artifact that `ablate pull` puts a run back from."""
GIVEN = "ablate.given"
"""Digest of the files that a variant's run was given."""
REPORTED = "ablate.reported"
"""Step and digest of a variant's newest summary."""
SPENT = ("parameters", "train_seconds", "peak_bytes")
"""Of a run's cost what becomes a metric, below `work/`: MLflow sorts its sections by name, and a single value
must not come before the curves. All of the cost stands in the artifact `result.json`."""
TAG_LIMIT, PARAM_LIMIT, KEY_LIMIT = 8000, 6000, 250


class Point(NamedTuple):
    """One value of a metric; at: milliseconds since 1970."""

    key: str
    value: float
    at: int
    step: int


class DataSet(NamedTuple):
    """The data behind a run; digest: the full one."""

    name: str
    digest: str
    source: str


class NewRun(NamedTuple):
    """A run to create. tags hold `ablate.run_uid` and the first attempt, by which it is found again."""

    name: str
    parent: str | None
    started: int
    tags: Mapping[str, str]


class KnownRun(NamedTuple):
    """A run the store already has. described: its parameters are stored."""

    run_id: str
    status: Status
    started: int
    ended: int | None
    tags: Mapping[str, str]
    epoch: int
    described: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a run gains; writing it twice is the same as writing it once.

    texts: artifact path -> content. files: artifact path -> file. folder: copied below `report/`.
    """

    points: tuple[Point, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: DataSet | None = None
    texts: Mapping[str, bytes] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    folder: Path | None = None
    name: str | None = None
    status: Status | None = None
    ended: int | None = None


def merged(updates: Sequence[Update]) -> Update:
    """One update that does what several do in order."""
    return Update(
        points=tuple(point for update in updates for point in update.points),
        params=dict(ChainMap(*(dict(update.params) for update in reversed(updates)))),
        tags=dict(ChainMap(*(dict(update.tags) for update in reversed(updates)))),
        data=_last(update.data for update in updates),
        texts=dict(ChainMap(*(dict(update.texts) for update in reversed(updates)))),
        files=dict(ChainMap(*(dict(update.files) for update in reversed(updates)))),
        folder=_last(update.folder for update in updates),
        name=_last(update.name for update in updates),
        status=_last(update.status for update in updates),
        ended=_last(update.ended for update in updates),
    )


def _last(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in reversed(list(values)) if value is not None), None)


def milliseconds(seconds: float) -> int:
    """A journal's time as a store's timestamp."""
    return max(0, round(seconds * 1000))


def key(name: str) -> str:
    """A name every store takes as a key; names that had to change stay apart by their digest."""
    plain = posixpath.normpath(re.sub(r"[^/\w.\- ]", "_", name)).lstrip("/").replace("..", "_")
    if plain == name and len(name) <= KEY_LIMIT and name not in ("", "."):
        return name
    return f"{plain[: KEY_LIMIT - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def clipped(text: str, limit: int, tail: str = "…") -> str:
    """The text, its end replaced by `tail` where it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - len(tail)] + tail


def tags(values: Mapping[str, str]) -> dict[str, str]:
    """Tags every store takes."""
    return {key(name): clipped(value, TAG_LIMIT) for name, value in values.items()}


def metrics_at(values: Mapping[str, Any], *, at: int, step: int) -> Update:
    """Metrics at one step. What is no number becomes NaN; what is infinite becomes a tag.

    MLflow would store an infinity as 1.8e308, which a chart takes for a value.
    """
    points, infinite = [], {}
    for name, value in values.items():
        number = _number(value)
        if math.isinf(number):
            infinite[key(f"ablate.infinite.{name}")] = f"{number} at step {step}"
        else:
            points.append(Point(key(name), number, at, step))
    return Update(points=tuple(points), tags=infinite)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def described(card: StudyCard, label: RunLabel) -> Update:
    """What is known of a run before its first epoch."""
    params = dict(card.core.get(label.variant, {})) | {"replicate": str(label.replicate.index)}
    if label.replicate.stream != "main":
        params["stream"] = label.replicate.stream
    return Update(
        params={key(name): clipped(value, PARAM_LIMIT) for name, value in params.items()},
        texts={"config.json": as_json(label.spec.config)},
    )


def of_epoch(event: Event) -> Update:
    """One epoch's metrics; the cursor comes last, so that it never runs ahead of them."""
    number = int(event.data["epoch"])
    progress = {"work/epoch_seconds": event.data["seconds"]} if "seconds" in event.data else {}
    values = {**event.data.get("metrics", {}), **progress, CURSOR: number}
    return metrics_at(values, at=milliseconds(event.time), step=number)


def last_epoch(metrics: Mapping[str, float]) -> int:
    """The last epoch that a stored run shows, by either name."""
    return int(max(metrics.get(CURSOR, 0), metrics.get(FORMER_CURSOR, 0)))


def of_result(event: Event, label: RunLabel, attempt: Path, *, epoch: int) -> Update:
    """How a run ended. epoch: the last one seen, the step of a result that names none."""
    at = milliseconds(event.time)
    result = result_of(attempt, event.kind, event.data)
    if isinstance(result, Failed):
        return _of_failure(result, at)
    return _of_success(result, label, at, epoch)


def _of_failure(failed: Failed, at: int) -> Update:
    stopped = failed.reason in ("interrupted", "killed", "pruned")
    pruned = {"ablate.pruned": "true"} if failed.reason == "pruned" else {}
    return Update(
        tags=tags({FAILURE: failed.reason, "ablate.failure_message": failed.message} | pruned),
        texts={"traceback.txt": failed.traceback.encode()} if failed.traceback else {},
        status="KILLED" if stopped else "FAILED",
        ended=at,
    )


def _of_success(finished: Finished, label: RunLabel, at: int, epoch: int) -> Update:
    spent = {f"work/{name}": getattr(finished.cost, name) for name in SPENT}
    # A trial of a search is judged on validation images; its numbers must not pass for test results.
    part = "judged" if label.spec.protocol.sealed else "test"
    test = {f"{part}/{name.removeprefix('test/')}": value for name, value in finished.metrics.items()}
    stamp = {
        "ablate.source_digest": finished.stamp.source_digest,
        "ablate.data_digest": finished.stamp.data_digest,
        "ablate.test_digest": finished.test_digest,
        "ablate.device": finished.stamp.device,
        "mlflow.source.git.commit": finished.stamp.git_commit,
    }
    wanted = dict.fromkeys(finished.files.values())
    if finished.images:
        wanted[finished.images] = None
    files = {name: finished.folder / name for name in wanted if is_plain(finished.folder, name)}
    tables, tables_tag = outcome_tables(finished.folder / finished.images) if finished.images else ({}, {})
    summary = Update(
        tags=tags({name: value for name, value in stamp.items() if value} | tables_tag),
        data=_data_set(label, finished.stamp.data_digest),
        texts={**tables, "result.json": as_json(finished.to_json())},
        files=files,
        status="FINISHED",
        ended=at,
    )
    step = finished.epoch if finished.epoch is not None else epoch
    known = {name: value for name, value in spent.items() if value is not None}
    return merged([metrics_at({**test, **known}, at=at, step=step), summary])


def _data_set(label: RunLabel, digest: str) -> DataSet | None:
    if not digest:
        return None
    data = label.spec.config.get("data")
    source = data.get("source") if isinstance(data, Mapping) else None
    if not isinstance(source, Mapping):
        return DataSet("data", digest, "{}")
    name = Path(str(source.get("root") or "")).name or str(source.get("name") or "data")
    return DataSet(clipped(name, 500), digest, json.dumps(source, default=str))


def as_json(value: Any) -> bytes:
    """Readable JSON; what JSON does not know is written as its text."""
    return (json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n").encode()
