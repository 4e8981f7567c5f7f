"""Runs on the nodes of a Ray cluster, which share the work folder.

A Ray task does what the pool does: it starts the worker entry point as a fresh process in a session of
its own and waits for it (`on_node`). Ray never retries (`max_retries=0`), moves no data and keeps no
state; whatever becomes of a task is an Exit, and the coordinator decides.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ablate.errors import AblateError, StudyError
from ablate.execute.devices import DeviceSlots
from ablate.execute.environment import THREADS, cores, own_version, worker_environment
from ablate.execute.joining import refuse_unreachable
from ablate.execute.live import Task
from ablate.execute.on_node import NodeReport, inspect_node, run_attempt
from ablate.execute.resources import Need, Node, homes_among, places, refuse_unschedulable
from ablate.files import locked
from ablate.protocols import Exit
from ablate.safety.plain_files import open_for_appending
from ablate.store.work_folder import LOG

DEFAULTS = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray warns of a default it is going to change; this is the new one.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""Set where they are unset, before Ray is imported."""
ADDRESS = "RAY_ADDRESS"
LOCAL = "local"
TOKEN = "RAY_AUTH_TOKEN"
STORE_BYTES = 100 << 20
"""Ray's object store, nearly the smallest there can be: only paths and exit codes go through it."""
LOOK_SECONDS = 60.0
FORCE_SECONDS = 5.0
"""So long a cancelled task has to end its run; then Ray is asked to end its worker, and the run with it.
Where that does not help either, three times as long, the attempt is given up as if its node were lost."""
REFRESH_SECONDS = 2.0
STUCK_SECONDS = 300.0
"""So long a cluster that carries nothing any more is waited for."""
KIND = "accelerator_type:"
"""How Ray's resource for a kind of card begins; every run takes a crumb of it, to be sent to that kind."""


@contextlib.contextmanager
def cluster(address: str | None, work: Path, *, processors: int | None = None) -> Iterator[None]:
    """Be connected to a cluster; one that this process is connected to already is used and left as it is.

    address: `host:port` or `auto`; None for RAY_ADDRESS, and where that is not set for a cluster of this
    machine alone, of so many processors (None: as many as there are), which ends with the block.
    Raises StudyError where Ray is not installed, where the cluster cannot be joined, and for a node that
    cannot carry out runs.
    """
    ray = _ray()
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get(ADDRESS) or LOCAL
    if address == LOCAL:
        _own_token()
        own = {"num_cpus": processors or cores(), "include_dashboard": False, "object_store_memory": STORE_BYTES}
        _connect(ray, address, own)
    else:
        refuse_unreachable(address)
        _connect(ray, address)
    try:
        check_nodes(work)
        yield
    finally:
        with _own_handlers():
            ray.shutdown()


def _ray() -> Any:
    if "ray" not in sys.modules:  # it reads them once; set later, they would hold for its servers alone
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
    if importlib.util.find_spec("ray") is None:
        raise StudyError("--executor ray needs Ray, which is not installed", hint="pip install 'ray>=2.54'")
    import ray

    return ray


def _own_token() -> None:
    """A cluster that ends with the command needs no token on disk, where Ray would put one."""
    if not any(map(os.environ.get, (TOKEN, f"{TOKEN}_PATH"))) and not (Path.home() / ".ray" / "auth_token").exists():
        os.environ[TOKEN] = secrets.token_hex(32)


def _connect(ray: Any, address: str, own: Mapping[str, Any] | None = None) -> None:
    """own: what only a cluster that begins here is told."""
    # Ray has its workers look into the current folder before Python's own modules, whatever lies there.
    with _own_handlers(), contextlib.chdir(os.sep):
        ray.init(address, log_to_driver=False, configure_logging=False, **(own or {}))


