"""A database that is away for a while, because it is started again: what is asked of it waits."""

from __future__ import annotations

import copy
import functools
import inspect
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ablate.errors import StudyError

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.5
MARK = "ablate:created"
"""System attribute of a trial: an id of the one call that made it."""
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
    own |= {"_get_prepared_new_trial": _made_once(RDBStorage._get_prepared_new_trial)}
    own |= {"_create_new_trial": _marked(own["_create_new_trial"])}
    kind = type("PatientStorage", (RDBStorage,), own)
    storage: RDBStorage = kind(url, engine_kwargs=dict(options))
    return storage


def _marked(create: Callable[..., FrozenTrial]) -> Callable[..., FrozenTrial]:
    """Creates a trial that carries a mark, so that a second try, Optuna's own or ours, can find it."""
    from optuna.trial import TrialState, create_trial

    @functools.wraps(create)
    def call(storage: Any, study_id: int, template: FrozenTrial | None = None) -> FrozenTrial:
        if template is None:
            template = create_trial(state=TrialState.RUNNING)
            template.datetime_start = datetime.now()  # as Optuna writes it where there is no template
        template = copy.copy(template)
        template.system_attrs = template.system_attrs | {MARK: uuid.uuid4().hex}
        return create(storage, study_id, template)

    return call


def _made_once(prepare: Callable[..., Any]) -> Callable[..., Any]:
    """The trial with this mark, where it was made and only the answer was lost; else a new one."""
    from optuna.storages._rdb.models import TrialModel, TrialSystemAttributeModel

    @functools.wraps(prepare)
    def call(storage: Any, study_id: int, template: FrozenTrial, session: Any) -> Any:
        marks = session.query(TrialModel).join(TrialSystemAttributeModel).filter(TrialModel.study_id == study_id)
        mark = json.dumps(template.system_attrs[MARK])
        found = marks.filter(TrialSystemAttributeModel.key == MARK, TrialSystemAttributeModel.value_json == mark)
        return found.one_or_none() or prepare(storage, study_id, template, session)

    return call


def _patient(method: Callable[..., Any], place: str) -> Callable[..., Any]:
    from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError

    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        until: float | None = None
        while True:
            try:
                answer = method(*arguments, **named)
                if answer is False and until is not None and method.__name__ == "set_trial_state_values":
                    return True  # it was begun, and only the answer was lost: nobody else has this search
                return answer
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
                        hint="What was trained is in the journals: the same command resumes from there.",
                    ) from error
            time.sleep(PAUSE_SECONDS)

    return call


def _is_away(error: BaseException) -> bool:
    """Whether it is the connection that failed, and not what was asked."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    return isinstance(error.__cause__, (OperationalError, InterfaceError))
