"""From a dotted path (`my_pkg.exp:train`) to a trainer and what stands beside it."""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ablate.errors import TrainerError, near_match
from ablate.files import user_cache
from ablate.safety.code_text import digest_of, remembered_digest
from ablate.safety.own_modules import import_named
from ablate.safety.own_modules import search_first as search_first
from ablate.settings import Settings, schema_complaint

Goal = Literal["max", "min"]

BUILT_IN = "ablate.training:train"
COMMAND = "ablate.command:train "
"""How the path of a command begins; what stands behind it says which."""
INSTALL_IT = "Install it into the environment that `ablate` runs in."


class Resources(NamedTuple):
    """What one run of a trainer takes that says so itself. gpus: whole graphics cards, handed out together."""

    gpus: int = 1
    cpus: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """A trainer and its optional companions, found beside it in its module."""

    path: str
    train: Callable[..., Any]
    config: type[Settings]
    metrics: Mapping[str, Goal]
    weights: Literal["last", "best", "protocol"] | None = None
    """Whose weights it says it tests: the last epoch's, those best on val, or as `run.protocol.weights` asks."""
    describe: Callable[..., Any] | None = None
    count_parameters: Callable[..., int | None] | None = None
    """`count_parameters(config)`: how many there are, all trained, if that is known without what `describe` takes."""
    prepare: Callable[..., Any] | None = None
    predict: Callable[..., Any] | None = None
    trained_on: Callable[..., Sequence[tuple[str, Sequence[int]] | None]] | None = None
    """`trained_on(runs, images)`: for each image file, if one of the runs, (spec, run), was fitted or chosen on it, its
    id and the replicates; else None."""
    unlabelled: Callable[..., Any] | None = None
    """`unlabelled(spec)`: the paths of images without labels that come with the data set of a run."""
    retest: Callable[..., Any] | None = None
    """`retest(spec, result, run)`: the metrics of a finished run once more, from its stored weights."""
    explain: Callable[..., Any] | None = None
    """`explain(spec, result, run, layer)`: an ablate.explained.Explained of a finished run."""
    export: Callable[..., None] | None = None
    """`export(spec, result, path)`: the network of a finished run as a file, .onnx or .pt2 by the path's ending, in
    which one batch of images gives logits."""
    augmented_test: Callable[..., Any] | None = None
    """`augmented_test(spec, result, run, tta)`: the npz of the test images seen several ways, in the run's folder."""
    check_views: Callable[..., None] | None = None
    """`check_views(config, tta)`: raises SettingError for views that cannot be had of a config's images."""
    thumbnails: Callable[..., Mapping[str, bytes]] | None = None
    """`thumbnails(config, ids, kept)`: small PNGs of images by id; `kept(key)` is the cache's path of a key."""
    image_groups: Callable[..., Mapping[str, str]] | None = None
    """`image_groups(config, result, kept)`: image id -> its group, by the data of a finished run, for images that share
    theirs; `kept` as above. Asked where a run's outcomes have no column `group`."""
    locate: Callable[..., Any] | None = None
    """`locate(config)`: raises DataMissing where the data are not, in no time."""
    note_names: Callable[..., Sequence[str]] | None = None
    """`note_names(config)`: what the names of the images say of a config's data; nothing is decoded for it."""
    examine: Callable[..., Any] | None = None
    """`examine(config, protocol, cached)`: an Examination of the data of a config."""
    donors: Callable[..., Any] | None = None
    """`donors(config)`: the variants, `STUDY/VARIANT`, whose runs a config begins with."""
    check_config: Callable[..., None] | None = None
    """`check_config(config, protocol)`: raises SettingError for what cannot be met whatever the data are."""
    look_at_data: str = ""
    """module:function that is given (config, protocol, cached): a Prepared of the data alone, without a network;
    it raises all that a run would refuse of them."""
    decode_images: str = ""
    """module:function that is given (config, run) and fills the cache that `prepare` reads, while what `warm` names is
    still being loaded; what is wrong with the images is for `prepare` to tell."""
    warm: str = ""
    """Module, or module:function, that a warm server loads once; by default the trainer's module."""
    about: Callable[[], Sequence[str]] | None = None
    """Sentences for `plan` on what a run is known by beside its settings."""
    resources: Resources | None = None
    """What a run takes; None where its settings say so."""
    validation: str = ""
    """Which of its numbers it declares to be of validation images, where it splits the images by itself."""
    absent: TrainerError | None = None
    """Why a command cannot be run here: its program or its script is not there. Reports can be written all the same."""
    missing: tuple[str, ...] = ()
    """Packages it imports that are not installed here: it can be read, and not run."""

    @property
    def is_command(self) -> bool:
        """Whether it is a command, and no module."""
        return is_command(self.path)

    @property
    def shown(self) -> str:
        """How a message calls it."""
        return shown_path(self.path)

    def refuse_absent(self, where: str = "") -> None:
        """Raise TrainerError where it is a command that is not there. where: the place that names it."""
        if self.absent is not None:
            raise TrainerError(f"{where}{self.absent.message}", hint=self.absent.hint)

    def refuse_missing(self, where: str = "") -> None:
        """Raise TrainerError where it cannot be run. where: the place that names the trainer."""
        self.refuse_absent(where)
        if self.missing:
            raise TrainerError(
                f"{where}trainer {self.path!r} needs {listed_modules(self.missing)} not installed", hint=INSTALL_IT
            )


