"""Where Optuna keeps a search: a journal file in the work folder, or any database Optuna knows."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.errors import Held, StudyError
from ablate.files import is_running, sha256_json
from ablate.safety.addresses import text_without_secrets, without_secrets
from ablate.search.optuna_parts import make_pruner, make_sampler, quiet_optuna
from ablate.search.patience import open_database
from ablate.search.question import SearchQuestion
from ablate.search.redis_log import LogsAlone

if TYPE_CHECKING:
    import optuna

JOURNAL = "optuna.journal"
ASKED = "asked"
LEASE = "held_by"
BEAT_SECONDS = 15.0
LEASE_SECONDS = 60.0
"""A coordinator that has not been heard of for so long is taken for dead."""


@dataclass(slots=True, kw_only=True)
class OpenSearch:
    """A search in its storage. place: for people, without secrets. is_own: its journal file lies in its own folder."""

    optuna_study: optuna.Study
    place: str
    is_own: bool
    storage: Any
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Say in a shared storage that this process has the search; raises Held where a living one has it.

        The search's own journal file needs none of this: it lies in the work folder, which has a lock.
        """
        if self.is_own:
            yield
            return
        holder = self.optuna_study.user_attrs.get(LEASE)
        if isinstance(holder, Mapping) and _is_alive(holder):
            raise Held(
                f"the search {self.optuna_study.study_name!r} in {self.place} is in use by process "
                f"{holder['process']} on {holder['host']}",
                hint="Wait for it, or stop it with Ctrl-C.",
            )
        self._beat()
        thread = threading.Thread(target=self._keep_beating, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(timeout=5)
            with contextlib.suppress(Exception), quiet_optuna():
                self.optuna_study.set_user_attr(LEASE, None)

    def close(self) -> None:
        """Let go of a database's connections."""
        _close(self.storage)

    def _beat(self) -> None:
        with quiet_optuna():
            lease = {"process": os.getpid(), "host": socket.gethostname(), "at": time.time()}
            self.optuna_study.set_user_attr(LEASE, lease)

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with contextlib.suppress(Exception):  # a storage that is away for a moment; the trials notice a longer one
                self._beat()


def _is_alive(holder: Mapping[str, Any]) -> bool:
    if holder.get("host") == socket.gethostname():
        if holder.get("process") == os.getpid():
            return False
        if not is_running(int(holder["process"])):
            return False
    return time.time() - float(holder.get("at", 0)) < LEASE_SECONDS


def open_search(question: SearchQuestion, folder: Path, url: str | None = None) -> OpenSearch:
    """The search in its storage, created where there is none, with its sampler and pruner.

    folder: the search's own, where the journal file lies unless `url` names another place.
    Raises StudyError where the storage cannot be reached, holds another study of that name, or holds this
    search with another space, objective or base.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    place = storage_words(folder, url)
    storage: Any = None
    try:
        with quiet_optuna():
            storage = _open_storage(url, folder)
            opened = optuna.create_study(
                study_name=question.name,
                storage=storage,
                directions=["maximize" if o.goal == "max" else "minimize" for o in question.objectives],
                load_if_exists=True,
            )
            _claim(opened, question, place)
            opened.sampler = make_sampler(question, len(opened.get_trials(deepcopy=False)))
            opened.pruner = make_pruner(question)
    except StudyError:
        _close(storage)
        raise
    except Exception as error:
        _close(storage)
        raise StudyError(
            f"the search's storage {place} cannot be used: {_first_line(error, url)}", hint=_remedy(error)
        ) from error
    return OpenSearch(optuna_study=opened, place=place, is_own=is_own(folder, url), storage=storage)


def is_own(folder: Path, url: str | None) -> bool:
    """Whether a storage is the journal file in the search's own folder."""
    return url is None or ("://" not in url and Path(url).resolve() == (folder / JOURNAL).resolve())


def storage_words(folder: Path, url: str | None) -> str:
    """Where a search is kept, for people: without secrets, and a file by its whole path."""
    if url is None or is_own(folder, url):
        return str(folder / JOURNAL)
    return without_secrets(url) if "://" in url else os.path.abspath(url)


def points_of(name: str, folder: Path, url: str | None = None) -> list[dict[str, Any]]:
    """The points an earlier search has finished, in their order; none where there is no such search."""
    import optuna

    if url is None and not (folder / JOURNAL).exists():
        return []
    storage = _open_storage(url, folder)
    try:
        with quiet_optuna():
            earlier = optuna.load_study(study_name=name, storage=storage)
            trials = earlier.get_trials(deepcopy=False, states=[optuna.trial.TrialState.COMPLETE])
    except KeyError:
        return []
    finally:
        _close(storage)
    return [dict(trial.params) for trial in trials]


def _close(storage: Any) -> None:
    if hasattr(storage, "engine"):
        storage.remove_session()
        storage.engine.dispose()


def _open_storage(url: str | None, folder: Path) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalRedisBackend

    if url is None or "://" not in url:
        path = folder / JOURNAL if url is None else Path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        mend_journal(path)
        return JournalStorage(JournalFileBackend(str(path)))
    if url.startswith(("redis://", "rediss://", "unix://")):
        logs: Any = LogsAlone(JournalRedisBackend(url))
        return JournalStorage(logs)
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.startswith("sqlite"):
        options["connect_args"] = {"timeout": 60}
    elif url.startswith(("postgresql", "mysql")):
        options["connect_args"] = {"connect_timeout": 10}
    return open_database(url, options, without_secrets(url))


def mend_journal(path: Path) -> None:
    """Cut off the half line of a killed writer, and take away the lock it died with.

    The next line would be appended to the half one, and from then on nobody could open the file. A lock that
    somebody living holds (a dashboard, another search in the same file) is milliseconds old; while it is held,
    the half line may be one that is being written.
    """
    from optuna.storages.journal import JournalFileSymlinkLock

    lock = path.with_name(f"{path.name}.lock")
    with contextlib.suppress(FileNotFoundError):
        if time.time() - lock.lstat().st_mtime > 2:
            lock.unlink()
    if not path.exists() or _is_whole(path):
        return
    writers = JournalFileSymlinkLock(str(path))
    writers.acquire()
    try:
        _cut_to_whole_lines(path)
    finally:
        writers.release()


def _is_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return True
        stream.seek(-1, os.SEEK_END)
        return stream.read() == b"\n"


def _cut_to_whole_lines(path: Path) -> None:
    with path.open("rb+") as stream:
        size = stream.seek(0, os.SEEK_END)
        at = size
        while at > 0:
            step = min(65536, at)
            stream.seek(at - step)
            end = stream.read(step).rfind(b"\n")
            if end >= 0:
                at = at - step + end + 1
                break
            at -= step
        if at < size:
            stream.truncate(at)


def _claim(opened: optuna.Study, question: SearchQuestion, place: str) -> None:
    """Note what is asked in a new search; refuse one that was asked otherwise."""
    import optuna

    asked = question.asked()
    stored = opened.user_attrs.get(ASKED)
    if stored is None:
        if opened.get_trials(deepcopy=False):
            raise StudyError(
                f"{place} holds another study called {question.name!r}, which is not a search of ablate",
                hint="Take another storage, or give the search another name: --new NAME.",
            )
        # The same seed suggests other points in another version.
        made_with = {"optuna": optuna.__version__, "sampler": question.block.sampler, "pruner": question.block.pruner}
        opened.set_user_attr("made_with", made_with)
        opened.set_user_attr(ASKED, asked)
        return
    if sha256_json(stored) != sha256_json(asked):
        before = question.base_before()
        told = before[1] if before is not None and stored.get("base") == before[0] else ""
        raise StudyError(
            f"the search {question.name!r} was started with other settings:\n"
            + "\n".join(_differences(stored, asked, base=told or "its settings are others"))
            + "\n",
            hint="Undo the change, or continue under a new name: --new NAME. Equal runs are not trained again.",
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "", *, base: str = "") -> list[str]:
    lines = []
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        name = f"{path}{key}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            lines += _differences(old, new, f"{name}: ")
        elif key == "base":
            lines.append(f"  base: {base}")
        else:
            lines.append(f"  {name}: {_or_nothing(old)} -> {_or_nothing(new)}")
    return lines


def _or_nothing(value: Any) -> str:
    return "(nothing)" if value is None else str(value)


def _first_line(error: Exception, url: str | None) -> str:
    """What went wrong at the root, on one line."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    text = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {text_without_secrets(text[0], url or '') if text else ''}"


def _remedy(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "Install the database's driver: `pip install 'psycopg[binary]'` for PostgreSQL."
    if isinstance(error, ValueError):  # JSONDecodeError is one
        return "A journal file that was damaged in its middle cannot be repaired: move it away, or take --new NAME."
    return "Is it written like postgresql://user:password@host/database, and can it be reached from here?"
