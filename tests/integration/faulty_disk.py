"""A command carried out in a process of its own, in which the N-th file operation kills it or fails."""

from __future__ import annotations

import builtins
import errno
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from ablate.errors import AblateError
from ablate.files import write_text
from ablate.report.page.summary_json import summary_json
from ablate.study.load import load_study
from ablate.workflows import run
from ablate.workflows.options import Options
from ablate.workflows.report import report_folder

Fault = Literal["kill", "fail once", "fail from then on", "cut writes", "none"]
"""The first three at the N-th operation, before it is done; `cut writes`: of each file N bytes find room, no more."""
NO_SPACE = 74
"""The exit code of a command that an error of the disk has ended."""
UNEXPECTED = 99


class Operations:
    """Counts the operations on files below a folder and lets one of them go wrong, before it is done."""

    def __init__(self, below: Path, fault: Fault, number: int) -> None:
        self._below = str(below)
        self._fault = fault
        self._number = number
        self.labels: list[str] = []
        """What was done so far: operation and name of the file, digits as #."""

    def patch(self) -> None:
        """From now on, in this process."""
        if self._fault == "cut writes":
            import resource  # which Windows has not, where this module is imported all the same

            resource.setrlimit(resource.RLIMIT_FSIZE, (self._number, self._number))
        for name in ("replace", "unlink", "mkdir", "truncate"):
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        os.fsync = self._fsync(os.fsync)
        opening = self._opening(io.open)
        io.open = opening
        builtins.open = opening  # type: ignore[assignment]

    def _reach(self, label: str) -> None:
        self.labels.append(label)
        done = len(self.labels)
        if self._fault == "kill" and done == self._number:
            os.kill(os.getpid(), signal.SIGKILL)
        failing = done == self._number if self._fault == "fail once" else done >= self._number
        if self._fault in ("fail once", "fail from then on") and failing:
            raise OSError(errno.ENOSPC, "No space left on device", label)

    def _concerns(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._below)

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(path: Any, *rest: Any, **options: Any) -> Any:
            if self._concerns(path):
                self._reach(f"{name} {_kind(path)}")
            return real(path, *rest, **options)

        return operation

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            self._reach("fsync")
            real(descriptor)

        return fsync

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opening(file: Any, mode: str = "r", *rest: Any, **options: Any) -> Any:
            if set(mode) & set("wax+") and self._concerns(file):
                self._reach(f"open {_kind(file)}")
            return real(file, mode, *rest, **options)

        return opening


def _kind(path: Any) -> str:
    name = Path(path).name.split(".tmp-")[0]
    return "".join("#" if sign.isdigit() else sign for sign in name) if len(name) < 40 else "run"


def call(study: Path, work: Path, *, outside: Path, fault: Fault = "none", number: int = 0) -> tuple[int, list[str]]:
    """`ablate run --retry-failed` in a child: its exit code (or minus its signal), and the operations it did.

    The report is the summary alone: figures take seconds. outside: home, temporary and current folder of the command.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        code = UNEXPECTED
        operations = Operations(work, fault, number)
        try:
            code = _carry_out(study, work, outside, operations)
        except AblateError as error:
            code = error.exit_code
        except OSError:
            code = NO_SPACE
        except BaseException:  # noqa: BLE001 - the parent is told, and shows it
            traceback.print_exc()
        finally:
            os.write(write, "\n".join(operations.labels).encode())
            sys.stderr.flush()
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as stream:
        labels = stream.read().split("\n")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), labels


def _carry_out(study: Path, work: Path, outside: Path, operations: Operations) -> int:
    os.environ |= {"HOME": str(outside), "TMPDIR": str(outside)}
    os.chdir(outside)
    tempfile.tempdir = None
    run.write_report = _summary_alone
    run.write_share = _nothing
    loaded = load_study(study)
    operations.patch()
    options = Options(executor="inline", track=False, retry_failed=True, checkpoint_seconds=0.0)
    return run.run_study(loaded, work=work, options=options).exit_code


def _summary_alone(findings: Any, session: Any, options: Any) -> Path:
    path: Path = report_folder(session, options) / "report.md"
    write_text(path, repr(summary_json(findings, path)))
    return path


def _nothing(findings: Any, session: Any, options: Any) -> None:
    """What is shared of a report is written as the report is, and takes long."""
