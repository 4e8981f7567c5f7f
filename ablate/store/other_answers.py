"""A finished run's answers to another test set, beside the run: whole, of just those images, or not there."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ablate import files
from ablate.records import Finished
from ablate.safety.plain_files import open_inside

FOLDER = "also_test"
"""In the attempt's folder, a file a set."""
FORMAT = 1
"""Version of what is kept; a higher one computes it anew."""


class OtherAnswers(NamedTuple):
    """What a run says of a set: the run as if it had been tested there. alike: how many of its ids the run knows."""

    result: Finished
    alike: int = 0


def path_of(result: Finished, digest: str) -> Path:
    """Where the answers to the set of this digest lie; by their npz's name alone one set is told from another."""
    return result.folder / FOLDER / f"{files.sha256_json([FORMAT, digest])[:32]}.npz"


def keep_answers(result: Finished, digest: str, content: bytes, told: dict[str, Any]) -> None:
    """Put the answers beside the run: first they, then the note that makes them count."""
    path = path_of(result, digest)
    files.write_bytes(path, content)
    files.write_sealed(path.with_suffix(".json"), told | {"digest": digest, "answers": _sha256(content)})


def keep_failure(result: Finished, digest: str, error: str) -> None:
    """Note why there are none; the next command tries again."""
    files.write_sealed(path_of(result, digest).with_suffix(".json"), {"digest": digest, "error": error})


def failure_of(result: Finished, digest: str) -> str:
    """Why there are none, where that is known."""
    note = files.read_sealed(path_of(result, digest).with_suffix(".json"))
    return str(note["error"]) if note is not None and "error" in note else ""


def read_answers(result: Finished, digest: str) -> OtherAnswers | None:
    """The run as if it had been tested on the set; None where it was not, or the answers are no longer whole."""
    path = path_of(result, digest)
    note = files.read_sealed(path.with_suffix(".json"))
    if note is None or note.get("digest") != digest or "metrics" not in note:
        return None
    with contextlib.suppress(OSError, ValueError):
        name = path.relative_to(result.folder).as_posix()
        with open_inside(result.folder, name) as stream:
            if files.sha256_stream(stream) != note["answers"]:
                return None
        metrics = {str(key): float(value) for key, value in note["metrics"].items()}
        tested = replace(
            result, metrics=metrics, images=name, test_digest=str(note["test_digest"]), digests={}, files={}
        )
        return OtherAnswers(tested, int(note.get("alike", 0)))
    return None


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
