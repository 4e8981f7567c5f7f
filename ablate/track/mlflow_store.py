"""Studies in MLflow: live, from one thread, by the plain client; never in the way of training.

The only module that imports mlflow, and only inside functions: the import takes two seconds.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import posixpath
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from ablate.errors import TrackingError, refuse_uninstalled
from ablate.protocols import RunLabel, StudyCard, StudySummary
from ablate.records import Event
from ablate.safety.addresses import text_without_secrets, without_secrets
from ablate.track.courier import TrackerQueue
from ablate.track.entities import ATTEMPTS, DataSet, KnownRun, NewRun, Status, Update, last_epoch
from ablate.track.environment import quiet_environment, with_patience
from ablate.track.experiments import experiment_called, experiment_tags, search_runs, server_version, slug
from ablate.track.local_artifacts import copy_plain, is_artifact, local_folder, plain_copy, write_locally
from ablate.track.places import refuse_place
from ablate.track.projection import StoreLost
from ablate.track.refusals import refusal_of
from ablate.track.saved_views import first_page
from ablate.track.sqlite_store import build_store, create_store, file_identity
from ablate.track.transaction import Transactions, make_safe
from ablate.track.uri import check_uri, is_server, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

ARTIFACTS = "mlartifacts"
"""The folder in the work folder where runs keep their files, beside the sqlite store."""
LARGEST_UPLOAD = 100_000_000
"""Bytes of a file that is sent to a server; of a larger one only the path is."""
_HOPELESS = (
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "MALFORMED_REQUEST",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
)
_DIGEST_LIMIT = 36


class MlflowTracker:
    """Shows studies in MLflow while they run.

    work: where `mlartifacts` lies when no server decides about artifacts; artifact_root replaces it.
    Raises TrackingError for a URI that cannot work, NotInstalled where mlflow is missing. Afterwards nothing raises
    and only `end` waits.
    """

    def __init__(self, uri: str, work: Path, *, artifact_root: str | None = None) -> None:
        check_uri(uri)
        refuse_uninstalled("mlflow", instead="A study runs without MLflow by --no-tracking.")
        self._path = path = sqlite_path(uri)
        self.uri = uri if path is None else f"sqlite:///{path}"
        root = None if is_server(uri) else artifact_root or str((work / ARTIFACTS).absolute())
        self._sink: MlflowSink | None = None

        def connect() -> MlflowSink:
            if self._sink is not None:
                self._sink.close()
            self._sink = MlflowSink(self.uri, root)
            return self._sink

        self._courier = TrackerQueue(
            connect,
            is_hopeless=_is_hopeless,
            store=without_secrets(self.uri),
            clean=lambda text: text_without_secrets(text, self.uri),
            refusal=self._refusal_of,
        )

    def begin(self, study: StudyCard) -> None:
        """The study is about to run."""
        quiet_environment()
        self._courier.begin(study)

    def hear(self, label: RunLabel, attempt: Path, event: Event) -> None:
        """One event of one run."""
        self._courier.hear(label, attempt, event)

    def _refusal_of(self, error: Exception) -> str:
        refusal = refusal_of(error, self.uri, wanted="write") if is_server(self.uri) else None
        return "" if refusal is None else str(refusal)

    def refusal(self) -> str:
        """Why the server takes nothing: a wrong password, or no right to write."""
        return self._courier.refusal

    def end(self, summary: StudySummary, *, timeout: float, at_most: float | None = None) -> bool:
        """The study ended. False where nothing went through for `timeout` seconds, or not everything in `at_most`."""
        is_delivered = self._courier.end(summary, timeout=timeout, at_most=at_most)
        if is_delivered and self._path is not None:
            make_safe(self._path)
        if is_delivered and self._sink is not None and not self._sink.is_there():
            logger.warning("MLflow at %s is gone; `ablate sync` fills a new one", without_secrets(self.uri))
            return False
        return is_delivered and not (self._sink is not None and self._sink.leaves_files_out)

    def page(self) -> str:
        """The study's first view on the server; empty for a database, and where the server was not reached."""
        sink = self._sink
        shown = without_secrets(self.uri).rstrip("/")
        return f"{shown}{sink.page}" if sink and sink.page and shown.startswith("http") else ""


