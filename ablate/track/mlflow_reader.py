"""Runs of a study as a tracking store keeps them, to be read back. Imports mlflow inside functions only.

The store may belong to others: what it answers is data to be checked, and no name in it becomes a path.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import AblateError, Damaged, TrackingError
from ablate.protocols import StoredRun, StoredStudy
from ablate.safety.addresses import text_without_secrets, without_secrets
from ablate.safety.plain_files import open_inside
from ablate.store.run_record import LARGEST, RECORD
from ablate.track.client import check_readable, open_client
from ablate.track.download import download
from ablate.track.entities import RECORDED
from ablate.track.experiments import experiment_called, search_runs
from ablate.track.local_artifacts import local_folder
from ablate.track.mlflow_store import LARGEST_UPLOAD
from ablate.track.places import refuse_place
from ablate.track.refusals import refusal_of

if TYPE_CHECKING:
    from mlflow.entities import Run


class MlflowReader:
    """Reads what trackers have stored in MLflow at a URI; never writes.

    Raises TrackingError for a URI that cannot work, and in every call where the store does not answer.
    """

    def __init__(self, uri: str) -> None:
        self._uri = check_readable(uri)
        self._shown = without_secrets(uri)
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # reading may be repeated
        with self._answering():
            self._client = open_client(self._uri)

    def study(self, name: str, experiment: str | None) -> StoredStudy:
        """A study with all its replicates' runs; without any where the store does not know it."""
        with self._answering():
            found, _ = experiment_called(self._client, experiment or name)
            if found is None:
                return StoredStudy(name, "", ())
            runs = list(search_runs(self._client, found.experiment_id, "ablate.study", name))
        return _study(name, [run for run in runs if run.data.tags.get("ablate.study") == name])

    def studies(self) -> list[StoredStudy]:
        """Every study in the store, by name."""
        with self._answering():
            runs: dict[str, list[Run]] = {}
            for experiment in self._client.search_experiments():
                for level in ("study", "replicate"):
                    for run in search_runs(self._client, experiment.experiment_id, "ablate.level", level):
                        runs.setdefault(run.data.tags.get("ablate.study", ""), []).append(run)
        return [_study(name, runs[name]) for name in sorted(runs)]

    def fetch(self, place: str, name: str, target: Path) -> bool:
        """Copy the artifact `name` of the run at `place` to the file `target`; False where there is none.

        Raises TrackingError for a place that is not the store's own, and Damaged for a file that is too large.
        """
        refuse_place(place, self._uri)
        from mlflow.exceptions import MlflowException
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        local = local_folder(place)
        if local is not None:
            return _copy_local(local, name, target)
        try:
            # Not download_artifacts: that asks the store for a listing, and believes the names in it.
            repository = get_artifact_repository(place, tracking_uri=self._uri)
            download(repository, name, target, at_most=LARGEST if name == RECORD else LARGEST_UPLOAD)
        except AblateError as error:
            target.unlink(missing_ok=True)
            raise Damaged(error.message) from error
        except ImportError as error:
            package = error.name or "another package"
            raise TrackingError(
                f"files at {without_secrets(place)[:200]} need the Python package {package}, which is not installed",
                hint=f"pip install {package}",
            ) from error
        except MlflowException as error:
            if "RESOURCE_DOES_NOT_EXIST" in str(error.error_code) or "404" in str(error):
                return False
            raise self._trouble(error) from error
        except OSError as error:
            response = getattr(error, "response", None)
            if response is not None and response.status_code == 404:
                return False
            raise self._trouble(error) from error
        except Exception as error:  # whatever a place's own library raises
            raise self._trouble(error) from error
        return target.is_file() and not target.is_symlink()

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except AblateError:
            raise
        except Exception as error:  # whatever a store and its driver raise
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> TrackingError:
        refusal = refusal_of(error, self._uri, wanted="read")
        if refusal is not None:
            return refusal
        reason = text_without_secrets((str(error).strip().splitlines() or [""])[0], self._uri)[:300]
        return TrackingError(
            f"MLflow at {self._shown} cannot be read: {reason}",
            hint="What has been read is safe; the same command resumes from there.",
        )


def _copy_local(folder: Path, name: str, target: Path) -> bool:
    try:
        with open_inside(folder, name) as stream:
            if name == RECORD and os.fstat(stream.fileno()).st_size > LARGEST:
                raise Damaged(f"its {RECORD} is larger than any record can be")
            with target.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
    except OSError:
        return False
    return True


def _study(name: str, runs: list[Run]) -> StoredStudy:
    tops = [run for run in runs if run.data.tags.get("ablate.level") == "study"]
    replicates = [_run(run) for run in runs if run.data.tags.get("ablate.level") == "replicate"]
    place = str(tops[0].info.artifact_uri) if tops else ""
    return StoredStudy(name, place, tuple(sorted(replicates, key=lambda run: (run.started, run.run_id))))


def _run(run: Run) -> StoredRun:
    tags = run.data.tags
    return StoredRun(
        run_id=run.info.run_id,
        fingerprint=tags.get("ablate.fingerprint", ""),
        variant=tags.get("ablate.variant", ""),
        replicate=tags.get("ablate.replicate", ""),
        finished=run.info.status == "FINISHED",
        recorded=tags.get(RECORDED, ""),
        attempts=tuple(tags.get("ablate.attempts", "").split()),
        started=run.info.start_time or 0,
        place=str(run.info.artifact_uri),
    )
