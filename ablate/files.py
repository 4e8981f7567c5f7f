"""Files that are whole or absent: atomic writes, checksums, locks that die with their owner."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from ablate.errors import Held
from ablate.safety.plain_files import NotPlain, open_own, open_plain

LARGEST_JSON = 500_000_000
"""Bytes of a file of ours."""
_SEAL = "sha256"
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step.

    A reader sees the old content or the new one. The file and its folder are synced, because a
    rename that reaches the disk before the data would leave an empty file after a power cut.
    """
    _replace(path, write, make_safe=_sync)


def _replace(path: Path, write: Callable[[Path], None], *, make_safe: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name nobody can guess: a link of that name in a shared folder would have its target written to.
    temporary = path.with_name(f".{path.name}.tmp-{_host()}-{os.getpid()}-{secrets.token_hex(8)}")
    try:
        write(temporary)
        make_safe(temporary)
        os.replace(temporary, path)
        make_safe(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync_files(files: Iterable[Path], *, below: Path) -> None:
    """Make files safe on the disk, and that they are there: their folders up to and with `below`."""
    files = list(dict.fromkeys(files))
    above = dict.fromkeys(folder for file in files for folder in file.parents if folder.is_relative_to(below))
    # Files first: with them most disks have written their folders too, whose turn then costs next to nothing.
    for path in [*files, *sorted(above, key=lambda folder: len(folder.parts), reverse=True)]:
        _sync(path)


@cache
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def remove_stale_temporary_files(folder: Path) -> None:
    """Remove what dead processes of this machine have left behind of files they were writing."""
    for path in folder.rglob(f".*.tmp-{_host()}-*"):
        process = path.name.rsplit("-", 2)[1]
        if process.isdecimal() and not is_running(int(process)):
            path.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Whether this machine has a living process of that number, of whatever user."""
    if os.name == "nt":
        return _is_running_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)  # another user's
    return True


def _is_running_on_windows(process: int) -> bool:
    """By a handle: `os.kill` does not ask there, it sends Ctrl-C (signal 0) or ends the process."""
    import ctypes

    may_look, still_active, access_denied = 0x1000, 259, 5
    kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(may_look, False, process)  # noqa: FBT003 - the system's own signature
    if not handle:
        return bool(ctypes.get_last_error() == access_denied)  # type: ignore[attr-defined,unused-ignore]
    code = ctypes.c_ulong()
    try:
        known = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
        return not known or code.value == still_active
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))


def write_bytes(path: Path, content: bytes) -> None:
    """Replace the file's content in one step."""
    write_atomically(path, lambda temporary: _discard(temporary.write_bytes(content)))


def write_text(path: Path, content: str) -> None:
    """Replace the file's content (UTF-8, line feeds) in one step."""
    write_bytes(path, encoded(content))


def encoded(text: str) -> bytes:
    """UTF-8; a file name that is none is spelled out (\\udc80), which JSON reads back as it was."""
    return text.encode(errors="backslashreplace")


def write_json(path: Path, content: Any) -> None:
    """Replace the file by strict JSON: no NaN, no infinity."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The parsed file, or None where there is none, it is torn, or what lies there is no plain file."""
    try:
        with open_plain(path, at_most=LARGEST_JSON) as stream:
            return json.loads(stream.read().decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError, NotPlain, ValueError, RecursionError):
        return None


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Replace the file by strict JSON that carries its own checksum."""
    write_json(path, sealed(content))


def write_sealed_unsynced(path: Path, content: dict[str, Any]) -> None:
    """The same on one line, which is written faster; a power cut may leave a torn file until `sync` is called."""
    text = json.dumps(content | {_SEAL: sha256_json(content)}, ensure_ascii=False, allow_nan=False)
    _replace(path, lambda temporary: _discard(temporary.write_bytes(encoded(text + "\n"))), make_safe=_discard)


def read_sealed(path: Path) -> dict[str, Any] | None:
    """What `write_sealed` wrote; None where there is none, or a single bit of it has changed."""
    return unsealed(read_json(path))


def sealed(content: dict[str, Any]) -> dict[str, Any]:
    """The content with its own checksum."""
    return content | {_SEAL: sha256_json(content)}


def unsealed(content: Any) -> dict[str, Any] | None:
    """What `sealed` was given; None where it is something else, or a single bit of it has changed."""
    if not isinstance(content, dict):
        return None
    content = dict(content)
    seal = content.pop(_SEAL, None)
    try:
        return content if seal == sha256_json(content) else None
    except ValueError:  # a number that is none
        return None


def build_once(path: Path, build: Callable[[Path], None]) -> Path:
    """The file or folder at `path`, built by the first process that asks while the others wait."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(f"{path.name}.lock"), wait=True):
        if not path.exists():
            for left_over in path.parent.glob(f".{glob.escape(path.name)}.????????"):  # of a builder that was killed
                shutil.rmtree(left_over, ignore_errors=True)
            _build_aside(path, build)
    return path


def _build_aside(path: Path, build: Callable[[Path], None]) -> None:
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        new = aside / "new"
        build(new)
        put_in_place(new, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def put_in_place(new: Path, path: Path) -> None:
    """Move a folder (or file) that was made on the same disk to `path`, whole, in one step."""
    for file in [*new.rglob("*"), new]:
        _sync(file)
    os.replace(new, path)
    _sync(path.parent)


def user_cache() -> Path:
    """The user's folder for what can be found out again on this machine, and takes a while; it may not exist yet.

    A place where no folder can be made for a user without a home, such as an unnamed one of a container.
    """
    named = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME")
    if named and os.environ.get(named):
        return Path(os.environ[named]) / "ablate"
    try:
        home = Path.home()
    except RuntimeError:
        return Path(os.devnull) / "ablate"
    return home / {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache") / "ablate"


def sha256_file(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with path.open("rb") as stream:
        return sha256_stream(stream)


def sha256_stream(stream: BinaryIO) -> str:
    """Hex digest of what is left in it."""
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]  # it has readinto


def sha256_json(value: Any) -> str:
    """Hex digest of the canonical JSON of a value: sorted keys, no white space, UTF-8."""
    return hashlib.sha256(encoded(_CANONICAL.encode(value))).hexdigest()


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the operating system drops it when the process dies.

    Raises Held, naming the owner, when another process has it and `wait` is false.
    """
    with _opened(path) as stream:
        if not _acquire(stream.fileno(), wait=wait):
            stream.seek(0)
            owner = stream.read().strip() or "another process"
            raise Held(f"{path.parent} is in use by {owner}", hint="Wait for it, or stop it with Ctrl-C.")
        stream.truncate(0)
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        stream.write(f"process {os.getpid()} on {socket.gethostname()} since {started} UTC\n")
        stream.flush()
        yield


def _opened(path: Path) -> TextIO:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    try:
        descriptor = open_own(path, flags)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_own(path, flags)
    return os.fdopen(descriptor, "a+", encoding="utf-8")


def _acquire(descriptor: int, *, wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _acquire_on_windows(descriptor, wait=wait)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock at `path`.

    While it looks nobody else can take the lock: not for locks whose refusal ends a command.
    """
    try:
        import fcntl

        with open_plain(path) as stream:
            fcntl.flock(stream.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except ImportError:  # Windows, where a lock is told from its holder only by taking it
        try:
            with locked(path):
                return False
        except Held:
            return True
    return False


def _acquire_on_windows(descriptor: int, *, wait: bool) -> bool:
    import msvcrt

    # Far behind the text that names the owner: a locked range cannot be read by others there.
    os.lseek(descriptor, 1 << 20, os.SEEK_SET)
    while True:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            if not wait:
                return False
            time.sleep(0.1)
        else:
            return True


def _sync(path: Path) -> None:
    on_windows = os.name == "nt"
    if on_windows and path.is_dir():
        return  # Windows cannot open a folder, and syncs only what it may write
    descriptor = os.open(path, os.O_RDWR if on_windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(_: object) -> None:
    return None