def _is_hopeless(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException):
        return error.error_code in _HOPELESS
    return not isinstance(error, OSError)  # what requests raises are OSErrors, too


class MlflowSink:
    """Writes runs through MlflowClient; never through the fluent API, whose state is the process's."""

    def __init__(self, uri: str, artifact_root: str | None) -> None:
        from mlflow import MlflowClient

        path = sqlite_path(uri)
        if path is not None:
            create_store(path, lambda aside: build_store(aside, artifact_root or ARTIFACTS))
        self._client: MlflowClient = MlflowClient(tracking_uri=uri)
        self._path = path
        self._identity = None if path is None else file_identity(path)
        self._transactions = Transactions(self._client) if path is not None else None
        self._artifact_root = artifact_root
        self._experiment = ""
        self.page = ""
        """What a browser shows first of the study, below the server's address."""
        self._unsure: set[str] = set()
        self._places: dict[str, str] = {}
        """Run -> where its files go; empty where they must not be written."""
        self._uri = uri
        self.leaves_files_out = False

    def open(self, card: StudyCard) -> Iterable[KnownRun]:
        """The study's experiment, created where there is none, and its runs."""
        experiment = self._open_experiment(card.experiment or card.name)
        self._experiment = experiment.experiment_id
        shown_by = self._version()
        for name, value in experiment_tags(card, experiment.tags, version=shown_by).items():
            self._client.set_experiment_tag(self._experiment, name, value)
        self.page = first_page(card, self._experiment, shown_by)
        runs = self._search("ablate.study", card.name)
        return [self._known(run) for run in runs if run.data.tags.get("ablate.study") == card.name]

    def _open_experiment(self, wanted: str) -> Experiment:
        found, name = experiment_called(self._client, wanted)
        if found is not None:
            return found
        root = self._artifact_root
        place = None if root is None else f"{root.rstrip('/')}/{slug(name)}"
        return self._client.get_experiment(self._client.create_experiment(name, place))

    def _version(self) -> str:
        """Of the MLflow that shows what is stored here: a server's own, else the one that is installed."""
        return server_version(self._uri) if is_server(self._uri) else version("mlflow")

    def _search(self, tag: str, value: str) -> Iterable[Run]:
        return search_runs(self._client, self._experiment, tag, value)

    def _known(self, run: Run) -> KnownRun:
        info, tags = run.info, run.data.tags
        self._places[info.run_id] = info.artifact_uri if self._may_write(info.artifact_uri) else ""
        status: Status = info.status if info.status in get_args(Status) else "RUNNING"
        is_described = ATTEMPTS not in tags or "replicate" in run.data.params
        epoch = last_epoch(run.data.metrics)
        return KnownRun(info.run_id, status, info.start_time, info.end_time, tags, epoch, is_described)

    def create(self, run: NewRun) -> str:
        """A new run, or the one whose creation succeeded although the reply was lost."""
        with self._noticing_loss():
            return self._create(run)

    def is_there(self) -> bool:
        """Whether the database is still the one that was opened; of a server nobody knows."""
        return self._path is None or file_identity(self._path) == self._identity

    def close(self) -> None:
        """Let go of a database: MLflow keeps its connections, which go on writing to a file that was removed."""
        engine: Any = getattr(getattr(getattr(self._client, "_tracking_client", None), "store", None), "engine", None)
        if self._path is not None and engine is not None:
            engine.dispose()

    @contextlib.contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        if not self.is_there():
            raise StoreLost(f"{self._path} is not the database that was opened")
        try:
            yield
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST" or "no such table" in str(error):
                raise StoreLost(str(error)) from error
            raise

    def _create(self, run: NewRun) -> str:
        uid = run.tags["ablate.run_uid"]
        if uid in self._unsure:
            for found in self._search("ablate.run_uid", uid):
                if found.data.tags.get(ATTEMPTS) == run.tags.get(ATTEMPTS):
                    return self._known(found).run_id
        self._unsure.add(uid)
        tags = {"mlflow.user": _user(), "mlflow.source.name": "ablate", "mlflow.source.type": "LOCAL"}
        if run.parent is not None:
            tags["mlflow.parentRunId"] = run.parent
        tags |= run.tags
        created = self._at_once(lambda: self._client.create_run(self._experiment, run.started, tags, run_name=run.name))
        self._unsure.discard(uid)
        return self._known(created).run_id

    def write(self, run_id: str, update: Update) -> None:
        """The status last. Numbers first, so that a store without room for files still shows them.

        In a database of our own numbers and status are one transaction, and files come before it.
        """
        with self._noticing_loss():
            self._write(run_id, update)

    def _write(self, run_id: str, update: Update) -> None:
        if self._transactions is None:
            self._write_numbers(run_id, update)
            with with_patience():
                self._write_files(run_id, update)
            self._write_end(run_id, update)
            return
        try:
            self._write_files(run_id, update)
        except OSError:
            self._at_once(lambda: self._write_numbers(run_id, update))
            raise

        def numbers_and_end() -> None:
            self._write_numbers(run_id, update)
            self._write_end(run_id, update)

        self._at_once(numbers_and_end)

    def _write_end(self, run_id: str, update: Update) -> None:
        if update.status not in (None, "RUNNING"):
            self._client.set_terminated(run_id, update.status, end_time=update.ended)

    def _at_once(self, act: Callable[[], Result]) -> Result:
        return act() if self._transactions is None else self._transactions.call(act)

    def _write_numbers(self, run_id: str, update: Update) -> None:
        if update.name is not None or update.status == "RUNNING":
            status = "RUNNING" if update.status == "RUNNING" else None
            self._client.update_run(run_id, status=status, name=update.name)
        self._write_batch(run_id, update)
        if update.data is not None:
            self._write_data(run_id, update.data)

    def _write_batch(self, run_id: str, update: Update) -> None:
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run_id,
            metrics=[Metric(point.key, point.value, point.at, point.step) for point in update.points],
            params=[Param(name, value) for name, value in update.params.items()],
            tags=[RunTag(name, value) for name, value in update.tags.items()],
        )

    def _write_data(self, run_id: str, data: DataSet) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        # MLflow keeps 36 characters of a digest; the whole one is in the tag ablate.data_digest.
        entity = Dataset(data.name, data.digest[:_DIGEST_LIMIT], "local", data.source)
        self._client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "training")])])

    def _write_files(self, run_id: str, update: Update) -> None:
        place = self._places[run_id]
        if not place:
            return
        local = local_folder(place)
        if local is not None:
            write_locally(update, local)
            return
        if update.texts:
            with tempfile.TemporaryDirectory(prefix="ablate-") as folder:
                for name, content in update.texts.items():
                    Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                    Path(folder, name).write_bytes(content)
                self._client.log_artifacts(run_id, folder)
        for name, source in update.files.items():
            if not is_artifact(name, source):
                continue
            if source.stat().st_size > LARGEST_UPLOAD:
                self._client.log_text(run_id, f"{socket.gethostname()}:{source}\n", f"{name}.path.txt")
                continue
            # A copy, which nobody can turn into a link while it is sent.
            with tempfile.TemporaryDirectory(prefix="ablate-") as folder:
                copy_plain(source, Path(folder, source.name))
                self._client.log_artifact(run_id, str(Path(folder, source.name)), posixpath.dirname(name) or None)
        if update.folder is not None and update.folder.is_dir():
            with plain_copy(update.folder) as folder:
                self._client.log_artifacts(run_id, folder, "report")

    def _may_write(self, place: str) -> bool:
        try:
            refuse_place(place, self._uri)
        except TrackingError as error:
            if not self.leaves_files_out:
                logger.warning("Files are not stored in MLflow, only numbers: %s", error)
            self.leaves_files_out = True
            return False
        return True


def _user() -> str:
    with contextlib.suppress(Exception):  # a container's user may have no name
        return getpass.getuser()
    return "unknown"
