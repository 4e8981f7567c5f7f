"""What tests that start a Ray cluster share: a folder and a secret of their own, and nothing left behind."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contract.executor_contract import children_of_this_process, is_alive, until

TOKEN = secrets.token_hex(32)
"""One for the whole process: Ray reads it once."""


@contextmanager
def ray_environment() -> Iterator[tuple[pytest.MonkeyPatch, str]]:
    """The environment of a cluster and its folder; all processes that were started have to be gone in the end."""
    before = children_of_this_process()
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # short: the paths of sockets may not be long
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN, "RAY_TMPDIR": folder}.items():
                patch.setenv(name, value)
            patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
            patch.delenv("RAY_ADDRESS", raising=False)
            yield patch, folder
        until(lambda: not any(map(is_alive, children_of_this_process() - before)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
