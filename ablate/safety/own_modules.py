"""Code of the user's own: a module that a study names is looked for in the work folder, by its file.

A work folder is no place for Python's search to begin at: a `torch.py` or `numpy.py` lying there would be
executed by every command. Only the modules that dotted paths name (`my_pkg.exp:train`) come from there first;
for all others the folder is the last place, behind Python's own and the installed ones.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
import sysconfig
import warnings
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from ablate.errors import TrainerError

PACKAGES = {"site-packages", "dist-packages"}
"""Folders of installed packages, whichever environment they belong to."""


class NamedModules(MetaPathFinder):
    """Finds the top-level modules that were asked for by name in one folder, and no others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module by its file, where it is one of the names."""
        del target
        return _spec_in(self.folder, fullname) if path is None and fullname in self.names else None


def search_first(folder: Path) -> None:
    """Let dotted paths lead to modules in this folder before any other, and all other imports last."""
    others = [finder for finder in sys.meta_path if _folder_of(finder) != folder]
    mine = [finder for finder in sys.meta_path if _folder_of(finder) == folder]
    sys.meta_path[:] = [*(mine or [NamedModules(folder)]), *others]
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def import_named(name: str) -> ModuleType:
    """The module of a dotted name that a study wrote, from the work folder where it is there.

    Raises TrainerError for a file that has the name of a module of Python's own or of one in use.
    """
    _claim(name)
    return importlib.import_module(name)


def import_beside(name: str, folder: Path) -> ModuleType:
    """The module of a dotted name that a study wrote, from the work folder or the installed, else from a folder.

    folder: the study file's own. Nothing else is ever imported from there.
    """
    try:
        return import_named(name)
    except ModuleNotFoundError as error:
        top = name.partition(".")[0]
        if error.name != top or _spec_in(folder, top) is None:
            raise
    finder = NamedModules(folder)
    finder.names.add(top)
    sys.meta_path.append(finder)
    try:
        return importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)


def shadows(path: str) -> list[str]:
    """Sentences on modules of one name in the work folder and among the installed: which is used for a dotted path.

    path: of a trainer that was loaded.
    """
    name = path.partition(":")[0]
    top, finder = name.partition(".")[0], _finder()
    own = None if finder is None else _file_in(finder.folder, name)
    if finder is None or own is None or top not in finder.names:
        return []
    lines = []
    other = _elsewhere(top, finder.folder)
    if other is not None:
        lines.append(f"{top!r} is {_shown(own)}, and not the installed module of that name, {other}.")
    for needed in sorted(_imported_by(own) - {top}):
        file, other = _file_in(finder.folder, needed), _elsewhere(needed, finder.folder)
        if file is not None and other is not None:
            lines.append(
                f"{top!r} imports {needed!r}, which is the installed module, {other}, and not {_shown(file)}: "
                "rename the file to use it."
            )
    return lines


def _claim(name: str) -> None:
    """Have the top-level module come from the work folder, where its file is."""
    top, finder = name.partition(".")[0], _finder()
    file = None if finder is None or top == "ablate" else _file_in(finder.folder, name)
    if finder is None or file is None:
        return
    loaded = sys.modules.get(top)
    if top in sys.stdlib_module_names or (loaded is not None and _is_installed(loaded)):
        known = _place_of(loaded) if loaded is not None else "Python's own"
        raise TrainerError(
            f"{file} has the name of a module that is in use, {top!r} ({known})",
            hint="Give the file another name, and write that one in the study.",
        )
    if loaded is not None and not _is_same(loaded, file) and _is_of_a_work_folder(loaded):
        for known in [known for known in sys.modules if known == top or known.startswith(f"{top}.")]:
            del sys.modules[known]
    finder.names.add(top)


def _finder() -> NamedModules | None:
    return next((finder for finder in sys.meta_path if isinstance(finder, NamedModules)), None)


def _folder_of(finder: object) -> Path | None:
    return finder.folder if isinstance(finder, NamedModules) else None


def _file_in(folder: Path, name: str) -> Path | None:
    """What a dotted name's first part is in a folder: a module, a package, or a folder that holds the second part."""
    top, _, rest = name.partition(".")
    if not top:
        return None
    for file in (folder / top / "__init__.py", folder / f"{top}.py"):
        if file.is_file():
            return file
    inner = folder / top / rest.partition(".")[0]
    if rest and (inner.with_suffix(".py").is_file() or inner.is_dir()):
        return folder / top
    return None


def _spec_in(folder: Path, top: str) -> ModuleSpec | None:
    package, module = folder / top / "__init__.py", folder / f"{top}.py"
    if package.is_file():
        return spec_from_file_location(top, package, submodule_search_locations=[str(package.parent)])
    if module.is_file():
        return spec_from_file_location(top, module)
    if not (folder / top).is_dir():
        return None
    spec = ModuleSpec(top, None, is_package=True)  # a package without __init__.py
    spec.submodule_search_locations = [str(folder / top)]
    return spec


def _elsewhere(top: str, folder: Path) -> str | None:
    """Where Python finds a module of that name outside the work folder."""
    if top in sys.builtin_module_names:
        return "a part of Python"
    here = {os.path.realpath(folder), os.path.realpath(os.getcwd())}
    places = [entry for entry in sys.path if entry and os.path.realpath(entry) not in here]
    spec = PathFinder.find_spec(top, places)
    return None if spec is None else spec.origin  # a folder without __init__.py has none, and is hardly meant


def _imported_by(file: Path) -> set[str]:
    """The top-level names that a module, or any file of a package, imports."""
    files = [file] if file.is_file() and file.name != "__init__.py" else _python_files(file)
    return {name.partition(".")[0] for one in files for name in _imports_in(one)}


def _python_files(file: Path) -> list[Path]:
    return sorted((file if file.is_dir() else file.parent).rglob("*.py"))


def _imports_in(file: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _place_of(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "a part of Python"))


def _is_same(module: ModuleType, file: Path) -> bool:
    return os.path.realpath(_place_of(module)) == os.path.realpath(file)


def _is_installed(module: ModuleType) -> bool:
    """Whether a loaded module is Python's own or of an installed package, and so used by others."""
    if not hasattr(module, "__file__") and not hasattr(module, "__path__"):
        return True
    place = Path(_place_of(module))
    python = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    return not PACKAGES.isdisjoint(place.parts) or any(place.is_relative_to(folder) for folder in python)


def _is_of_a_work_folder(module: ModuleType) -> bool:
    folders = [finder.folder for finder in sys.meta_path if isinstance(finder, NamedModules)]
    return any(Path(_place_of(module)).is_relative_to(folder) for folder in folders)


def _shown(file: Path) -> str:
    return str(file.parent if file.name == "__init__.py" else file)