def listed_modules(names: Sequence[str]) -> str:
    """`the module 'torch', which is` with more than one in the plural."""
    several = len(names) > 1
    return f"the module{'s' * several} {', '.join(map(repr, names))}, which {'are' if several else 'is'}"


def is_built_in(path: str) -> bool:
    """Whether a dotted path leads to the trainer that comes with ablate."""
    module = path.partition(":")[0]
    return module == "ablate.training" or module.startswith("ablate.training.")


def is_command(path: str) -> bool:
    """Whether a trainer's path is that of a command."""
    return path.startswith(COMMAND)


def is_told_its_part(path: str) -> bool:
    """Whether a run is told which images to be tested on: every trainer is, and a command whose words say so."""
    return not is_command(path) or any(place in path for place in ("{fold}", "{split}", "{replicate}"))


def shown_path(path: str) -> str:
    """A trainer's path as people call it: a command by its words."""
    if not is_command(path):
        return path
    try:
        text = " ".join(json.loads(path.removeprefix(COMMAND))["command"])
    except (ValueError, KeyError, TypeError):
        return "a command"
    return f"`{text if len(text) <= 80 else f'{text[:79]}…'}`"


def load_trainer(path: str) -> Trainer:
    """The trainer at a dotted path `package.module:function`, or that of a command.

    Raises TrainerError where the path leads nowhere, or the function's `config` is not annotated
    with a class derived from `ablate.Settings`.
    """
    if is_command(path):
        loaded: Trainer = import_named("ablate.command").load(path)
        return loaded
    module_name, _, function_name = path.partition(":")
    if not module_name or not function_name:
        raise TrainerError(f"trainer {path!r} is not a dotted path", hint="Write it as package.module:function.")
    module = _import(module_name, path)
    train = getattr(module, function_name, None)
    if not callable(train):
        known = [n for n, value in vars(module).items() if inspect.isfunction(value) and _is_own(value, module)]
        raise TrainerError(
            f"trainer {path!r}: module {module_name!r} has no function {function_name!r}",
            hint=f"{near_match(function_name, known)}It has: {', '.join(sorted(known)) or 'none'}.",
        )
    return Trainer(
        path=path,
        train=train,
        config=_config_of(train, path),
        metrics=_metrics_of(module, path),
        weights=_weights_of(module, path),
        describe=getattr(module, "describe", None),
        count_parameters=getattr(module, "count_parameters", None),
        prepare=getattr(module, "prepare", None),
        predict=getattr(module, "predict", None),
        trained_on=getattr(module, "trained_on", None),
        unlabelled=getattr(module, "unlabelled", None),
        retest=getattr(module, "retest", None),
        explain=getattr(module, "explain", None),
        export=getattr(module, "export", None),
        augmented_test=getattr(module, "augmented_test", None),
        check_views=getattr(module, "check_views", None),
        thumbnails=getattr(module, "thumbnails", None),
        image_groups=getattr(module, "image_groups", None),
        locate=getattr(module, "locate", None),
        note_names=getattr(module, "note_names", None),
        examine=getattr(module, "examine", None),
        donors=getattr(module, "donors", None),
        check_config=getattr(module, "check_config", None),
        look_at_data=getattr(module, "LOOK_AT_DATA", ""),
        decode_images=getattr(module, "DECODE_IMAGES", ""),
        warm=getattr(module, "WARM", module_name),
    )


def _is_own(function: Any, module: Any) -> bool:
    return function.__module__ == module.__name__ and not function.__name__.startswith("_")


def _import(name: str, path: str) -> Any:
    try:
        return import_named(name)
    except TrainerError:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise TrainerError(
                f"trainer {path!r} needs {listed_modules([error.name or '?'])} not installed", hint=INSTALL_IT
            ) from error
        raise TrainerError(
            f"trainer {path!r}: there is no module {error.name!r}",
            hint="The folder given by --work (default: the current one) is searched first.",
        ) from error
    except (Exception, SystemExit) as error:
        raise TrainerError(
            f"trainer {path!r} cannot be imported: {type(error).__name__}: {error}",
            hint=f"`python -c 'import {name}'` shows where. What a script does goes under `if __name__ == ...`.",
        ) from error


