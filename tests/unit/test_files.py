"""Files are whole or absent; locks die with their owner."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ablate import files
from ablate.errors import Held
from ablate.files import (
    build_once,
    is_held,
    locked,
    read_json,
    read_sealed,
    sha256_file,
    sha256_json,
    write_atomically,
    write_json,
    write_sealed,
)

HOLD = """\
import sys, time
from pathlib import Path
from ablate.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
BUILD = """\
import sys, time
from pathlib import Path
from ablate.files import build_once
log = Path(sys.argv[2])
def build(path):
    with log.open("a") as stream:
        stream.write("built\\n")
    time.sleep(0.2)
    path.write_text("content")
print(build_once(Path(sys.argv[1]), build).read_text())
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that runs some code."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock in tmp_path."""
    with start(HOLD, tmp_path / "lock") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


# --- writing ----------------------------------------------------------------------------------


def test_a_writer_that_fails_leaves_the_old_content_and_no_other_file(tmp_path: Path) -> None:
    """A reader never sees half a file."""
    path = tmp_path / "file"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("ne")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_atomically(path, fail)

    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_is_written_into_folders_that_do_not_exist_yet(tmp_path: Path) -> None:
    """The folders are made."""
    write_json(tmp_path / "a" / "b.json", {"x": 1})

    assert read_json(tmp_path / "a" / "b.json") == {"x": 1}


def test_two_threads_that_write_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    """One of the two contents stays, whole."""
    path = tmp_path / "file"
    meet = threading.Barrier(2)
    failures: list[BaseException] = []

    def write(text: str) -> None:
        def fill(temporary: Path) -> None:
            temporary.write_text(text)
            meet.wait(10)

        try:
            write_atomically(path, fill)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert path.read_text() in ("one", "two")


def test_json_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    """Others could not read it."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})


def test_a_file_name_that_is_no_text_survives_json(tmp_path: Path) -> None:
    """Python spells bytes outside UTF-8 as lone surrogates."""
    write_json(tmp_path / "x.json", {"name": "caf\udce9.png"})

    assert read_json(tmp_path / "x.json") == {"name": "caf\udce9.png"}


@pytest.mark.parametrize("content", ["", '{"a": ', "\udcff"])
def test_a_torn_json_file_reads_as_nothing(tmp_path: Path, content: str) -> None:
    """The same as a missing one."""
    path = tmp_path / "x.json"
    path.write_bytes(content.encode(errors="surrogateescape"))

    assert read_json(path) is None
    assert read_json(path / "below") is None
    assert read_json(tmp_path / "missing.json") is None


# --- checksums --------------------------------------------------------------------------------


def test_a_files_checksum_is_that_of_its_bytes(tmp_path: Path) -> None:
    """Known answer of FIPS 180: "abc"."""
    path = tmp_path / "abc"
    path.write_bytes(b"abc")

    assert sha256_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_checksum_of_a_value_is_that_of_its_canonical_json() -> None:
    """Sorted keys, no white space, UTF-8."""
    text = '{"a":[1,null],"ä":0.1}'.encode()

    assert sha256_json({"ä": 0.1, "a": [1, None]}) == hashlib.sha256(text).hexdigest()


# --- locks ------------------------------------------------------------------------------------


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    """It ends with Held, which names the process."""
    with pytest.raises(Held, match=f"is in use by process {owner.pid} on "), locked(tmp_path / "lock"):
        pass


def test_a_killed_owners_lock_is_taken_over(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    """The operating system drops it; nobody has to clean up."""
    owner.send_signal(signal.SIGKILL)
    owner.wait()

    with locked(tmp_path / "lock"):
        assert f"process {os.getpid()}" in (tmp_path / "lock").read_text()


def test_an_owner_that_has_not_signed_yet_is_another_process(tmp_path: Path, owner: subprocess.Popen[str]) -> None:
    """Between taking the lock and writing its name an owner has none."""
    (tmp_path / "lock").write_text("")
    with pytest.raises(Held, match="in use by another process"), locked(tmp_path / "lock"):
        pass


def test_a_lock_is_free_again_after_use(tmp_path: Path) -> None:
    """Twice in a row is fine."""
    for _ in range(2):
        with locked(tmp_path / "lock"):
            pass

    assert (tmp_path / "lock").exists()


def test_four_processes_build_once(tmp_path: Path) -> None:
    """The first builds, the others wait and take what it built."""
    builders = [start(BUILD, tmp_path / "cache", tmp_path / "log") for _ in range(4)]
    answers = [builder.communicate(timeout=60)[0] for builder in builders]

    assert answers == ["content\n"] * 4
    assert (tmp_path / "log").read_text() == "built\n"


def test_who_waited_takes_what_was_built_meanwhile(tmp_path: Path) -> None:
    """The lock is free again, and so is the way."""
    path = tmp_path / "cache"
    waiting = threading.Thread(target=build_once, args=(path, lambda _: pytest.fail("built again")))
    with locked(tmp_path / "cache.lock"):
        waiting.start()
        waiting.join(0.2)
        path.write_text("built by the first")
    waiting.join(10)

    assert not waiting.is_alive()
    assert path.read_text() == "built by the first"


def test_what_is_there_is_not_built_again(tmp_path: Path) -> None:
    """Not even a lock is taken."""
    path = tmp_path / "cache"
    path.write_text("there")

    assert build_once(path, lambda _: pytest.fail("built again")).read_text() == "there"


def test_a_builder_that_fails_leaves_nothing_for_the_next_one(tmp_path: Path) -> None:
    """The next one builds from the beginning."""

    def fail(path: Path) -> None:
        path.mkdir()
        (path / "half").write_text("half")
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        build_once(tmp_path / "cache", fail)
    built = build_once(tmp_path / "cache", lambda path: path.mkdir())

    assert os.listdir(built) == []
    assert sorted(os.listdir(tmp_path)) == ["cache", "cache.lock"]


# --- Windows, as far as it can be told from here ----------------------------------------------


class FakeMsvcrt(SimpleNamespace):
    """Refuses a lock a number of times."""

    LK_NBLCK = 2

    def locking(self, descriptor: int, mode: int, size: int) -> None:
        """Fails until it was asked often enough."""
        del descriptor, mode, size
        self.refusals -= 1
        if self.refusals >= 0:
            raise OSError("locked")


@pytest.fixture
def no_fcntl(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without fcntl."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)


@pytest.mark.usefixtures("no_fcntl")
def test_windows_locks_a_byte_behind_the_owners_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting means asking again."""
    monkeypatch.setitem(sys.modules, "msvcrt", FakeMsvcrt(refusals=2))

    with locked(tmp_path / "lock", wait=True):
        assert (tmp_path / "lock").read_text().startswith("process ")


