"""From a dotted path (`my_pkg.exp:train`) to a trainer and what stands beside it."""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ablate.errors import TrainerError, near_match
from ablate.settings import Settings

Goal = Literal["max", "min"]

BUILT_IN = "ablate.training:train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """A trainer and its optional companions, found beside it in its module."""

    path: str
    train: Callable[..., Any]
    config: type[Settings]
    metrics: Mapping[str, Goal]
    describe: Callable[..., Any] | None = None
    prepare: Callable[..., Any] | None = None
    predict: Callable[..., Any] | None = None
    warm: str = ""
    """Module, or module:function, that a warm server loads once; by default the trainer's module."""


def search_first(folder: Path) -> None:
    """Let dotted paths lead to modules in this folder before any other."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def load_trainer(path: str) -> Trainer:
    """The trainer at a dotted path `package.module:function`.

    Raises TrainerError where the path leads nowhere, or the function's `config` is not annotated
    with a class derived from `ablate.Settings`.
    """
    module_name, _, function_name = path.partition(":")
    if not module_name or not function_name:
        raise TrainerError(f"trainer {path!r} is not a dotted path", hint="Write it as package.module:function.")
    module = _import(module_name, path)
    train = getattr(module, function_name, None)
    if not callable(train):
        known = [name for name, value in vars(module).items() if inspect.isfunction(value)]
        raise TrainerError(
            f"trainer {path!r}: module {module_name!r} has no function {function_name!r}",
            hint=f"{near_match(function_name, known)}It has: {', '.join(sorted(known)) or 'none'}.",
        )
    return Trainer(
        path=path,
        train=train,
        config=_config_of(train, path),
        metrics=dict(getattr(module, "METRICS", {"accuracy": "max"})),
        describe=getattr(module, "describe", None),
        prepare=getattr(module, "prepare", None),
        predict=getattr(module, "predict", None),
        warm=getattr(module, "WARM", module_name),
    )


def _import(name: str, path: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise TrainerError(f"trainer {path!r} needs the module {error.name!r}, which is not installed") from error
        raise TrainerError(
            f"trainer {path!r}: there is no module {error.name!r}",
            hint="The folder given by --work (default: the current one) is searched first.",
        ) from error
    except Exception as error:
        raise TrainerError(f"trainer {path!r} cannot be imported: {type(error).__name__}: {error}") from error


def _config_of(train: Callable[..., Any], path: str) -> type[Settings]:
    try:
        annotation = typing.get_type_hints(train).get("config")
    except NameError as error:
        raise TrainerError(f"trainer {path!r}: an annotation cannot be resolved: {error}") from error
    if not (isinstance(annotation, type) and issubclass(annotation, Settings)):
        raise TrainerError(
            f"trainer {path!r}: the annotation of `config` must be a class derived from ablate.Settings",
            hint="A plain dataclass takes unknown keys silently; write `class Config(ablate.Settings): ...`.",
        )
    return annotation


def source_digest(path: str) -> str:
    """Digest of the trainer's source: what it does, not how it is commented.

    Covers the Python files of the trainer's top-level package (of `ablate.training` for the
    built-in one; of the single file where it is no package), as syntax trees without docstrings.
    """
    module_name = path.partition(":")[0]
    package = "ablate.training" if module_name.startswith("ablate.training") else module_name.split(".")[0]
    if module_name.startswith("ablate.") and package == "ablate":
        package = module_name
    module = sys.modules.get(package) or _import(package, path)
    file = getattr(module, "__file__", None)
    if file is None:
        return ""
    root = Path(file)
    files = sorted(root.parent.rglob("*.py")) if root.name == "__init__.py" else [root]
    stats = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)
    return _digest_of_files(stats, str(root.parent))


@lru_cache(maxsize=32)
def _digest_of_files(files: tuple[tuple[str, int, int], ...], root: str) -> str:
    digest = hashlib.sha256()
    for name, _, _ in files:
        digest.update(Path(name).relative_to(root).as_posix().encode())
        digest.update(_normalised(Path(name).read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def _normalised(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        # Docstrings, and the strings under a field that serve as its documentation.
        node.body = [item for item in body if not _is_bare_string(item)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
