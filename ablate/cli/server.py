"""MLflow's own interface, started on the work folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ablate.addresses import without_secrets
from ablate.cli.show import note
from ablate.track.environment import quiet_environment
from ablate.track.uri import check_uri, is_server, tracking_uri


def serve_mlflow(work: Path, *, port: int, uri: str | None) -> int:
    """Run `mlflow ui` until it is stopped; its exit code."""
    store = tracking_uri(uri, work)
    check_uri(store)
    if is_server(store):
        note(f"The tracking store is a server already: open {without_secrets(store)} in a browser.")
        return 0
    quiet_environment()
    note(f"MLflow on http://127.0.0.1:{port} shows {without_secrets(store)}. Ctrl-C ends it.")
    note("Choose `Model training` at the top left: MLflow opens in its other mode.")
    command = [sys.executable, "-P", "-m", "mlflow", "ui", "--port", str(port)]
    # In the environment, which only the user sees: everybody can read a process's command line.
    environment = dict(os.environ) | {"MLFLOW_BACKEND_STORE_URI": store, "PYTHONSAFEPATH": "1"}
    try:
        return subprocess.run(command, cwd=work, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0
