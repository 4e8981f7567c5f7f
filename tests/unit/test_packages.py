"""What deploying needs is loaded late, and quietly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ablate.deploy.packages import load_package
from ablate.errors import NotInstalled

LOADED = """
import logging, socket, sys
def refuse(*found, **ignored):
    print("SENT TO", found[:2])
    raise OSError
socket.getaddrinfo = socket.socket.connect = refuse
import ablate.deploy.packages as packages
openvino = packages.load_package("openvino")
nncf = packages.load_package("nncf")
packages.load_package("openvino").Core()
for thread in __import__("threading").enumerate():
    if thread is not __import__("threading").current_thread():
        thread.join(5)
print(logging.getLoggerClass().__module__, "openvino_telemetry" in sys.modules)
"""


def test_nothing_is_sent_and_nothing_left_behind_by_what_is_loaded(tmp_path: Path) -> None:
    """openvino and nncf would report each import to an address on the net, and keep an id in the user's home."""
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, capture_output=True, text=True, check=False, timeout=120
    )

    assert (done.stdout, done.returncode) == ("logging False\n", 0), done.stderr
    assert list(tmp_path.rglob("*openvino*")) == []


def test_a_package_that_is_not_there_names_the_extra() -> None:
    """One command installs what deploying needs."""
    with pytest.raises(NotInstalled, match=r"needs no_such_engine, .* `pip install '\.\[deploy\]'`"):
        load_package("no_such_engine.runtime")


def test_a_package_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one whose own libraries are missing."""
    (tmp_path / "broken_engine.py").write_text("import libmissing_for_sure\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(NotInstalled, match=r"broken_engine is installed, but cannot be imported: .*libmissing"):
        load_package("broken_engine")
