"""The schema of a study file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ablate.command.schema import CommandBlock
from ablate.metrics import NEGLIGIBLE, WORTHWHILE, Thresholds, is_share, of_class, thresholds_for
from ablate.records import BASELINE
from ablate.settings import Settings
from ablate.study.deploy_schema import DeployBlock
from ablate.study.derived_schema import DeriveBlock
from ablate.study.durations import read_duration
from ablate.study.ends import checked_end
from ablate.study.search_schema import SearchBlock, ShareOrCount, TuneBlock

DESIGNS = ("chain", "one_at_a_time", "leave_one_out", "factorial")


CHECKS = ("order_check", "attribution", "aa", "data")
"""Designs by `--design` only: over the factors of another one, or of the baseline alone."""


BASELINE_ALONE = ("aa", "data")
"""Those of them that need no factors."""


MAX_NAME = 80


def _check_name(name: str) -> str:
    if name == BASELINE:
        raise ValueError("'baseline' is the name of the base itself; choose another")
    if name != name.strip() or not 1 <= len(name) <= MAX_NAME or "/" in name or not name.isprintable():
        raise ValueError(
            f"{name[:90]!r} cannot be a name; use at most {MAX_NAME} printable characters, no '/', "
            "and no space at either end"
        )
    return name


Name = Annotated[str, AfterValidator(_check_name)]


Overrides = Annotated[dict[str, Any], Field(min_length=1)]


Factors = Annotated[dict[Name, Overrides], Field(min_length=1)]


End = Annotated[str, BeforeValidator(checked_end), Field(json_schema_extra={"type": ["number", "string"]})]
"""A moment, or a span of time."""


class TestBlock(Settings):
    """Which images are tested on: folds, or one fixed part."""

    __test__ = False  # its name would be collected by pytest

    folds: Annotated[int, Field(ge=2)] | None = None
    """Replicate r tests on fold r mod `folds` of repetition r // `folds`."""
    share: ShareOrCount | None = None
    """Share (or number) of all images: one test part, the same for all replicates."""

    @model_validator(mode="after")
    def _one_rule(self) -> TestBlock:
        if (self.folds is None) == (self.share is None):
            raise ValueError("either folds or share says what is tested on; write {folds: 5} or {share: 0.2}")
        return self


class UnitBlock(Settings):
    """What is scored: one answer a group of images, made of the answers to its images before any metric."""

    group: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    """What reports call it, such as patient; which images belong together is said by data.groups or the source."""
    by: Literal["mean", "max", "vote"] = "mean"
    """mean: of the probabilities; max: the largest probability of the positive class, or of each class; vote: the share
    of the images that name a class, ties by the mean."""


class OtherSetBlock(Settings):
    """Other images that finished runs are scored on, without training: another hospital, another camera, copies."""

    source: dict[str, Any]
    """Where they are, in the form of base.data.source; with a part of its own for testing, that part."""
    classes: dict[str, str | None] = Field(default={})
    """This set's name of a class -> the study's; null leaves its images out. Equal names need no line."""
    groups: str | None = None
    """As data.groups, for these images; left out: as the study says. none: every image is on its own."""
    copies: bool = False
    """Altered copies of the study's own images, under the same names: each run is scored on those of its own test
    images alone."""


