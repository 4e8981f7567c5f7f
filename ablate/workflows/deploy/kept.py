"""The record of a deployment in the work folder: what a tracker is to have of it, now or at a later `ablate sync`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ablate.deploy.opening import KINDS, files_of
from ablate.deploy.preprocessing import read_preprocessing
from ablate.deploy.records import OPEN, DeployResult, Preprocessing, Row
from ablate.files import read_json, read_sealed, sha256_file, sha256_json, write_sealed
from ablate.protocols import VariantFiles
from ablate.safety.plain_files import is_plain
from ablate.study.plan import Plan
from ablate.track.open import model_files

FOLDER = "deployed"
"""In the study's folder of the work folder, a file a variant."""
FORMAT = 1
"""Version of the record; another one is passed over, and written anew by the next deployment."""
PAGES = "deploy"
"""In the folder of a study's report, a folder a variant; in a tracker, where the artifacts of a variant begin."""


class Deployed(NamedTuple):
    """What a tracker is to show of a variant that was deployed."""

    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    given: VariantFiles


class Kept(NamedTuple):
    """Beside a row's figures: the preprocessing its file has, and its model card."""

    how: Preprocessing | None
    card: str


def keep_deployment(study: Path, variant: str, result: DeployResult, kept: Mapping[str, Kept]) -> None:
    """Write the record of a variant's newest deployment into the study's folder. kept: by the row's name."""
    nothing = Kept(None, "")
    rows = [_row_json(row, len(result.classes), *kept.get(row.name, nothing)) for row in result.rows]
    content = {"format": FORMAT, "variant": variant, "rows": rows, "runs": runs_of(result)}
    write_sealed(study / FOLDER / f"{folder_name(variant)}.json", content)


def runs_of(result: DeployResult) -> list[str]:
    """Fingerprints of the finished runs that were deployed, as far as they are known."""
    hows = [step.preprocessing for step in result.rows[0].steps] if result.rows else []
    return [how.fingerprint for how in hows if how is not None and how.fingerprint]


def current_runs(plan: Plan) -> frozenset[str]:
    """Fingerprints of all runs of a study up to its last look."""
    return frozenset(spec.fingerprint for _, spec in plan.runs(len(plan.looks)))


def read_deployments(study: Path, current: Collection[str]) -> dict[str, Deployed]:
    """Variant -> what a tracker is to show of it; of files that have changed since, the figures alone.

    current: fingerprints of the study's runs as it stands. What was deployed of others is left out.
    """
    found = {}
    for path in sorted((study / FOLDER).glob("*.json")):
        record = read_sealed(path)
        if record is not None and record.get("format") == FORMAT and _is_of(record, current):
            found[str(record["variant"])] = _deployed(record["rows"])
    return found


def _is_of(record: Mapping[str, Any], current: Collection[str]) -> bool:
    return all(run in current for run in record.get("runs", ()))


def deployments_of(report: Path, current: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The pages beside a report: (what was deployed, path from the report's folder). current: see above."""
    found = []
    for facts in sorted(report.glob(f"{PAGES}/*/deploy.json")):
        content = read_json(facts)
        if isinstance(content, dict) and "name" in content and _is_of(content, current):
            found.append((str(content["name"]), (facts.parent / "report.md").relative_to(report).as_posix()))
    return tuple(found)


def folder_name(name: str) -> str:
    """A name as a folder: itself where it is plain, else with a digest that tells it from others."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")
    return plain if plain == name else f"{plain[:60]}-{sha256_json(name)[:8]}".strip("-")


def is_file_of_its_own(row: Row) -> bool:
    """Whether a row can be given to others: a network that exists in torch alone cannot."""
    return row.step.opener == OPEN and Path(row.step.path).suffix.lower() in KINDS


def _row_json(row: Row, classes: int, how: Preprocessing | None, card: str) -> dict[str, Any]:
    """What is kept of a row. Its files are the first replicate's, by their whole paths."""
    files = files_of(row.step.path) if is_file_of_its_own(row) else []
    return {
        "name": row.name,
        "metrics": _metrics(row),
        "word": "" if row.claim is None else row.claim.word,
        "classes": classes,
        "how": None if how is None else how.to_json(),
        "card": card,
        "files": {str(path.absolute()): sha256_file(path) for path in files},
    }


def _metrics(row: Row) -> dict[str, float]:
    known = {
        "accuracy": row.mean_accuracy,
        "changed": row.changed,
        "bytes": row.bytes,
        "latency_p50_ms": None if row.single is None else 1000 * row.single.p50,
        "latency_p95_ms": None if row.single is None else 1000 * row.single.p95,
        "images_per_second": None if row.batch is None else row.batch.images_per_second,
        "load_seconds": row.load_seconds,
        "peak_bytes": row.peak_bytes,
        "speed_up": None if row.speed_up is None else row.speed_up.whole,
        "difference": None if row.claim is None else row.claim.difference,
        "parameters": row.step.parameters,
        "multiply_adds": row.step.multiply_adds,
    }
    return {name: float(value) for name, value in known.items() if value is not None}


def _deployed(rows: Sequence[Mapping[str, Any]]) -> Deployed:
    metrics: dict[str, float] = {}
    tags: dict[str, str] = {}
    names = _plain_names([str(row["name"]) for row in rows])
    texts: dict[str, bytes] = {}
    files: dict[str, Path] = {}
    for row in rows:
        name = names[str(row["name"])]
        metrics |= {f"{PAGES}/{name}/{key}": value for key, value in row["metrics"].items()}
        if row["word"]:
            tags[f"ablate.{PAGES}.{name}"] = str(row["word"]).replace("_", " ")
        mine = [Path(path) for path, digest in row["files"].items() if _is_still(Path(path), digest)]
        if mine and len(mine) == len(row["files"]):
            folder = f"{PAGES}/{name}"
            files |= {f"{folder}/{path.name}": path for path in mine}
            beside = {"card.md": str(row["card"]).encode()} | _model_of(row, mine[0].name)
            texts |= {f"{folder}/{file}": content for file, content in beside.items()}
    digest = sha256_json([row["files"] for row in rows] + [row["card"] for row in rows] + sorted(files))
    return Deployed(metrics, tags, VariantFiles(texts, files, digest))


def _plain_names(names: Sequence[str]) -> dict[str, str]:
    """Each name in letters that trackers and file systems take; two that would meet are folders' names."""
    plain = [re.sub(r"[^\w -]+", "", name, flags=re.ASCII).strip() for name in names]
    return {
        name: own if own and plain.count(own) == 1 else folder_name(name)
        for name, own in zip(names, plain, strict=True)
    }


def _is_still(path: Path, digest: str) -> bool:
    """Whether a file is what it was, and no link that somebody put in its place."""
    try:
        return is_plain(path.parent, path.name) and sha256_file(path) == digest
    except OSError:
        return False


def _model_of(row: Mapping[str, Any], file: str) -> dict[str, bytes]:
    """What makes it a model to the tracker, where the input is known; the example is an image of one grey."""
    if row["how"] is None:
        return {}
    how = read_preprocessing(row["how"], file)
    means, stds = (values or (default,) for values, default in ((how.mean, 0.0), (how.std, 1.0)))
    grey = [round((0.5 - means[k % len(means)]) / stds[k % len(stds)], 4) for k in range(how.channels)]
    return model_files(
        file,
        images=(how.channels, how.image_size, how.image_size),
        outputs=int(row["classes"]),
        example=grey,
        metadata={"ablate": f"{how.study}/{how.variant}", "ablate.row": str(row["name"]), "classes": list(how.classes)},
    )
