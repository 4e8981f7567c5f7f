"""One file from a server, which may send more than it should, or less, or for ever."""

from __future__ import annotations

import posixpath
import time
from pathlib import Path
from typing import Any

from ablate.errors import TrackingError

SECONDS = 600.0
"""A file may take so long; a hundred megabytes in that time are a slow line."""
SILENCE_SECONDS = 60
"""A server may be silent for so long."""
PIECE = 1 << 16


def download(repository: Any, name: str, target: Path, *, at_most: int) -> None:
    """Write a file of an artifact repository to `target`, looking at size and clock meanwhile.

    repository: MLflow's, for a place that was found to be allowed. Raises what MLflow and the network raise,
    TrackingError where the file is larger than `at_most` bytes or does not come to an end.
    """
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
    from mlflow.utils.request_utils import augmented_raise_for_status
    from mlflow.utils.rest_utils import http_request

    if not isinstance(repository, HttpArtifactRepository):  # a place the user has named
        repository._download_file(name, str(target))
        if target.stat().st_size > at_most:
            raise _too_large(name, at_most)
        return
    until = time.monotonic() + SECONDS
    # Not to wherever the server would send us: the credentials are its own.
    response = http_request(  # type: ignore[no-untyped-call]
        repository._host_creds,
        posixpath.join("/", name),
        "GET",
        stream=True,
        allow_redirects=False,
        timeout=SILENCE_SECONDS,
        extra_headers={"Accept-Encoding": "identity"},
    )
    try:
        augmented_raise_for_status(response)  # type: ignore[no-untyped-call]
        if response.is_redirect or response.status_code != 200:
            raise TrackingError(f"the server answers {response.status_code} where {name} should be")
        if int(response.headers.get("Content-Length") or 0) > at_most:
            raise _too_large(name, at_most)
        _copy(response.raw, target, name, at_most=at_most, until=until)
    finally:
        response.close()


def _copy(stream: Any, target: Path, name: str, *, at_most: int, until: float) -> None:
    read = getattr(stream, "read1", stream.read)  # what has come, however little: a full piece may take for ever
    size = 0
    with target.open("wb") as file:
        while piece := read(PIECE, decode_content=False):
            size += len(piece)
            if size > at_most:
                raise _too_large(name, at_most)
            if time.monotonic() > until:
                raise TrackingError(f"{name} was not downloaded within {SECONDS:g} s")
            file.write(piece)


def _too_large(name: str, at_most: int) -> TrackingError:
    return TrackingError(f"{name} is larger than the {at_most} bytes it may have")
