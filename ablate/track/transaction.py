"""What is written to a database of our own in one go, as one transaction.

MLflow opens a session, sets it up and commits for every group of values: a dozen times a run, each with
a wait for the disk. Here all that one call writes shares one session. It is MLflow's own code that
writes; where its inside looks different from what is expected, it does so in its own way.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class _Disturbed(Exception):
    """The shared session was to be rolled back in the middle, which would take earlier writes along."""


def make_safe(path: Path) -> None:
    """Have everything that was written to the database on the disk when this returns, where nobody holds it up."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(_opened(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _opened(path: Path) -> sqlite3.Connection:
    # Never created: a database that is gone would seem to be there again, without tables.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=5)


class Transactions:
    """Runs calls of an MlflowClient over a database, each in one transaction.

    client: an MlflowClient. All clients of one address share what is below it, so that only calls of the thread
    that is in a transaction take part in it. A call has to be such that it can be repeated.
    """

    def __init__(self, client: Any) -> None:
        store: Any = getattr(getattr(client, "_tracking_client", None), "store", None)
        self._plain: Any = getattr(store, "ManagedSessionMaker", None)
        self._here = threading.local()
        if callable(self._plain):
            store.ManagedSessionMaker = self._session

    def call(self, act: Callable[[], Result]) -> Result:
        """What `act` returns; what it wrote is stored as a whole. Where that fails it is done again, step by step."""
        if not callable(self._plain):
            return act()
        try:
            with self._plain(read_only=False) as session, self._sharing(session):
                # What a power cut takes of the last transactions is in the journals; `make_safe` comes at the end.
                session.connection().exec_driver_sql("PRAGMA synchronous = NORMAL")
                return act()
        except Exception as error:  # noqa: BLE001 - the second try raises what is really the matter
            logger.debug("not in one transaction: %s", error)
        return act()

    @contextlib.contextmanager
    def _session(self, *, read_only: bool = True) -> Iterator[Any]:
        shared = getattr(self._here, "session", None)
        if shared is not None:
            yield shared
            return
        with self._plain(read_only=read_only) as session:
            yield session

    @contextlib.contextmanager
    def _sharing(self, session: Any) -> Iterator[None]:
        def disturbed() -> None:
            raise _Disturbed

        session.commit, session.rollback = session.flush, disturbed
        self._here.session = session
        try:
            yield
        finally:
            self._here.session = None
            del session.commit, session.rollback
