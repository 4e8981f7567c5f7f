"""A trainer whose packages are not installed here: read for what it says of itself, and never run.

To check a study, or to write a report from runs that are there, takes a trainer's settings, its METRICS and the text
of its code; scikit-learn or torch, which it imports to train, are not needed for that. While such a module is
imported, something stands in for each package that is missing. Names may be taken from it, subclassed, and used as
decorators and annotations; whatever needs a value of it is refused, so that no setting can come from it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from inspect import isclass, isroutine
from itertools import chain
from types import ModuleType
from typing import Any, NoReturn

from ablate.errors import TrainerError
from ablate.settings import Settings
from ablate.trainer import Trainer, load_trainer

_read_without: set[str] = set()
"""Loaded modules that hold something of a package that was missing: imported anew when they are asked for again."""


def read_trainer(path: str) -> Trainer:
    """The trainer at a dotted path, also where packages that it imports are missing; it names them in `missing`.

    Raises TrainerError as `load_trainer` does; for want of a package only where it cannot be read without it.
    """
    _forget()
    missing: list[str] = []
    before = set(_kinds(Settings))
    try:
        return load_trainer(path)
    except TrainerError as error:
        first, name = error, _missing_by(error, path)
    while name and name not in missing:
        missing.append(name)
        try:
            with _standing_in(missing):
                found = load_trainer(path)
            made_up = [kind for kind in _kinds(Settings) if kind not in before and _has_absent_default(kind)]
        except TrainerError as error:
            name = _missing_by(error, path)
        except Exception:  # noqa: BLE001 - what comes of a stand-in is no news: the first error is told
            break
        else:
            if made_up:
                _read_without.update(_modules_with(made_up), [path.partition(":")[0]])
                break
            return replace(found, missing=tuple(missing))
    _forget()
    raise first


def _missing_by(error: TrainerError, path: str) -> str:
    """The package that is missing; empty where something else is wrong."""
    cause = error.__cause__
    name = (cause.name or "") if isinstance(cause, ModuleNotFoundError) else ""
    package = name.partition(".")[0]
    own = path.partition(":")[0].partition(".")[0]
    return "" if package in (own, "ablate") or package in sys.modules else package


def _forget() -> None:
    """Let go of modules that were imported without their packages: these may have been installed since."""
    for name in _read_without:
        sys.modules.pop(name, None)
    _read_without.clear()


def _kinds(kind: type[Settings]) -> Iterator[type[Settings]]:
    """All settings there are, those of trainers that were read before included."""
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)


def _has_absent_default(kind: type[Settings]) -> bool:
    """Whether a default is to come from a package that is missing."""
    fields = vars(kind).get("__pydantic_fields__", {}).values()
    return any(isinstance(value, Absent) for field in fields for value in (field.default, field.default_factory))


def _modules_with(kinds: Sequence[type[Settings]]) -> list[str]:
    """Names of the loaded modules in which one of these stands."""
    places = {id(kind) for kind in kinds}
    return [name for name, module in list(sys.modules.items()) if places & set(map(id, vars(module).values()))]


@contextmanager
def _standing_in(packages: Sequence[str]) -> Iterator[None]:
    """Have imports of these packages find a stand-in; it is gone with the block, but for who took names from it."""
    before, finder = set(sys.modules), _Finder(packages)
    sys.meta_path.append(finder)
    Absent.is_read = True
    try:
        yield
    finally:
        Absent.is_read = False
        sys.meta_path.remove(finder)
        loaded = {name: sys.modules[name] for name in set(sys.modules) - before}
        for name, module in loaded.items():
            if isinstance(module, _AbsentModule):
                del sys.modules[name]
            elif any(isinstance(value, Absent | _AbsentModule) for value in vars(module).values()):
                _read_without.add(name)


class Absent:
    """A name of a package that is missing. It can be passed on while a trainer is read, and is good for nothing."""

    is_read = False

    def __init__(self, name: str) -> None:
        self._absent = name

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._part(f".{name}")

    def __call__(self, *given: Any, **named: Any) -> Any:
        """As a decorator it leaves what it decorates as it is."""
        part = self._part("()")
        return given[0] if len(given) == 1 and not named and (isclass(given[0]) or isroutine(given[0])) else part

    def __getitem__(self, _: Any) -> Absent:
        return self._part("[]")

    def __or__(self, _: Any) -> Absent:
        return self._part("|")

    __ror__ = __or__

    def __mro_entries__(self, _: Any) -> tuple[type, ...]:
        return ()  # a class derived from it

    def _part(self, text: str) -> Absent:
        return Absent(self._absent + text) if Absent.is_read else self._refuse()

    def _refuse(self, *_: Any) -> NoReturn:
        package = self._absent.partition(".")[0]
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)


_NEED_A_VALUE = (
    ("bool", "iter", "len", "contains", "str", "format", "int", "float", "index", "enter", "exit"),
    ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "round", "instancecheck", "subclasscheck"),
    ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod"),
    ("pow", "rpow", "matmul", "rmatmul", "and", "rand"),
)
for _name in chain(*_NEED_A_VALUE):
    setattr(Absent, f"__{_name}__", Absent._refuse)


class _AbsentModule(ModuleType):
    """A module of a package that is missing."""

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")._part("")


class _Finder(MetaPathFinder, Loader):
    """Finds what nobody else does: the modules of packages that are missing."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = frozenset(packages)

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The module, where its package is one of the missing."""
        del path, target
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in self.packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module without anything in it."""
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to execute."""
