"""Defaults for MLflow's environment variables: quiet, private, impatient. What a user set stays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"

DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Too long a value raises instead of losing its end without a word.
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    # Retrying is ours: a hidden second POST to runs/create would leave a duplicate run behind.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    _TIMEOUT: "10",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_PRINT_MODEL_URLS_ON_CREATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def quiet_environment() -> None:
    """Set every default that is unset; to be called before mlflow is imported."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def with_patience() -> Iterator[None]:
    """Give a file's upload two minutes where a metric gets ten seconds."""
    if os.environ.get(_TIMEOUT) != DEFAULTS[_TIMEOUT]:
        yield
        return
    os.environ[_TIMEOUT] = "120"
    try:
        yield
    finally:
        os.environ[_TIMEOUT] = DEFAULTS[_TIMEOUT]
