"""The plain records that travel between the parts; each becomes JSON and comes back unchanged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from ablate.files import sha256_json
from ablate.splits.rules import Protocol, Replicate, test_from_json, test_to_json

FORMAT = 1
"""Version of the stored records and of the fingerprint's input."""


Config = Mapping[str, Any]
"""A trainer's configuration as plain JSON data."""


BASELINE = "baseline"
"""The name of the variant that has the study's `base:` and no change."""


FailureReason = Literal["error", "diverged", "oom", "killed", "timeout", "interrupted", "pruned", "damaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One training run that was asked for.

    config is complete; identity is the part of it that makes two runs the same run: values equal
    to their default and values that cannot change the outcome (roots, device) are left out.
    """

    trainer: str
    config: Config
    identity: Config
    protocol: Protocol
    replicate: Replicate
    fingerprint: str = field(init=False, repr=False, compare=False)
    """sha256 of what was asked; the name of the run's folder."""

    def __post_init__(self) -> None:
        asked = {"format": FORMAT, "trainer": self.trainer, "config": self.identity}
        asked |= {"protocol": self.protocol.identity(), "replicate": asdict(self.replicate)}
        object.__setattr__(self, "fingerprint", sha256_json(asked))

    def takes(self, result: Finished) -> bool:
        """Whether a finished run answers: it is known what it was judged on, or nobody has to know."""
        return result.is_checked or not self.protocol.must_split

    def to_json(self) -> dict[str, Any]:
        """Plain data for spec.json."""
        return {
            "format": FORMAT,
            "trainer": self.trainer,
            "config": self.config,
            "identity": self.identity,
            "protocol": asdict(self.protocol) | {"test": test_to_json(self.protocol.test)},
            "replicate": asdict(self.replicate),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> RunSpec:
        """The spec that `to_json` wrote."""
        protocol = dict(data["protocol"])
        return RunSpec(
            trainer=data["trainer"],
            config=data["config"],
            identity=data["identity"],
            protocol=Protocol(**(protocol | {"test": test_from_json(protocol["test"])})),
            replicate=Replicate(**data["replicate"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One complete configuration under a name.

    changes: the overrides that tell it from `reference`, the variant it is compared with. factors: the
    changes of the design that are on. alias: what this design calls it, where another one named it first.
    stream: which luck its runs have: `main`, which all variants of a replicate share, but for copies.
    """

    name: str
    config: Config
    identity: Config
    changes: Mapping[str, Any] = field(default_factory=dict)
    reference: str | None = None
    factors: tuple[str, ...] = ()
    alias: str = ""
    stream: str = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One question put to the statistics: a weighted sum of variants, judged within its family.

    not_assessable: why no verdict can be given whatever the data say; empty for most. factors: the changes
    it is about. ask: what the study asks beyond a difference: whether it is no worse.
    """

    name: str
    variant: str
    reference: str
    weights: Mapping[str, float]
    family: str
    not_assessable: str = ""
    factors: tuple[str, ...] = ()
    ask: Literal["", "no_worse"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run cost; None where the trainer cannot say.

    latency_seconds: to score one image alone.
    """

    parameters: int | None = None
    flops: int | None = None
    steps: int | None = None
    images_seen: int | None = None
    peak_bytes: int | None = None
    train_seconds: float | None = None
    latency_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What one look at the data found, before the first run.

    digest: of the images and labels, whatever folder they lie in.
    counts: images in train, val, test and unused for replicate 0.
    unreadable: ids left out because of `on_bad_image: skip`.
    watch: files and folders whose change makes this record stale.
    weights_digest: of the weights that runs begin with, where these come from elsewhere.
    pending: something was not there yet, such as the weights of an earlier run; look again next time.
    former: other digests that finished runs may carry of just these data, such as by an earlier rule.
    test_classes: test images of each class, for replicate 0; empty where nobody has counted them.
    """

    digest: str
    classes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    weights_digest: str = ""
    pending: bool = False
    former: tuple[str, ...] = ()
    test_classes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a trainer hands back.

    metrics: on the test images, as fractions where the metric is a rate.
    epoch: the epoch whose weights were tested, counted from 1.
    images: npz in the run's folder of n test images: id (n,), target (n,), score (n,), where 1 is right and 0 wrong
    or a score of the metric, and, where known, prob (n, classes).
    files: name -> path in the run's folder, kept and logged.
    data_digest, weights_digest, device: what the run in fact read, began with and ran on, for the stamp.
    """

    metrics: Mapping[str, float]
    epoch: int | None = None
    images: Path | None = None
    cost: Cost = Cost()
    files: Mapping[str, Path] = field(default_factory=dict)
    data_digest: str = ""
    weights_digest: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What happened: code, data, first weights (where they came from elsewhere) and machine of a finished run."""

    source_digest: str = ""
    data_digest: str = ""
    weights_digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    git_commit: str = ""
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that ended with a result; paths in its folder, digests: path -> sha256, checkpoints' seconds counted in.

    parts: how many images `run.split` handed out in fit, val and test; empty where the trainer split by itself.
    """

    folder: Path
    metrics: Mapping[str, float]
    epoch: int | None = None
    images: str | None = None
    test_digest: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    cost: Cost = Cost()
    stamp: Stamp = Stamp()
    seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    digests: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_checked(self) -> bool:
        """Whether the images it is judged on are known to be those that it was to be judged on."""
        return bool(self.parts) and self.images is not None

    def to_json(self) -> dict[str, Any]:
        """Plain data for the journal; the folder is where the journal lies."""
        return _plain(self) | {"cost": _plain(self.cost), "stamp": _plain(self.stamp)}

    @staticmethod
    def from_json(folder: Path, data: Mapping[str, Any]) -> Finished:
        """The record that `to_json` wrote into `folder`."""
        nested = {"cost": Cost(**data["cost"]), "stamp": Stamp(**data["stamp"])}
        return Finished(folder=folder, **(dict(data) | nested))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A run that ended without a result: never a number in a table."""

    folder: Path
    reason: FailureReason
    message: str = ""
    traceback: str = ""
    source_digest: str = ""
    data_digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data for the journal."""
        return _plain(self)

    @staticmethod
    def from_json(folder: Path, data: Mapping[str, Any]) -> Failed:
        """The record that `to_json` wrote into `folder`."""
        return Failed(folder=folder, **data)


def _plain(record: Finished | Failed | Cost | Stamp) -> dict[str, Any]:
    """The fields but the folder; `asdict` would copy them, a millisecond a run."""
    return {one.name: getattr(record, one.name) for one in fields(record) if one.name != "folder"}


RunResult = Finished | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a study: a variant on a replicate, and what came of it (None: not run yet).

    groups: image id -> the group whose luck it shares, for images whose group has several; asked where the run's own
    outcomes do not say it. classes: the names of its classes in the order of their numbers, where the data are known.
    """

    variant: str
    replicate: Replicate
    result: RunResult | None = None
    groups: Callable[[], Mapping[str, str]] | None = field(default=None, compare=False, repr=False)
    classes: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a journal: what happened, when (seconds since 1970, UTC), in which order."""

    sequence: int
    time: float
    kind: Literal["started", "resumed", "epoch", "finished", "failed"]
    data: Mapping[str, Any]