def _config_of(train: Callable[..., Any], path: str) -> type[Settings]:
    name = _first_parameter(train, path)
    try:
        annotation = typing.get_type_hints(train).get(name)
    except Exception as error:
        raise TrainerError(
            f"trainer {path!r}: an annotation cannot be resolved: {error}",
            hint="Import what annotations name at run time, outside `if TYPE_CHECKING`.",
        ) from error
    if not (isinstance(annotation, type) and issubclass(annotation, Settings)):
        raise TrainerError(
            f"trainer {path!r}: the annotation of `{name}` must be a class derived from ablate.Settings",
            hint="A plain dataclass takes unknown keys silently; write `class Config(ablate.Settings): ...`.",
        )
    complaint = schema_complaint(annotation)
    if complaint:
        raise TrainerError(f"trainer {path!r}: {complaint.what}", hint=complaint.remedy)
    return annotation


def _first_parameter(train: Callable[..., Any], path: str) -> str:
    """The name of what takes the settings. Raises TrainerError for what cannot be called as train(config, run)."""
    try:
        signature = inspect.signature(train)
    except (TypeError, ValueError):
        return "config"  # it does not tell
    try:
        signature.bind(None, None)
    except TypeError:
        raise TrainerError(
            f"trainer {path!r} is called with the settings and the run, by position, and takes {signature}",
            hint="Write `def train(config: Config, run): ...`; what else it takes needs a default.",
        ) from None
    return next(iter(signature.parameters))


def _metrics_of(module: Any, path: str) -> dict[str, Goal]:
    metrics = getattr(module, "METRICS", {"accuracy": "max"})
    if not isinstance(metrics, Mapping) or not metrics or not set(metrics.values()) <= {"max", "min"}:
        raise TrainerError(
            f"trainer {path!r}: METRICS is {metrics!r}",
            hint='Write each metric with its better direction: METRICS = {"accuracy": "max", "loss": "min"}.',
        )
    return dict(metrics)


def _weights_of(module: Any, path: str) -> Literal["last", "best", "protocol"] | None:
    if path.startswith("ablate."):  # ours do as the study says
        return "protocol"
    found = getattr(module, "WEIGHTS", None)
    known: tuple[Literal["last", "best", "protocol"], ...] = ("last", "best", "protocol")
    if found is not None and found not in known:
        raise TrainerError(
            f"trainer {path!r}: WEIGHTS is {found!r}",
            hint='Say whose weights are tested: "last" (epoch), "best" (on parts.val) or "protocol" '
            "(as run.protocol.weights asks); or leave it out.",
        )
    return next((one for one in known if one == found), None)


def source_digest(path: str) -> str:
    """Digest of the trainer's source: what it does, not how it is commented.

    Covers the Python files of the trainer's top-level package (of `ablate.training` for the built-in one; of the
    single file where it is no package), as syntax trees without docstrings. From which module of `ablate` a name is
    imported does not count, unless that module is one of the files: ablate's own modules may move.
    """
    if is_command(path):
        return str(import_named("ablate.command").source_digest(path))
    return _digest_of_files(_stats(path), _package_of(path))


def former_source_digests(path: str) -> tuple[str, ...]:
    """The digests that runs of this very source carry, if they were made by an earlier rule."""
    if is_command(path):
        return ()
    former = _digest_of_files(_stats(path), "")
    return () if former == source_digest(path) else (former,)


def _stats(path: str) -> tuple[tuple[str, str, int, int], ...]:
    stats = [(name, str(file), file.stat()) for name, file in source_files(path)]
    return tuple((name, file, stat.st_mtime_ns, stat.st_size) for name, file, stat in stats)


def _package_of(path: str) -> str:
    """The package, or the single module, whose source is the trainer's."""
    module_name = path.partition(":")[0]
    if module_name.startswith("ablate.training"):
        return "ablate.training"
    package = module_name.split(".")[0]
    return module_name if package == "ablate" else package


def source_files(path: str) -> list[tuple[str, Path]]:
    """Name in its package and place of each file that `source_digest` is of."""
    package = _package_of(path)
    module = sys.modules.get(package) or _import(package, path)
    roots = [Path(root) for root in getattr(module, "__path__", [])]  # several where it is a namespace package
    found = [(file.relative_to(root).as_posix(), file) for root in roots for file in root.rglob("*.py")]
    if not roots and (own := getattr(module, "__file__", None)):
        found = [(Path(own).name, Path(own))]
    return [(name, file) for name, file in sorted(found) if file.is_file()]


@lru_cache(maxsize=32)
def _digest_of_files(files: tuple[tuple[str, str, int, int], ...], package: str) -> str:
    # Taking 130 files apart costs half a second of processor time, and every command asks.
    sources = [(name, Path(file).read_bytes()) for name, file, _, _ in files]
    try:
        folder = user_cache() / "sources"
    except RuntimeError:  # a user of a container who has no home
        return digest_of(sources, package)
    return remembered_digest(sources, package, folder)
