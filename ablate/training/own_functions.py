"""Functions of the user's that a setting names by a dotted path."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ablate.errors import DataError, near_match
from ablate.safety.own_modules import import_named


def find_function(path: str, key: str, *, hint: str) -> Callable[..., Any]:
    """The function at a dotted path. Raises DataError where there is none.

    key: the setting that names it. hint: what is said of how it is called, where the module has none of that name.
    """
    module_name, _, name = path.partition(":")
    try:
        module = import_named(module_name)
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError)
        raise DataError(
            f"{key} ({path}): {'' if missing else f'{type(error).__name__}: '}{error}",
            hint="The folder given by --work (default: the current one) is searched first."
            if missing
            else f"`python -c 'import {module_name}'` shows where.",
        ) from error
    found: Any = getattr(module, name, None)
    if not callable(found):
        known = [one for one, value in vars(module).items() if inspect.isfunction(value)]
        raise DataError(
            f"{key} ({path}): module {module_name!r} has no function {name!r}", hint=f"{near_match(name, known)}{hint}"
        )
    function: Callable[..., Any] = found
    return function