class EvidenceBlock(Settings):
    """How the question is judged; fixed before the first run, out of reach of any factor."""

    metric: str = "accuracy"
    """What the trainer reports on the test images."""
    also: list[str] = Field(default=[])
    """Further metrics, each judged beside it as a family of its own with an error of its own."""
    unit: UnitBlock | None = None
    """{group: patient, by: mean}: one answer a patient is scored; null: each image is."""
    test: TestBlock | Literal["official"] = TestBlock(folds=5)
    """{folds: 5}, {share: 0.2} or official, the source's own test part."""
    val: ShareOrCount | None = None
    """Share (below 1) or number of all images, taken out of the training part."""
    weights: Literal["last", "best"] = "last"
    """The last epoch's, or those of the epoch that was best on val."""
    replicates: list[Annotated[int, Field(ge=1)]] = Field(default=[5, 10, 20], min_length=1)
    """Planned looks: 5, or [5, 10, 20], since going on later is always valid."""
    shares: list[Annotated[float, Field(gt=0, lt=1)]] | None = None
    """The part of the error rate each look may spend; left out: .1, .2, .7 for three looks, else by replicates."""
    until: End | None = None
    """When the study ends: 2026-12-01T18:00, or 9h from its first run. The complete replicates are judged then."""
    worthwhile: Annotated[float, Field(gt=0)] = WORTHWHILE
    """A smaller gain is not worth having. Points of an accuracy, an error or a recall; of any other metric in its own
    unit, and no such verdict is given where it is left out."""
    negligible: Annotated[float, Field(gt=0)] = NEGLIGIBLE
    """A smaller difference counts as none. Points of an accuracy, an error or a recall; of any other metric in its own
    unit, and no such verdict is given where it is left out."""
    tolerable: Annotated[float, Field(gt=0)] | None = None
    """No worse: a loss of this size or more is ruled out. In the unit of worthwhile, and as large unless stated."""
    families: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(default={})
    """one_at_a_time: name of a family -> the factors judged in it, adjusted as a whole; the others make up one more."""
    pool: Name | None = None
    """The step that `ablate report A B C --pool STEP` pools over several data sets: named beforehand in every study, it
    is judged alone; otherwise among all steps the studies share."""
    also_test: dict[Name, OtherSetBlock] = Field(default={})
    """Other test sets: name -> {source: {...}}. Finished runs are scored on them; each is judged on its own."""

    @property
    def thresholds(self) -> Thresholds:
        """What counts as none and as worth having, in shown units: the defaults are points, and hold for no other."""
        negligible, worthwhile = (
            getattr(self, name) if name in self.model_fields_set else None for name in ("negligible", "worthwhile")
        )
        return thresholds_for(self.metric, negligible, worthwhile, self.tolerable)

    def judged_by(self, metric: str) -> EvidenceBlock:
        """The same evidence by a further metric: stated sizes are points, and hold where both count right and wrong."""
        same_unit = is_share(self.metric) and is_share(metric)
        dropped = {"also", "also_test"} if same_unit else {"also", "also_test", "negligible", "worthwhile", "tolerable"}
        return EvidenceBlock.model_validate(self.model_dump(exclude_unset=True, exclude=dropped) | {"metric": metric})

    @field_validator("replicates", mode="before")
    @classmethod
    def _one_look(cls, value: Any) -> Any:
        return [value] if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _consistent(self) -> EvidenceBlock:
        if sorted(set(self.replicates)) != self.replicates:
            raise ValueError(f"replicates do not increase from look to look: {self.replicates}; write them in order")
        if self.shares is not None and (len(self.shares) != len(self.replicates) or abs(sum(self.shares) - 1) > 1e-9):
            raise ValueError(
                f"shares {self.shares} do not divide the error rate among looks at {self.replicates} replicates; "
                "write one share per look, adding up to 1"
            )
        negligible, worthwhile = self.thresholds[:2]
        if negligible is not None and worthwhile is not None and negligible > worthwhile:
            raise ValueError(
                f"negligible ({negligible}) is larger than worthwhile ({worthwhile}); lower the one or raise the other"
            )
        if len({self.metric, *self.also}) <= len(self.also):
            raise ValueError(
                f"also names a metric that is judged already: {', '.join(self.also)} beside {self.metric}; "
                "name each once"
            )
        if self.weights == "best" and self.val is None:
            raise ValueError("weights: best needs images to choose the best epoch on; add val: 0.1")
        asked = of_class(self.metric)
        if asked is not None and asked.specificity is not None and self.val is None:
            raise ValueError(f"metric {self.metric} sets its threshold on validation images; add val: 0.1")
        return self


class CompareBlock(Settings):
    """A question outside the design: `with` another variant, `set` what changes."""

    with_: Annotated[str, Field(alias="with")] = BASELINE
    """Name of a variant."""
    set: Overrides
    """What changes, by dotted key."""
    ask: Literal["no_worse"] | None = None
    """no_worse: whether a loss of evidence.tolerable or more is ruled out, whatever the change costs."""


Duration = Annotated[float, BeforeValidator(read_duration), Field(json_schema_extra={"type": ["number", "string"]})]
"""Seconds, or a text such as 30m or 3h."""


class KeepBlock(Settings):
    """What of a run stays on the disk beside its scores."""

    weights: Literal["best", "none"] = "best"
    """best: the weights that were tested, the best there are by the rule of evidence.weights; none: no weights."""


class TrackingBlock(Settings):
    """Where the study appears."""

    experiment: str | None = None


