"""The tracker, opened: the only module of this folder that workflows and commands import from.

They know the contracts in `protocols.py`; which product keeps the runs is said here alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ablate.errors import refuse_uninstalled
from ablate.protocols import Tracker, TrackingReader
from ablate.track.environment import quiet_environment
from ablate.track.foreign import ForeignRun, read_runs, single_runs, summaries_of_others
from ablate.track.model_files import model_files
from ablate.track.saved_views import ViewPage, newest_views
from ablate.track.upgrading import upgrade_store
from ablate.track.uri import check_uri, is_server, sqlite_path, tracking_uri

__all__ = [
    "ForeignRun",
    "Interface",
    "ViewPage",
    "add_folder",
    "check_uri",
    "import_store",
    "interface_on",
    "model_files",
    "newest_views",
    "open_reader",
    "open_tracker",
    "read_runs",
    "single_runs",
    "summaries_of_others",
    "tracking_place",
    "tracking_uri",
]


class Interface(NamedTuple):
    """How the tracker's own pages are served; command: empty where a server shows them already.

    health: the path that answers once it is up. page: the path to begin at.
    """

    address: str
    command: tuple[str, ...]
    environment: dict[str, str]
    health: str
    page: str


def open_tracker(flag: str | None, work: Path) -> Tracker:
    """What shows studies while they run. Raises TrackingError for an address that cannot work."""
    from ablate.track.mlflow_store import MlflowTracker

    return MlflowTracker(tracking_uri(flag, work), work)


def import_store() -> None:
    """Import what shows studies, before there is anything to show: that takes seconds."""
    from ablate.track.client import import_mlflow

    import_mlflow()


def open_reader(uri: str) -> TrackingReader:
    """What reads studies back. Raises TrackingError for an address that cannot work."""
    from ablate.track.mlflow_reader import MlflowReader

    return MlflowReader(uri)


def add_folder(uri: str, tags: dict[str, str], folder: Path, name: str) -> bool:
    """Copy a folder's files below `name` among the artifacts of the newest run with these tags.

    False where the tracker knows no such run. Raises TrackingError for an address that cannot work.
    """
    from ablate.track import mlflow_files

    return mlflow_files.add_folder(uri, tags, folder, name)


def tracking_place(flag: str | None, work: Path) -> tuple[str, Path | None]:
    """The tracking store's address, and its file where it is one."""
    uri = tracking_uri(flag, work)
    return uri, sqlite_path(uri)


def interface_on(flag: str | None, work: Path, port: int, told: Callable[[str], None]) -> Interface:
    """How to show the store in a browser, upgraded where it is an older MLflow's; `told` hears of that first.

    Raises TrackingError for an address that cannot work.
    """
    store = tracking_uri(flag, work)
    path = sqlite_path(store)
    if path is not None:
        refuse_uninstalled("mlflow")
        upgrade_store(path, told)
    check_uri(store)
    # MLflow's other mode, for language models, shows neither metrics nor parameters.
    page = "/#/experiments?workflowType=machine_learning"
    if is_server(store):
        return Interface(store, (), {}, "/health", page)
    refuse_uninstalled("mlflow")
    # The host is said, or MLFLOW_HOST would show the runs to others.
    serve = ("ui", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    command = (sys.executable, "-P", "-W", "ignore", "-m", "mlflow", *serve)
    quiet_environment()
    # In the environment, which only the user sees: everybody can read a process's command line.
    own = {"MLFLOW_BACKEND_STORE_URI": store, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore"}
    # MLflow's web server would put the current folder, which is the work folder, first on its path.
    own["UVICORN_APP_DIR"] = os.devnull
    return Interface(store, command, dict(os.environ) | own, "/health", page)
