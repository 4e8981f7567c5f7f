"""The warm server: imports the trainer once, then forks one process per run.

It reads one JSON command a line on standard input and answers on standard output. It has no other
business and holds no threads, so a fork is safe; it never runs a trainer itself, so no state leaks
from one run into the next. multiprocessing's fork server would import the caller's `__main__`
again, and a script without a guard would start its study twice.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path

from ablate.execute import worker
from ablate.execute.imports import uncollected
from ablate.safety.own_modules import import_named, search_first
from ablate.store.leftovers import end_leftovers
from ablate.store.work_folder import LOG

ASK_DRIVER = "PYTORCH_NVML_BASED_CUDA_CHECK"


def main(work: Path, first: str, warm: list[str]) -> int:
    """Serve until standard input ends; then end every process that was started.

    first: an attempt that is begun before anything is imported, because it needs nothing of it; "" for none.
    """
    search_first(work)
    sys.path.append(os.getcwd())
    answers = os.dup(1)
    os.dup2(2, 1)  # what an imported module prints must not mix with the answers
    children: dict[int, str] = {}
    if first:
        _handle({"start": first}, children, [answers])
    with uncollected():
        worker.warm_up()
        load(warm)
    gc.freeze()  # collected objects would be written to, and so copied, in every child
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    _answer(answers, {"ready": os.getpid()})
    _report(children, answers)  # the first may have ended before its end could wake anybody
    buffer = b""
    while True:
        readable, _, _ = select.select([0, wake_read], [], [])
        if wake_read in readable:
            os.read(wake_read, 4096)
        if 0 in readable:
            content = os.read(0, 65536)
            if not content:
                _end_all(children)
                return 0
            *lines, buffer = (buffer + content).split(b"\n")
            for line in lines:
                _handle(json.loads(line), children, [answers, wake_read, wake_write])
        _report(children, answers)


def load(warm: list[str]) -> None:
    """Import what runs need, by their paths.

    A module may ask torch, as it is imported, whether there is a card. CUDA itself must not be asked here: no run
    forked after that could use it. torch then asks the driver's library, if this variable is set.
    """
    was = os.environ.get(ASK_DRIVER)
    os.environ[ASK_DRIVER] = was or "1"
    for path in warm:
        # The run itself will meet the same error, and can report it in its own journal.
        with contextlib.suppress(Exception, SystemExit):
            _call(path)
    if was is None:
        del os.environ[ASK_DRIVER]  # in a run CUDA's own answer is the better one


def _call(path: str) -> None:
    """Import `module`, or call `module:function`."""
    module, _, function = path.partition(":")
    loaded = import_named(module)
    if function:
        getattr(loaded, function)()


def _handle(command: dict[str, str], children: dict[int, str], private: list[int]) -> None:
    if "kill" in command:
        for pid, attempt in children.items():
            if attempt == command["kill"]:
                _kill(pid)
        return
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:  # no memory or no process left: this run cannot be, others may
        with open(Path(command["start"], LOG), "a", encoding="utf-8") as log:
            log.write(f"the run could not be started: {error}\n")
        _answer(private[0], {"exit": command["start"], "code": 71})
        return
    if pid == 0:
        _become_run(Path(command["start"]), command.get("gpu"), private, server)
    children[pid] = command["start"]


def _become_run(attempt: Path, gpu: str | None, private: list[int], server: int) -> None:
    """In the child: own session, own log, then the worker; never returns."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        _die_with(server)
        for descriptor in private:
            os.close(descriptor)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        log = os.open(attempt / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if gpu is not None:
            os.environ |= {"CUDA_VISIBLE_DEVICES": gpu, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        code = worker.main(attempt)
    except BaseException:  # noqa: BLE001 - the process ends here, and run.log is the place to say why
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _die_with(server: int) -> None:
    """Ask Linux to kill this process when the server dies; elsewhere the server does it alone."""
    if sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != server:  # it died before the request
        os._exit(70)


def _report(children: dict[int, str], answers: int) -> None:
    """Answer for every child that ended, and end what it may have started itself."""
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        attempt = children.pop(pid, None)
        if attempt is not None:
            _kill_group(pid)
            end_leftovers(Path(attempt))
            _answer(answers, {"exit": attempt, "code": os.waitstatus_to_exitcode(status)})


def _end_all(children: dict[int, str]) -> None:
    """End everything that was started, and wait until it has ended."""
    for pid in children:
        _kill(pid)
    for pid, attempt in children.items():
        os.waitpid(pid, 0)
        _kill_group(pid)
        end_leftovers(Path(attempt))


def _kill(pid: int) -> None:
    """End a child and all processes of its session."""
    _kill_group(pid)
    os.kill(pid, signal.SIGKILL)  # it may not have come to its own session yet; unreaped, its id is still its own


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _answer(descriptor: int, content: dict[str, object]) -> None:
    os.write(descriptor, json.dumps(content).encode() + b"\n")


if __name__ == "__main__":
    ended = main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended)  # nothing is left to be done: taking down all that was imported would keep the command waiting
