"""MLflow's client on a store that is only read, or added to. Imports mlflow inside functions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ablate.errors import TrackingError, refuse_uninstalled
from ablate.track.environment import quiet_environment
from ablate.track.uri import check_uri, sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient


def check_readable(uri: str) -> str:
    """The address as MLflow is to be given it.

    Raises TrackingError for one that cannot work, and for a database that is not there: MLflow would make it.
    """
    check_uri(uri)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise TrackingError(f"there is no MLflow database at {path}", hint="Give its address: --tracking-uri URI.")
    refuse_uninstalled("mlflow")
    return uri if path is None else f"sqlite:///{path}"


def import_mlflow() -> None:
    """Import what writes to a store, before there is anything to write: that takes seconds."""
    quiet_environment()
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - imported for later


def open_client(uri: str) -> MlflowClient:
    """A client that tells nobody of itself."""
    quiet_environment()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)