def test_a_lock_can_be_asked_about(owner: subprocess.Popen[str], tmp_path: Path) -> None:
    """It is held while its holder lives, even where that was killed, and not before it was ever taken."""
    held = is_held(tmp_path / "lock")
    owner.kill()
    owner.wait()

    assert (held, is_held(tmp_path / "lock"), is_held(tmp_path / "never")) == (True, False, False)


@pytest.mark.usefixtures("no_fcntl")
def test_windows_refuses_a_lock_that_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting the second process is told at once."""
    monkeypatch.setitem(sys.modules, "msvcrt", FakeMsvcrt(refusals=1))

    with pytest.raises(Held), locked(tmp_path / "lock"):
        pass


def test_windows_cannot_sync_a_folder_and_does_not_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are synced all the same."""
    opened: list[Path] = []
    real = os.open
    monkeypatch.setattr(files, "os", SimpleNamespace(**(vars(os) | {"name": "nt", "open": opened_by(real, opened)})))

    write_json(tmp_path / "x.json", {})

    assert [path.is_dir() for path in opened] == [False]


def opened_by(real: object, opened: list[Path]) -> object:
    """An os.open that notes what it opens."""

    def open_(path: Path, flags: int) -> int:
        opened.append(path)
        return real(path, flags)  # type: ignore[operator,no-any-return]

    return open_


def test_a_sealed_file_in_which_one_bit_has_changed_reads_as_nothing(tmp_path: Path) -> None:
    """Wherever it is; a file without a seal likewise."""
    path = tmp_path / "x.json"
    write_sealed(path, {"a": [1.5, None], "ä": "b"})
    content, whole = path.read_bytes(), read_sealed(path)
    found = set()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        found.add(repr(read_sealed(path)))
    write_json(path, {"a": 1})

    assert whole == {"a": [1.5, None], "ä": "b"}
    assert found <= {"None", repr(whole)}  # white space is no content
    assert "None" in found
    assert read_sealed(path) is None


def test_a_process_is_told_from_one_that_ended() -> None:
    """This one lives; one that was waited for does not; a number no system gives out is nobody's."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert files.is_running(os.getpid())
    assert files.is_running(1)
    assert not files.is_running(ended.pid)
    assert not files.is_running(2**40)


def test_nobody_asks_by_a_signal_whether_a_process_lives() -> None:
    """On Windows signal 0 is Ctrl-C: only the function that knows of it sends it."""
    package = Path(files.__file__).parent
    asking = [path.name for path in package.rglob("*.py") if re.search(r"os\.kill\([^\n]*, 0\)", path.read_text())]

    assert asking == ["files.py"]


def test_a_process_is_looked_up_by_a_handle_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handle and its exit code; where the system denies the look there is somebody."""
    import ctypes

    class Kernel:
        class OpenProcess:
            restype: Any = None

            def __call__(self, rights: int, inherit: bool, process: int) -> int:  # noqa: FBT001 - the system's
                return {1: 0, 2: 0}.get(process, process)

        def __init__(self) -> None:
            self.closed: list[int] = []
            self.OpenProcess = Kernel.OpenProcess()

        def GetExitCodeProcess(self, handle: Any, code: Any) -> int:
            code._obj.value = 259 if handle.value == 3 else 0
            return 1

        def CloseHandle(self, handle: Any) -> None:
            self.closed.append(handle.value)

    kernel, errors = Kernel(), iter([5, 87])
    monkeypatch.setattr(files.os, "name", "nt")
    monkeypatch.setattr(ctypes, "WinDLL", lambda name, use_last_error: kernel, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: next(errors), raising=False)
    found = [files.is_running(process) for process in (1, 2, 3, 4)]
    monkeypatch.undo()

    assert found == [True, False, True, False]
    assert kernel.closed == [3, 4]


@pytest.mark.usefixtures("no_fcntl")
def test_windows_tells_a_lock_from_its_holder_by_taking_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, it is held; taken, it was free, and is so again."""
    path = tmp_path / "lock"
    path.touch()
    monkeypatch.setitem(sys.modules, "msvcrt", FakeMsvcrt(refusals=1))

    assert [is_held(path), is_held(path)] == [True, False]


def test_a_seal_over_what_no_json_holds_is_broken() -> None:
    """Such a file was not written by us."""
    assert files.unsealed({"a": float("nan"), "seal": "0"}) is None
    assert files.unsealed(["no mapping"]) is None
