"""Make or upgrade the tables of runs and of users, once, while no server writes.

    python schema.py        (docker-compose.yml runs it before the server)

Runs first: MLflow takes a database that has users alone for one of its own that is damaged.
"""

from __future__ import annotations

import os

from mlflow.db import upgrade as upgrade_runs
from mlflow.server.auth.config import read_auth_config
from mlflow.server.auth.db.cli import upgrade as upgrade_users

if __name__ == "__main__":
    upgrade_runs.callback(os.environ["MLFLOW_BACKEND_STORE_URI"])
    upgrade_users.callback(read_auth_config().database_uri, "head")
