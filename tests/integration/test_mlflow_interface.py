"""`ablate ui`: an address that answers, in the mode for training, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.serial,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals as Unix has them"),
]
PATIENCE = 200.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(work: Path, port: int) -> list[str]:
    program = "from ablate.cli import main; main()"
    return [sys.executable, "-c", program, "ui", "--work", str(work), "--port", str(port)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_the_interface_answers_once_its_address_is_said_and_leaves_nothing_behind(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """No process, nobody on the port, no warning of a library; nothing in the work folder is run."""
    for name in ("yaml", "http", "numpy", "email", "sqlalchemy"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\n")
    port = free_port()
    process = subprocess.Popen(
        command(tmp_path, port), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()  # nothing before it answers
        address = said.split()[-1]
        with urllib.request.urlopen(address.partition("#")[0], timeout=20) as page:
            assert page.status == 200
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _, told = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()

    assert address == f"http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning"
    assert process.returncode == code
    assert family
    assert not (tmp_path / "executed").exists()
    assert not [one for one in family if one.is_running()]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert "Warning" not in told
    assert told.rstrip().endswith("MLflow has stopped.")


def test_a_port_that_is_taken_is_refused_at_once(tmp_path: Path) -> None:
    """Before MLflow is started, and with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(command(tmp_path, port), capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert refused.returncode == 2
    assert f"--port {port}: another program is listening on it" in refused.stderr
