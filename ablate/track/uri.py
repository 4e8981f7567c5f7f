"""Tracking URIs: which one counts, and whether it can work; known without importing mlflow."""

from __future__ import annotations

import importlib.util
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ablate.errors import TrackingError
from ablate.safety.addresses import without_secrets

VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
_DRIVERS = {"postgresql": "psycopg2", "mysql": "MySQLdb", "mssql": "pyodbc"}
_PACKAGES = {"psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient", "psycopg": "'psycopg[binary]'"}
"""Driver -> what to install for it, where that is called otherwise."""
_EXAMPLES = "Use sqlite:///mlflow.db, http://HOST:5000 or postgresql://USER@HOST/NAME."


def tracking_uri(flag: str | None, work: Path) -> str:
    """The flag, else MLFLOW_TRACKING_URI, else `mlflow.db` in the work folder."""
    given = flag or os.environ.get(VARIABLE)
    if not given and "?" in str(work.resolve()):
        _refuse_path(work.resolve())
    return given or f"{_SQLITE}{work.resolve() / 'mlflow.db'}"


def is_server(uri: str) -> bool:
    """True where a server, not this process, decides where artifacts lie."""
    return uri.startswith(("http://", "https://", "databricks"))


def sqlite_path(uri: str) -> Path | None:
    """The absolute path of a sqlite store; None for other stores."""
    if not uri.startswith(_SQLITE):
        return None
    return Path(uri.removeprefix(_SQLITE).partition("?")[0]).absolute()


def check_uri(uri: str) -> None:
    """Raise TrackingError, with the remedy, where tracking to `uri` cannot work.

    A server is not asked: it may be away now and back later.
    """
    scheme = uri.partition(":")[0].partition("+")[0].lower() if ":" in uri else ""
    if scheme in ("http", "https"):
        _check_server(uri)
    elif scheme == "sqlite":
        _check_sqlite(uri)
    elif scheme in _DRIVERS:
        _check_driver(uri, scheme)
    elif scheme != "databricks" and uri != "databricks":
        _refuse(uri, scheme)


def _refuse(uri: str, scheme: str) -> None:
    if uri.startswith(":") or (scheme and scheme != "file" and len(scheme) > 1):  # one letter: a drive of Windows
        raise TrackingError(f"{without_secrets(uri)!r} is not a tracking URI MLflow knows", hint=_EXAMPLES)
    if not uri.strip():
        raise TrackingError("The tracking URI is empty", hint=_EXAMPLES)
    folder = without_secrets(urlsplit(uri).path if scheme == "file" else uri)
    raise TrackingError(
        f"{without_secrets(uri)!r} names a folder, and MLflow no longer writes to file stores",
        hint=f"Use sqlite:///mlflow.db; old runs move there with `mlflow migrate-filestore "
        f"--source {folder} --target sqlite:///mlflow.db`.",
    )


def _check_server(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        sound = bool(parts.hostname) and parts.port != 0  # reading the port validates it
    except ValueError:
        sound = False
    if not sound:
        raise TrackingError(f"{without_secrets(uri)!r} is not a server's address", hint=_EXAMPLES)


def _check_driver(uri: str, scheme: str) -> None:
    named = uri.partition(":")[0].partition("+")[2]
    driver = named or _DRIVERS[scheme]
    known = driver in {*_DRIVERS.values(), "psycopg", "pymysql"}
    if known and importlib.util.find_spec(driver) is None:
        raise TrackingError(
            f"{without_secrets(uri)!r} needs the Python package {driver}, which is not installed",
            hint=f"pip install {_PACKAGES.get(driver, driver)}",
        )


def _check_sqlite(uri: str) -> None:
    path = sqlite_path(uri)
    if path is None or str(path).endswith(":memory:") or path.is_dir():
        raise TrackingError(f"{without_secrets(uri)!r} does not name a database file", hint=_EXAMPLES)
    if unquote(str(path)) != str(path):
        _refuse_path(path)
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir() or not os.access(path if path.exists() else above, os.W_OK):
        raise TrackingError(f"{path} cannot be written", hint="Choose another place for the tracking store.")
    if path.exists() and path.stat().st_size:
        _check_schema(path, _stored_revision(path))


def has_old_schema(path: Path) -> bool:
    """Whether the database is one of an older MLflow, which can be upgraded."""
    if not path.exists() or not path.stat().st_size:
        return False
    links = _schema_links()
    found = _stored_revision(path)
    return found in links and found in links.values()


def _refuse_path(path: Path) -> None:
    raise TrackingError(
        f"MLflow cannot open a store at {path}: a URI gives %NN and ? a meaning of their own",
        hint="Rename the folder, or choose another place for the tracking store.",
    )


def _stored_revision(path: Path) -> str | None:
    """The schema revision in the file, or None where another process keeps it locked."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as connection:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            return None
        rows = []
    except sqlite3.DatabaseError as error:
        raise TrackingError(f"{path} is not a database: {error}", hint=_remedy(path)) from error
    if not rows:
        raise TrackingError(f"{path} is not a whole MLflow store", hint=_remedy(path))
    return str(rows[0][0])


def _remedy(path: Path) -> str:
    return f"Move it away (`mv {path} {path}.broken`); `ablate sync` fills a new one from the journals."


def _check_schema(path: Path, found: str | None) -> None:
    links = _schema_links()
    heads = set(links) - set(links.values())
    if found is None or len(heads) != 1 or found in heads:
        return
    if found in links:
        raise TrackingError(
            f"{path} has the schema of an older MLflow ({found})",
            hint=f"`ablate ui` upgrades it and keeps a copy; by hand: back it up, then run "
            f"`mlflow db upgrade {_SQLITE}{path}`.",
        )
    raise TrackingError(
        f"{path} was written by a newer MLflow (schema {found})",
        hint="Update it with `pip install --upgrade mlflow`, or track to another store.",
    )


def _schema_links() -> dict[str, str]:
    """Each schema revision of the installed MLflow and the one before it; empty if unknown."""
    package = importlib.util.find_spec("mlflow")  # finds, does not import
    folders = [] if package is None else list(package.submodule_search_locations or [])
    links = {}
    for folder in folders:
        for script in Path(folder, "store", "db_migrations", "versions").glob("*.py"):
            text = script.read_text(encoding="utf-8")
            revision = re.search(r"^revision\s*=\s*[\"'](\w+)[\"']", text, re.MULTILINE)
            before = re.search(r"^down_revision\s*=\s*[\"'](\w+)[\"']", text, re.MULTILINE)
            if revision:
                links[revision[1]] = before[1] if before else ""
    return links
