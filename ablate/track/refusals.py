"""A server that answers, and says no: who was refused what, and what to do. Imports mlflow inside functions only."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from ablate.errors import TrackingError
from ablate.safety.addresses import without_secrets

USER, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
_CODES = {"UNAUTHENTICATED": 401, "CUSTOMER_UNAUTHORIZED": 401, "PERMISSION_DENIED": 403}


def refusal_of(error: Exception, uri: str, *, wanted: Literal["read", "write"]) -> TrackingError | None:
    """What to tell the user where a server did not accept a name, a password or what they asked for; else None.

    wanted: what was tried. No password is in it.
    """
    status = _status(error)
    if status not in (401, 403):
        return None
    shown, name = without_secrets(uri), _name_used(uri)
    if status == 401 and name is None:
        return TrackingError(
            f"MLflow at {shown} asks for a user's name and password, and was given none (401)",
            hint=f"Set {USER} and {PASSWORD}, or write both into ~/.mlflow/credentials.",
        )
    if status == 401:
        return TrackingError(
            f"MLflow at {shown} does not accept {name} with this password (401)",
            hint=f"Check {USER} and {PASSWORD} (else ~/.mlflow/credentials counts); if they are right, the user was "
            "removed or has another password now: ask whoever keeps the server.",
        )
    if "host header" in str(error).lower():
        return TrackingError(
            f"MLflow at {shown} does not know itself by this name (403)",
            hint=f"Its --allowed-hosts needs {urlsplit(uri).netloc.rpartition('@')[2]}.",
        )
    asked = name or "a caller without a name"
    if wanted == "read":
        return TrackingError(
            f"MLflow at {shown} does not let {asked} read this (403)",
            hint="Ask whoever keeps the server for the right READ on the study's experiment.",
        )
    return TrackingError(
        f"MLflow at {shown} lets {asked} read the study's experiment, but not write to it (403)",
        hint="Ask whoever made it, or keeps the server, for the right EDIT on it, or give the study an experiment of "
        "its own: `tracking: {experiment: NAME}` in the study file.",
    )


def _status(error: Exception) -> int | None:
    code = getattr(error, "error_code", None)
    if code in _CODES:
        return _CODES[code]
    answer: Any = getattr(error, "response", None)  # of requests, where a file was sent or fetched
    status = getattr(answer, "status_code", None)
    return status if isinstance(status, int) else None


def _name_used(uri: str) -> str | None:
    """Who MLflow says we are; None where nobody was named."""
    from mlflow.utils.credentials import read_mlflow_creds

    known: Any = read_mlflow_creds
    name = known().username
    if name:
        return f"user {name!r}"
    return "the user in its address" if "@" in urlsplit(uri).netloc else None
