"""Files added to a run in MLflow after it has ended."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ablate.track.client import open_client
from ablate.track.entities import SUPERSEDED
from ablate.track.environment import with_patience
from ablate.track.local_artifacts import add_locally, local_folder, plain_copy
from ablate.track.places import refuse_place
from ablate.track.refusals import refusal_of
from ablate.track.uri import check_uri, sqlite_path


def add_folder(uri: str, tags: dict[str, str], folder: Path, name: str) -> bool:
    """Copy a folder's files below `name` among the artifacts of the newest run with these tags.

    False where MLflow knows no such run. Raises TrackingError for a URI that cannot work.
    """
    check_uri(uri)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        return False
    try:
        place = "" if path is None else _place_in_sqlite(path, tags)
        if place and (artifacts := local_folder(place)) is not None:
            refuse_place(place, uri)
            add_locally(folder, artifacts / name)
            return True
        return _add_folder(uri, tags, folder, name)
    except Exception as error:
        refusal = refusal_of(error, uri, wanted="write")
        if refusal is None:
            raise
        raise refusal from error


def _place_in_sqlite(path: Path, tags: dict[str, str]) -> str:
    """Where the artifacts of the newest run with these tags are, asked of the database: MLflow's import takes seconds.

    Empty where there is no such run, or where the tables are others than we know.
    """
    fingerprint = ("ablate.fingerprint", tags["ablate.fingerprint"])
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            runs = connection.execute(
                "SELECT run_uuid, artifact_uri FROM runs JOIN tags USING (run_uuid) "
                "WHERE lifecycle_stage = 'active' AND tags.key = ? AND tags.value = ? ORDER BY start_time DESC",
                fingerprint,
            ).fetchall()
            for run, place in runs:
                found = dict(connection.execute("SELECT key, value FROM tags WHERE run_uuid = ?", (run,)))
                if SUPERSEDED not in found and all(found.get(key) == value for key, value in tags.items()):
                    return str(place)
    except sqlite3.Error:
        pass
    return ""


def _add_folder(uri: str, tags: dict[str, str], folder: Path, name: str) -> bool:
    client = open_client(uri)
    experiments = [found.experiment_id for found in client.search_experiments()]
    # Free text is compared here: MLflow's filters cannot quote every name.
    condition = f"tags.`ablate.fingerprint` = '{tags['ablate.fingerprint']}'"
    runs = client.search_runs(experiments, condition, order_by=["attributes.start_time DESC"])
    fitting = [run for run in runs if all(run.data.tags.get(key) == value for key, value in tags.items())]
    current = [run for run in fitting if SUPERSEDED not in run.data.tags]
    if not current:
        return False
    refuse_place(str(current[0].info.artifact_uri), uri)
    with with_patience(), plain_copy(folder) as plain:
        client.log_artifacts(current[0].info.run_id, plain, name)
    return True
