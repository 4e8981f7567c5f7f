"""Users of a team's server: add, remove, and say who may change what. Run where the admin's password is known.

    docker compose exec mlflow python /opt/ablate/users.py add anna         prints a password, once
    docker compose exec mlflow python /opt/ablate/users.py password anna    another one
    docker compose exec mlflow python /opt/ablate/users.py remove anna      refused from the next request on
    docker compose exec mlflow python /opt/ablate/users.py grant ben EDIT quickstart
    docker compose exec mlflow python /opt/ablate/users.py list

RIGHT is READ, EDIT, MANAGE or DENY; NAME of an experiment is that of its study.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

ADDRESS = os.environ.get("MLFLOW_TRACKING_URI", "http://localhost:5000")
V2, V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"


def call(method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the server as its admin. Exits with the server's words where it refuses."""
    name, password = os.environ["MLFLOW_AUTH_ADMIN_USERNAME"], os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"]
    known = base64.b64encode(f"{name}:{password}".encode()).decode()
    request = urllib.request.Request(
        ADDRESS + path,
        method=method,
        data=None if content is None else json.dumps(content).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Basic {known}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        words = error.read().decode(errors="replace").strip()
        if error.code == 401:
            words = f"it does not accept the password of {name!r} in MLFLOW_AUTH_ADMIN_PASSWORD"
        sys.exit(f"MLflow at {ADDRESS} refuses ({error.code}): {words}")
    except OSError as error:
        sys.exit(f"MLflow at {ADDRESS} does not answer: {error}. Is it started?")


def new_password() -> str:
    """Long enough that nobody guesses it, and without signs that a shell or a URL gives a meaning."""
    return secrets.token_urlsafe(18)


def add(name: str) -> str:
    """A new user; the password."""
    password = new_password()
    call("POST", f"{V2}/users/create", {"username": name, "password": password})
    return password


def change_password(name: str) -> str:
    """Another password, which is returned; the former one is refused from now on."""
    password = new_password()
    call("PATCH", f"{V2}/users/update-password", {"username": name, "password": password})
    return password


def remove(name: str) -> None:
    """No user any more; what they made stays."""
    call("DELETE", f"{V2}/users/delete", {"username": name})


def grant(name: str, right: str, experiment: str) -> None:
    """What a user may do with one experiment; a right given before is replaced."""
    found = call("GET", f"{V2}/experiments/get-by-name?experiment_name={quote(experiment)}")
    one = {"username": name, "resource_type": "experiment", "resource_id": found["experiment"]["experiment_id"]}
    call("POST", f"{V3}/users/permissions/grant", one | {"permission": right})


def names() -> list[str]:
    """Everybody who is let in."""
    return sorted(user["username"] for user in call("GET", f"{V2}/users/list")["users"])


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("add", "password", "remove", "grant"):
        commands.add_parser(command).add_argument("name")
    commands.choices["grant"].add_argument("right", choices=("READ", "EDIT", "MANAGE", "DENY"))
    commands.choices["grant"].add_argument("experiment")
    commands.add_parser("list")
    asked = parser.parse_args()
    match asked.command:
        case "add":
            print(add(asked.name))
        case "password":
            print(change_password(asked.name))
        case "remove":
            remove(asked.name)
        case "grant":
            grant(asked.name, asked.right, asked.experiment)
        case _:
            print("\n".join(names()))


if __name__ == "__main__":
    main()
