"""Where a run's files may be read from and written to: what a tracking store says of it is not simply believed.

A server names the place of every run's artifacts. Taken at its word, it could have files written anywhere on this
machine, read from anywhere, and the user's credentials sent to any host.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ablate.errors import TrackingError
from ablate.safety.addresses import without_secrets
from ablate.track.local_artifacts import local_folder
from ablate.track.uri import is_server

VARIABLE = "ABLATE_ARTIFACT_PLACES"
"""Names further places, separated by spaces: folders, or addresses such as s3://bucket/mlflow."""
_PORTS = {"http": 80, "https": 443}
_STRANGE = re.compile(r"[\\@\s\x00-\x1f\x7f]")


def refuse_place(place: str, store: str) -> None:
    """Raise TrackingError where artifacts of a store must not be looked for, or put, at a place.

    Allowed are the server itself; with a database of one's own, folders that MLflow made for a single run; and what
    the user has named in ABLATE_ARTIFACT_PLACES.
    """
    if is_allowed(place, store):
        return
    shown = without_secrets(place)[:200]
    raise TrackingError(
        f"{without_secrets(store)} says that files lie at {shown!r}, which is another place than the store itself",
        hint=f"If you trust it, name it: {VARIABLE}={_above(shown)}",
    )


def is_allowed(place: str, store: str) -> bool:
    """Whether the user has named the place, or it is the store's own."""
    try:
        folder = local_folder(place)
    except ValueError:
        return False
    if any(_is_below(place, folder, named) for named in os.environ.get(VARIABLE, "").split()):
        return True
    if folder is not None:
        return not is_server(store) and _is_of_one_run(folder)
    if _STRANGE.search(place):
        return False
    try:
        there, server = urlsplit(place), urlsplit(store)
        if store.startswith("databricks"):
            return there.scheme == "dbfs" and not there.netloc
        if not is_server(store):
            return False
        if there.scheme == "mlflow-artifacts":
            return not there.netloc or _host(there) == (server.hostname, server.port)
        return there.scheme == server.scheme and _host(there) == _host(server)
    except ValueError:
        return False


def _host(parts: SplitResult) -> tuple[str | None, int | None]:
    return parts.hostname, parts.port or _PORTS.get(parts.scheme)


def _is_of_one_run(folder: Path) -> bool:
    """MLflow's own form, ROOT/RUN/artifacts: a forged one names a new folder, not one that holds a user's files."""
    *above, run, last = folder.parts if len(folder.parts) > 2 else ("", "", "")
    return last == "artifacts" and re.fullmatch(r"[0-9a-f]{32}", run) is not None and ".." not in above


def _is_below(place: str, folder: Path | None, named: str) -> bool:
    named_folder = local_folder(named)
    if folder is not None and named_folder is not None:
        return ".." not in folder.parts and folder.resolve().is_relative_to(named_folder.resolve())
    if folder is not None or named_folder is not None or _STRANGE.search(place) or ".." in place.split("/"):
        return False
    return f"{place.rstrip('/')}/".startswith(f"{named.rstrip('/')}/")


def _above(place: str) -> str:
    """The place without the parts that are one run's own."""
    return re.sub(r"/[0-9a-f]{32}/artifacts$", "", place)
