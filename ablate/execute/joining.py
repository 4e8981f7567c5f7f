"""Whether a cluster answers at an address: asked before Ray is, which would try for minutes without a word."""

from __future__ import annotations

import socket
import subprocess

from ablate.errors import StudyError
from ablate.execute.environment import PYTHON

ANSWER_SECONDS = 5.0
JOIN_SECONDS = 60.0
AUTO = "auto"


def refuse_unreachable(address: str) -> None:
    """Raise StudyError where no cluster can be joined at `host:port` or `auto`.

    A process of its own joins first, because the attempt could not be broken off in this one.
    """
    if "://" in address:
        raise StudyError(
            f"--ray-address {address}: Ray's client cannot be used, because runs share this machine's work folder",
            hint="Call `ablate` on a node of the cluster, with --ray-address auto or HOST:PORT.",
        )
    refuse_silent(address)
    command = [*PYTHON, "-m", "ablate.execute.ray_cluster", address]
    try:
        joined = subprocess.run(command, capture_output=True, text=True, check=False, timeout=JOIN_SECONDS)
    except subprocess.TimeoutExpired:
        raise StudyError(
            f"--ray-address {address}: no Ray cluster has answered within {JOIN_SECONDS:g} s",
            hint="The port is that of `ray start --head`, by default 6379.",
        ) from None
    if joined.returncode:
        said = joined.stdout.strip() or "Ray exited without a message"
        token = "token" in (joined.stdout + joined.stderr).lower()
        raise StudyError(
            f"--ray-address {address}: the cluster cannot be joined: {said}",
            hint="This machine needs the cluster's token: in ~/.ray/auth_token, RAY_AUTH_TOKEN_PATH or RAY_AUTH_TOKEN."
            if token
            else "This machine has to be a node of the cluster, with the same versions of Ray and Python.",
        )


def refuse_silent(address: str) -> None:
    """Raise StudyError where nothing takes a connection at `host:port`; `auto` is left to Ray."""
    if address == AUTO:
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise StudyError(
            f"--ray-address {address}: write auto, or HOST:PORT", hint="`ray start --head` prints the address."
        )
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise StudyError(
            f"--ray-address {address}: nothing answers there ({error})",
            hint="`ray start --head` prints the address of a cluster.",
        ) from None
