"""Addresses without secrets: what is written badly shows nothing but its scheme."""

from __future__ import annotations

import pytest

from ablate.safety.addresses import is_badly_written, text_without_secrets, without_secrets

SECRET = "hunter2"

HOSTILE = [
    "postgresql://me:hunter2@host/db",
    "postgresql://me:a/hunter2@host/db",
    "postgresql://me:a@hunter2@host/db",
    "postgresql://me:a@b/hunter2@host/db",
    "postgresql://me:a@b?hunter2@host/db",
    "postgresql://me:a@b#hunter2@host/db",
    "postgresql://me:a:hunter2@host/db",
    "postgresql://me:a?hunter2@host/db",
    "postgresql://me:a#hunter2@host/db",
    "postgresql://me:a%hunter2@host/db",
    "postgresql://me:a hunter2@host/db",
    "postgresql://me:a\thunter2@host/db",
    "postgresql://me:12@34:hunter2@host",
    "postgresql://:hunter2@/db",
    "postgresql://me:hunter2@",
    "postgresql://me:hunter2",
    "postgresql://hunter2@host/db",
    "postgresql://host/db?password=hunter2",
    "postgresql://host/db?user=me&password=a/hunter2@b",
    "postgresql://host/db?sslmode=require&token=hunter2",
    "postgresql://host/db?sslpassword=hunter2",
    "postgresql://host/db?hunter2",
    "postgresql://host/db#hunter2",
    "postgresql://host/db;password=hunter2",
    "mysql+pymysql://me:a/b/hunter2@host:3306/db?charset=utf8mb4",
    "mssql+pyodbc://?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter2",
    "mssql+pyodbc:///?odbc_connect=Driver=X;PWD={hunter2}",
    "redis://:hunter2@host:6379/0",
    "unix:///tmp/socket?password=hunter2",
    "https://hunter2@host/x",
    "https://me:hunter2@host/x",
    "http://me:a/hunter2@host",
    "http://me:a?hunter2@host",
    "http://me:a#hunter2@host",
    "http://me:a@b:hunter2@host",
    "http://me:hunter2",
    "http://hunter2/x@host",
    "http://host/?token=hunter2",
    "http://host/#hunter2",
    "s3://AKIA:hunter2@bucket/x",
    "postgresql:me:hunter2@host/db",
    "postgresql:/me:hunter2@host/db",
    "me:hunter2@host/db",
    "hunter2@host",
    "hunter2@host:5432/db",
    "http://[hunter2",
    "https://hunter2]/x",
    "me:hunter2@postgresql://host/db",
    "//me:hunter2@host/db",
    "Driver=X;PWD=hunter2",
    "nonsense://me:a/hunter2@host",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_no_part_of_a_secret_is_shown(url: str) -> None:
    """Wherever the password stands and whatever signs it holds."""
    assert SECRET not in without_secrets(url)


@pytest.mark.parametrize("url", HOSTILE)
def test_what_others_say_about_an_address_is_cleaned(url: str) -> None:
    """Libraries quote the address, a part of it, or the password as they have understood it."""
    for said in (
        f"cannot open {url!r}: refused",
        f"Port could not be cast from '{SECRET}'",
        f"host {SECRET}@host away",
    ):
        assert SECRET not in text_without_secrets(said, url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:p%40ss@host/db", "postgresql://me:***@host/db"),
        ("postgresql+psycopg://me:x@host:5432/db?sslmode=require", None),
        ("postgresql://me:x@[::1]:5432/db", "postgresql://me:***@[::1]:5432/db"),
        ("https://user:word@host:8443/mlflow", "https://***@host:8443/mlflow"),
    ],
)
def test_the_rest_of_a_sound_address_stays_readable(url: str, shown: str | None) -> None:
    """Host, database and what is known to be harmless tell people which place is meant."""
    assert without_secrets(url) == (shown or url.replace(":x@", ":***@"))


@pytest.mark.parametrize(
    "plain",
    [
        "sqlite:///x.db",
        "sqlite:////data/me@lab/a b.db",
        "/data/me@lab/o:x.journal",
        "http://localhost:5000",
        "databricks",
        "databricks://profile",
        "mlruns",
        "report",
        "",
    ],
)
def test_an_address_without_secrets_stays_as_it_is(plain: str) -> None:
    """Paths may hold any sign."""
    assert without_secrets(plain) == plain


BADLY_WRITTEN = ["postgresql:me:a@host/db", "mysql:host/db", "me@host/db", "//me:a@host/db"]
CERTAIN = ["postgresql://me:a@host/db", "./me@lab/x.journal", "/data/me@lab/x.journal", "x.journal", "C:\\x.journal"]


def test_what_is_neither_path_nor_address_is_told_from_both() -> None:
    """A password that is taken for a path would become the name of a folder."""
    assert [text for text in BADLY_WRITTEN + CERTAIN if is_badly_written(text)] == BADLY_WRITTEN


def test_a_text_without_an_address_stays_as_it_is() -> None:
    """An error still says what is the matter; a line that could hold a password loses what is before its last @."""
    assert text_without_secrets("connection refused: me@lab (x/y)") == "connection refused: me@lab (x/y)"
    assert text_without_secrets("see http://host:5000/x, please") == "see http://host:5000/x, please"
    assert SECRET not in text_without_secrets(f"away: http://me:s3@{SECRET} x@host/x and more")
