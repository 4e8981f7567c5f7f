"""A database that is away for a while, because it is started again: what is asked of it waits."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError

if TYPE_CHECKING:
    import optuna

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.5
_logger = logging.getLogger(__name__)


def open_database(url: str, options: Mapping[str, Any], place: str) -> optuna.storages.RDBStorage:
    """Optuna's storage, whose methods are repeated while the server does not answer.

    To open it is not repeated: a wrong URL is told at once. place: the URL for people.
    Raises StudyError, from any method, where the server stays away for PATIENCE_SECONDS.
    """
    from optuna.storages import RDBStorage

    # Those with an underscore, too: Optuna's cache, which stands before every such storage, calls some of them.
    methods = {name: method for name, method in vars(RDBStorage).items() if inspect.isfunction(method)}
    own = {name: _patient(method, place) for name, method in methods.items() if not name.startswith("__")}
    kind = type("PatientStorage", (RDBStorage,), own)
    storage: RDBStorage = kind(url, engine_kwargs=dict(options))
    return storage


def _patient(method: Callable[..., Any], place: str) -> Callable[..., Any]:
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        until: float | None = None
        while True:
            try:
                return method(*arguments, **named)
            except UpdateFinishedTrialError:
                if until is None:
                    raise
                return True  # it was told, and only the answer was lost
            except StorageInternalError as error:
                if not _is_away(error):
                    raise
                if until is None:
                    until = time.monotonic() + PATIENCE_SECONDS
                    _logger.warning("%s does not answer; waiting for it, %g s at most", place, PATIENCE_SECONDS)
                if time.monotonic() > until:
                    raise StudyError(
                        f"the search's storage {place} has not answered for {PATIENCE_SECONDS:g} s",
                        hint="What was trained is in the journals: the same command goes on from there.",
                    ) from error
            time.sleep(PAUSE_SECONDS)

    return call


def _is_away(error: BaseException) -> bool:
    """Whether it is the connection that failed, and not what was asked."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    return isinstance(error.__cause__, (OperationalError, InterfaceError))
