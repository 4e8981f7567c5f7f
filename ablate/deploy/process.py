"""A network in a process of its own, asked from here."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ablate.deploy.frames import Frame, receive, send
from ablate.deploy.opening import bytes_of
from ablate.deploy.records import OPEN, Step
from ablate.errors import DataError, NotInstalled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TBB_NUM_THREADS")
_LAST_WORDS = 300
_HARM = "Too little memory does that, and so may a file that was made to harm."
_LAST_SECONDS = 10
"""A process whose answer breaks off is given so long to end; what crashes is gone at once."""


class EngineProcess:
    """One network, opened. Close it, or use it in a `with`.

    name, precision: as its engine says. image_shape: (C, H, W), None where the engine does not say.
    """

    def __init__(self, path: str, *, opener: str = OPEN, threads: int = 1) -> None:
        self.path = path
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - `close` does
        own = dict.fromkeys(THREAD_VARIABLES, str(threads))
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-m", "ablate.deploy.worker", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=os.environ | own | {"PYTHONPATH": os.pathsep.join(_folders())},
        )
        try:
            told = self._ask({"opener": opener, "path": path, "threads": threads}).content
        except BaseException:
            self.close()
            raise
        self.name, self.precision = str(told["engine"]), str(told["precision"])
        self.load_seconds = float(told["load_seconds"])
        self.image_shape: tuple[int, int, int] | None = tuple(told["shape"]) if told["shape"] else None
        self.peak_bytes: int | None = None

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C, H, W) -> (N, K)."""
        return self._ask({}, [batch]).arrays[0]

    def seconds(self, batch: NDArray[np.float32], calls: int, *, at_most: float) -> list[float]:
        """Of so many calls, of fewer where they would take longer than `at_most`; at least one."""
        told = self._ask({"calls": calls, "at_most": at_most}, [batch]).content
        self.peak_bytes = told["peak"]
        return [float(one) for one in told["seconds"]]

    def _ask(self, content: dict[str, Any], arrays: Sequence[NDArray[np.float32]] = ()) -> Frame:
        try:
            send(cast("BinaryIO", self._process.stdin), content, arrays)
            frame = receive(cast("BinaryIO", self._process.stdout))
        except (EOFError, OSError, ValueError) as error:
            raise self._ended() from error
        if "error" in frame.content:
            message, hint = frame.content["message"], frame.content["hint"]
            if frame.content["error"] == NotInstalled.__name__:
                raise NotInstalled(message, hint=hint)
            if frame.content["error"]:
                raise DataError(message, hint=hint)
            raise DataError(f"{self.path} cannot be used: {message}", hint="Is it a whole file of a classifier?")
        return frame

    def _ended(self) -> DataError:
        try:
            code = self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return DataError(f"{self.path} had its process answer what cannot be read", hint=_HARM)
        self._said.seek(0)
        words = self._said.read()[-_LAST_WORDS:].decode("utf-8", "replace").strip()
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        return DataError(
            f"{self.path} ended the process that was to use it, {how}" + (f": {words}" if words else ""),
            hint=_HARM,
        )

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.terminate()
        self._process.wait()
        self._said.close()

    def __enter__(self) -> EngineProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_step(step: Step, *, threads: int) -> EngineProcess:
    """The network of a step."""
    return EngineProcess(step.path, opener=step.opener, threads=threads)


def size_of(step: Step) -> int:
    """Bytes on disk."""
    if step.opener == OPEN:
        return bytes_of(step.path)
    return os.stat(step.path).st_size


def _folders() -> list[str]:
    """Where this process finds its modules, for the other one; the current folder only where it is named."""
    return [one for one in sys.path if one and os.path.isdir(one)]