@contextlib.contextmanager
def _own_handlers() -> Iterator[None]:
    """Ray puts a handler of its own on SIGTERM, where ours asks runs for checkpoints."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_nodes(work: Path) -> None:
    """Raise StudyError where one of several nodes lacks the work folder, its locks, or this version; leaves nothing."""
    import ray

    names = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if len(names) < 2:
        return
    above = next(folder for folder in (work, *work.parents) if folder.exists())
    probe = Path(tempfile.mkdtemp(prefix=".ablate-probe-", dir=above))
    try:
        with locked(probe / "lock"):
            found = _seen_by(names, probe / "lock")
    finally:
        shutil.rmtree(probe, ignore_errors=True)
    here = own_version()
    for node in found:
        if node.version != here:
            raise StudyError(
                f"node {node.host} has ablate-harness {node.version}, and this machine {here}",
                hint="Install the same version everywhere.",
            )
        if node.wrong:
            raise StudyError(
                f"node {node.host} {node.wrong}",
                hint="--work has to lie on a file system that all nodes share, with its locks: docs/cluster.md.",
            )


def _seen_by(names: Sequence[str], lock: Path) -> list[NodeReport]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(max_retries=0, num_cpus=0)(inspect_node)
    wheres = [NodeAffinitySchedulingStrategy(name, soft=False) for name in names]
    try:
        asked = [task.options(scheduling_strategy=where).remote(str(lock)) for where in wheres]
        found: list[NodeReport] = ray.get(asked, timeout=LOOK_SECONDS)
    except ray.exceptions.RayError as error:
        raise StudyError(
            f"a node of the cluster cannot execute runs: {_last_line(error)}",
            hint="Every node needs the same Python environment, with ablate and ray in it.",
        ) from None
    return found


def nodes() -> list[Node]:
    """The nodes that are alive, of the cluster this process is connected to."""
    import ray

    return [_node(found["NodeID"], found["Resources"]) for found in ray.nodes() if found["Alive"]]


def _node(name: str, has: Mapping[str, float]) -> Node:
    kinds = [key.removeprefix(KIND) for key in has if key.startswith(KIND)]
    return Node(name, has.get("CPU", 0.0), has.get("GPU", 0.0), kinds[0] if kinds else "")


class RayExecutor:
    """Hands attempts to Ray, never more at once than its nodes carry: none waits long in a queue we cannot see.

    most: so many at once at most; None for as many as the nodes carry. made_on: replicate -> the device its
    earlier runs were made on. To be used inside `cluster`. Raises StudyError where no node can carry a run.
    """

    def __init__(
        self, *, work: Path, need: Need, most: int | None = None, made_on: Mapping[int, str] | None = None
    ) -> None:
        import ray

        self._ray = ray
        self._work = work
        self._need = need
        self._most = most
        found = nodes()
        refuse_unschedulable(found, need)
        homes = homes_among({node.kind for node in found}, made_on or {})
        self._places = DeviceSlots(places(found, need), homes=homes)
        self._looked = time.monotonic()
        self._stuck: float | None = None
        self._task = ray.remote(max_retries=0)(run_attempt)
        self._running: dict[Any, Path] = {}
        self._cancelled: dict[Path, float] = {}
        self._forced: set[Path] = set()
        environment = worker_environment()
        # The pool's, whatever Ray makes of `num_cpus`: the number of threads changes the last bits of a result.
        self._environment = {name: environment[name] for name in THREADS} | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}

    @property
    def slots(self) -> int:
        """How many runs the nodes that are alive carry; it changes as nodes come and go."""
        self._refresh()
        return min(len(self._places), self._most or len(self._places))

    def start(self, attempt: Path) -> None:
        """Hand the attempt to Ray, for a node whose cards are of the kind its replicate runs on."""
        number = 0
        with contextlib.suppress(AblateError):  # the run itself says what is wrong with its task
            number = Task.read(attempt).spec.replicate.index
        place = self._places.take(attempt, number)
        task = self._task.options(
            num_cpus=self._need.processors,
            num_gpus=self._need.card,
            resources={f"{KIND}{place.kind}": 0.001} if place is not None and place.kind else {},
            name=f"{attempt.parent.name[:8]}/{attempt.name}",
        )
        self._running[task.remote(str(attempt), str(self._work), os.getcwd(), self._environment)] = attempt

    def accepts(self, replicate: int) -> bool:
        """Whether a place on the kind of card this replicate runs on is free."""
        accepted = self._places.accepts(replicate)
        self._stuck = None if accepted or self._running else self._stuck or time.monotonic()
        return accepted

    def finished(self, timeout: float) -> Sequence[Exit]:
        """Attempts that ended, however they did.

        Raises AblateError where for minutes there was no node for any run that was to be started.
        """
        self._refresh()
        lost = [self._give_up(ref) for ref in self._past_force()]
        if lost:
            return lost
        if self._stuck is not None and time.monotonic() - self._stuck > STUCK_SECONDS:
            raise AblateError(
                f"for {STUCK_SECONDS:g} s no node of the cluster could take a run",
                hint="`ray status` lists its nodes; the same command resumes from here.",
            )
        waiting = list(self._running)
        if not waiting:
            time.sleep(timeout)
            return []
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=timeout)
        if ready:
            ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        return [self._end(ref) for ref in ready]

    def kill(self, attempt: Path) -> None:
        """Cancel the attempt's task, which ends the run's processes before it ends itself."""
        for ref, running in self._running.items():
            if running == attempt and attempt not in self._cancelled:
                self._cancelled[attempt] = time.monotonic()
                self._ray.cancel(ref)

    def close(self) -> None:
        """End everything that was started, and wait until it has ended."""
        for attempt in list(self._running.values()):
            self.kill(attempt)
        while self._running:
            self._stuck = None
            self.finished(0.1)

    def _past_force(self) -> list[Any]:
        """End by force what was cancelled in vain; what even that has not ended."""
        now = time.monotonic()
        vain = []
        for ref, attempt in self._running.items():
            seconds = now - self._cancelled.get(attempt, now)
            if seconds > FORCE_SECONDS and attempt not in self._forced:
                self._forced.add(attempt)
                self._ray.cancel(ref, force=True)
            elif seconds > 3 * FORCE_SECONDS:
                vain.append(ref)
        return vain

    def _give_up(self, ref: Any) -> Exit:
        attempt = self._forget(ref)
        return _lost(attempt, "its task does not end; the node may be out of reach")

    def _forget(self, ref: Any) -> Path:
        attempt = self._running.pop(ref)
        self._places.release(attempt)
        self._cancelled.pop(attempt, None)
        return attempt

    def _end(self, ref: Any) -> Exit:
        attempt = self._forget(ref)
        try:
            return Exit(attempt, self._ray.get(ref))
        except self._ray.exceptions.TaskCancelledError:
            return Exit(attempt, -signal.SIGKILL)
        except self._ray.exceptions.RayError as error:
            return _lost(attempt, error)  # a worker, a node or the shared folder is gone

    def _refresh(self) -> None:
        """Look which nodes are alive, every other second."""
        if time.monotonic() - self._looked < REFRESH_SECONDS:
            return
        self._looked = time.monotonic()
        had, self._places.devices = self._places.devices, places(nodes(), self._need)
        if not self._places.devices:
            self._stuck = self._stuck or time.monotonic()
        elif not had:
            self._stuck = None


def _lost(attempt: Path, why: object) -> Exit:
    """The exit of a run that was lost with its task; the whole of what Ray says goes to its log."""
    text = re.sub(r"\x1b\[\d*m", "", str(why)).strip()
    with contextlib.suppress(OSError), open_for_appending(attempt / LOG) as log:
        log.write(f"Ray: {text}\n".encode(errors="replace"))
    lines = text.splitlines() or ["no reason given"]
    telling = lines[-1] if text.startswith("ray::") else lines[0]  # the error under a traceback, or the whole story
    return Exit(attempt, -signal.SIGKILL, f"Ray: {telling[:200]}")


def _last_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def main(address: str) -> int:
    """Join a cluster and leave it; what is wrong goes to standard output."""
    ray = _ray()
    try:
        _connect(ray, address)
    except Exception as error:  # noqa: BLE001 - whatever keeps this process out would keep out the command
        sys.stdout.write(_last_line(error))
        return 1
    ray.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