class StandInBlock(Settings):
    """Synthetic data for a study whose own cannot be handed out: `ablate run STUDY --stand-in`."""

    make: Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]
    """Dotted path, package.module:function, of what fills an empty folder with data: (folder: Path) -> None."""
    root: str = "data.source.root"
    """The key of the base that is given this folder."""
    set: dict[str, Any] = Field(default={})
    """Further changes of the base and of `evidence.*`, by dotted key: what makes the study small."""
    leave_out: list[str] = Field(default=[])
    """Comparisons that make no sense on it, such as those with pretrained weights."""
    files: dict[str, str] = Field(default={})
    """Further keys of the base -> the file in this folder that they name, such as weights.file: first.safetensors."""


class SmallBlock(Settings):
    """The study at a size for two processor cores: `ablate run STUDY --small`.

    It has a name and an experiment of its own; published figures and other test sets stay with the study itself.
    """

    keeps: Annotated[str, Field(min_length=1)]
    """What it keeps of the question and what it does not: the first thing its report says."""
    stand_in: bool = False
    """It is asked of the synthetic data of stand_in, as those of the study cannot be handed out."""
    set: dict[str, Any] = Field(default={})
    """Changes of the base, of `evidence.*` and `search.*`, by dotted key."""
    changes: dict[Name, Overrides] = Field(default={})
    """Name of a change or comparison -> what it changes here, where what it says does nothing at this size: a warm-up
    of five epochs in a training of four."""
    leave_out: list[str] = Field(default=[])
    """Changes, comparisons and derived rows that it has no place for."""


def _check_study_name(name: str) -> str:
    if name == "sample":
        raise ValueError("reports/sample holds the report that comes with ablate; choose another name")
    return name


class StudyFile(Settings):
    """A study file as written."""

    study: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), AfterValidator(_check_study_name)]
    """Its name: at most 64 lower-case letters, digits, '.', '_' and '-', the first a letter or a digit."""
    extends: str | None = None
    """Another study file, by its path from this one's folder: whatever this file does not say is as there."""
    from_: Annotated[str | None, Field(alias="from")] = None
    """The variant of that study whose config is the base here; its design then stays behind."""
    question: str = ""
    trainer: str | CommandBlock = "ablate.training:train"
    """Dotted path, package.module:function, or {command: [...], results: {...}}: any program."""
    about_data: str = ""
    """What the data are, who supplies them and how; shown where they are missing."""
    base: dict[str, Any]
    """The trainer's settings without any change."""
    chain: Factors | None = None
    """Name of each step -> what it changes, on top of the steps before it."""
    one_at_a_time: Factors | None = None
    """Name of each factor -> what it changes, on the base alone."""
    leave_one_out: Factors | None = None
    """Name of each factor -> what it changes; all together, then each left out."""
    factorial: Factors | None = None
    """Name of each factor -> what it changes; every combination."""
    compare: dict[Name, CompareBlock] = Field(default={})
    """Comparisons outside the design: name -> {with: a variant, set: {...}}."""
    control: Literal["steps"] | None = None
    """steps: each change that trains longer or shorter is run once more with the steps of its reference."""
    derive: dict[Name, DeriveBlock] = Field(default={})
    """Rows made without training: name -> {from: a variant, tta: {...} or ensemble: {...}}."""
    evidence: EvidenceBlock = Field(default=EvidenceBlock())
    published: dict[str, Any] | None = None
    search: SearchBlock | None = None
    tune: TuneBlock | None = None
    """The same search for every variant, before its replicates are trained."""
    stand_in: StandInBlock | None = None
    small: SmallBlock | None = None
    tracking: TrackingBlock = Field(default=TrackingBlock())
    keep: KeepBlock = Field(default=KeepBlock())
    deploy: DeployBlock | None = None
    """What `ablate deploy STUDY/VARIANT` makes of finished runs; null: pruned by 0.3, in INT8, as ONNX and OpenVINO."""
    lang: Literal["en", "zh"] | None = None
    """Language of the terminal, the report and MLflow's description; left out: that of ABLATE_LANG, else English."""
    timeout: Duration | None = None
    """How long one attempt at a run may take: 90 (seconds), 30m, 3h. One that takes longer is ended and tried again."""

    @model_validator(mode="after")
    def _one_design(self) -> StudyFile:
        given = [design for design in DESIGNS if getattr(self, design) is not None]
        if len(given) > 1:
            raise ValueError(
                f"{given[1]}: a second design beside {given[0]}; keep one, and run the other over the same factors "
                f"by --design {given[1]}"
            )
        if not given and not self.compare and self.search is None:
            raise ValueError(f"the study compares nothing; add one of {', '.join(DESIGNS)}, compare or search")
        return self
