"""What travels between the makers of a network's files, those who measure them, and the report.

Each becomes JSON by `to_json`; a preprocessing comes back by `preprocessing.read_preprocessing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ablate.errors import StudyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEY = "ablate"
"""Under this name a file keeps its preprocessing: ONNX's `metadata_props`, OpenVINO's `rt_info`; `ablate.json` in the
`extra_files` of a `.pt2`."""

VERSION = 1
"""Of the preprocessing's JSON. A higher one is refused: what it adds might change the pixels."""

OPEN = "ablate.deploy.opening:open_engine"
"""What opens a file by its ending."""

NoWorse = Literal["non_inferior", "inferior", "undecided", "not_assessable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """What makes an image file the network's input, and the names of what comes out.

    The fields up to `reader` are those of a study's `data:` block with their values as JSON. mean, std: one value per
    channel, after pixels are scaled to [0, 1]; None where a study normalises nothing (`imagenet` written out).
    classes: the names of the logits, in order. study, variant, replicate, fingerprint: the run the weights are of;
    empty and None where it is not known.
    """

    image_size: int
    classes: tuple[str, ...]
    channels: int = 3
    resize: str = "pil"
    exif: str = "ignore"
    depth: Any = None
    reader: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    multi_label: bool = False
    study: str = ""
    variant: str = ""
    replicate: int | None = None
    fingerprint: str = ""
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain data for the file."""
        return asdict(self)


class Engine(Protocol):
    """A network that answers, in one library, with a fixed number of threads."""

    @property
    def name(self) -> str:
        """The library: torch, onnxruntime, openvino."""
        ...

    @property
    def precision(self) -> str:
        """What most of the arithmetic is done in: fp32, bf16, int8."""
        ...

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, C, H, W) -> (N, K). Any N of 1 or more."""
        ...


class Opener(Protocol):
    """What a step's dotted path names."""

    def __call__(self, path: str, *, threads: int) -> Engine:
        """The network of a file. Raises DataError for one that cannot be used, NotInstalled without its library."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One file that somebody made: all that its maker knows of it. Whoever makes a file fills this.

    name: the row's, such as `original` or `INT8, after training`; one row's steps share it, one a replicate.
    path: the file whose bytes are the row's size; an IR's .bin beside its .xml and external data are counted with it.
    engine, precision: as its Engine says. network: the name of what is computed, `original` or `30 % of the channels
    pruned`: rows of one network, engine or precision are set against each other to split a speed-up. parameters,
    multiply_adds: of one image's forward pass, None where nobody has counted. what_was_done: a sentence. parent: the
    name of the row it was made from; empty for the first. opener: dotted path of an `Opener`; a network that exists in
    torch only names one in `ablate.training`, with whatever path that one reads.
    preprocessing: None where the file has its own; else of this row.
    """

    name: str
    path: str
    engine: str
    precision: str = "fp32"
    network: str = "original"
    parameters: int | None = None
    multiply_adds: int | None = None
    what_was_done: str = ""
    parent: str = ""
    opener: str = OPEN
    preprocessing: Preprocessing | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds a call, one engine at a time, turns in a drawn order. calls: as many were timed."""

    batch: int
    calls: int
    p50: float
    p95: float

    @property
    def images_per_second(self) -> float:
        """Throughput at the median call."""
        return self.batch / self.p50 if self.p50 > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedUp:
    """How many times faster than the first row, and which change did it: the factors multiply to `whole`.

    A factor is None where no row shows that change alone. network: other layers, same engine and precision. engine:
    the same network and precision. precision: the same network and engine.
    """

    whole: float
    network: float | None = None
    engine: float | None = None
    precision: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whether a row loses less than what is tolerable against the first; p values adjusted by Holm over all rows.

    difference, lo, hi: of accuracy as a fraction, this row less the first. basis: what was treated as drawn at
    random: `images` for one file, `images and replicates` for several.
    """

    word: NoWorse
    difference: float | None = None
    lo: float | None = None
    hi: float | None = None
    p_non_inferior: float = 1.0
    p_inferior: float = 1.0
    basis: str = "images"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: files of one kind, one a replicate, measured.

    accuracy: of each replicate, as a fraction. changed: share of images whose answer is not the first row's.
    correct: of each replicate, 1 or 0 an image, in the order of the test part. largest_difference: of any logit from
    the first row's. bytes, times, memory and load are of the first replicate's file. peak_bytes: of a process that has
    this file and its library alone; load_seconds: until the network can answer, its library's import not counted.
    """

    steps: tuple[Step, ...]
    bytes: int
    accuracy: tuple[float, ...]
    changed: float
    largest_difference: float | None
    single: Timing | None
    batch: Timing | None
    load_seconds: float | None
    peak_bytes: int | None
    speed_up: SpeedUp | None = None
    claim: Claim | None = None
    correct: tuple[tuple[int, ...], ...] = ()

    @property
    def step(self) -> Step:
        """The first replicate's."""
        return self.steps[0]

    @property
    def name(self) -> str:
        """Of the row."""
        return self.step.name

    @property
    def mean_accuracy(self) -> float:
        """Over the replicates."""
        return sum(self.accuracy) / len(self.accuracy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the times were taken. instruction_sets: of those that decide on INT8 and bf16, what the CPU says it has;
    None where it cannot be asked. load: running processes a core would have to share, before and after."""

    cpu: str
    cores: int
    instruction_sets: tuple[str, ...] | None
    threads: int
    load: tuple[float, float] | None
    platform: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployResult:
    """The whole answer. rows: the first is what the others are held against. tolerable: points of accuracy.

    budget: all that were asked, in words. choice: the name of the most accurate row within all; None where none is.
    """

    rows: tuple[Row, ...]
    test_set: str
    images: int
    replicates: int
    classes: tuple[str, ...]
    tolerable: float
    machine: Machine
    seed: int
    budget: str = ""
    choice: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data, for `--json` and the report; without the answers to single images."""
        content = asdict(self)
        for row, data in zip(self.rows, content["rows"], strict=True):
            del data["correct"]
            data["name"], data["mean_accuracy"] = row.name, row.mean_accuracy
        return content


def names_of(record: type[Any]) -> tuple[str, ...]:
    """The fields of a record."""
    return tuple(one.name for one in fields(record))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureOptions:
    """How `measure_and_judge` measures and judges.

    threads: each engine's, and the cores it may use. batch: images a call of the second timing. tolerable: points of
    accuracy whose loss nobody would mind. budgets: such as `latency <= 40 ms`; a row must keep all of them.
    seed: of the order of the turns. timed: False leaves times and memory out.
    """

    threads: int = 1
    batch: int = 32
    tolerable: float = 1.0
    alpha: float = 0.05
    budgets: tuple[str, ...] = ()
    seed: int = 0
    timed: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.tolerable < 100:
            raise StudyError(
                f"a loss of {self.tolerable:g} points of accuracy cannot be tolerable",
                hint="Give more than 0 and fewer than 100 points.",
            )
