"""The packages of the extra `deploy`, loaded where they are needed, with nothing sent to their makers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ablate.errors import NotInstalled

EXTRA = "pip install '.[deploy]'"
TELEMETRY = "openvino_telemetry"


def load_package(name: str) -> ModuleType:
    """The package, or a module of it. Raises NotInstalled, naming the extra, where it is not there or does not start.

    openvino and nncf report their use to Google Analytics when they are imported and when they work, unless
    `openvino_telemetry` is missing: for their import it is. What else of logging nncf changes is put back. nncf loads
    torch where torch is installed, and does without it where it is not.
    """
    package = name.partition(".")[0]
    if package not in sys.modules and find_spec(package) is None:
        raise NotInstalled(
            f"this needs {package}, which is not installed", hint=f"Install what deploying needs: `{EXTRA}`."
        )
    try:
        with _without_telemetry(), _same_loggers(), no_warnings_logged():
            module = import_module(name)
    except ImportError as error:
        raise NotInstalled(
            f"{package} is installed, but cannot be imported: {error}",
            hint=f"`python -c 'import {package}'` shows why; `{EXTRA}` installs what was tested.",
        ) from error
    if package == "nncf":
        _silence_nncf()
    return module


@contextmanager
def _without_telemetry() -> Iterator[None]:
    former = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment] # as the import system has it: importing it fails
    try:
        yield
    finally:
        if former is None:
            del sys.modules[TELEMETRY]
        else:
            sys.modules[TELEMETRY] = former


@contextmanager
def _same_loggers() -> Iterator[None]:
    """nncf makes its own kind of logger the kind of everybody's."""
    former = logging.getLoggerClass()
    try:
        yield
    finally:
        logging.setLoggerClass(former)


@contextmanager
def no_warnings_logged() -> Iterator[None]:
    """Such as that there is no graphics card, which nothing here uses, or that a norm is not quantised."""
    former = logging.root.manager.disable
    logging.disable(max(former, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(former)


def _silence_nncf() -> None:
    """It writes its progress to the standard output, which is the caller's; errors are raised all the same."""
    logging.getLogger("nncf").setLevel(logging.ERROR)
