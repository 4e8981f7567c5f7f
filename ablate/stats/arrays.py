"""Two arrays of scores, one number per test image: is the second better, by how much, how sure? No study needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, log10
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ablate.metrics import better_direction, is_rate, no_fraction, thresholds_for
from ablate.safety.html_table import Interval, html_table
from ablate.stats.cells import Array, Cells, Index, StatisticsError
from ablate.stats.engine import estimate
from ablate.stats.no_worse import NoWorse
from ablate.stats.verdict import Rules, Verdict, assign_verdicts, claim_p_values, verdict_text, why_unproven

Scores = ArrayLike | Mapping[Any, float]
"""One number per image: shape (images,), or (runs, images) for several runs; or image -> number."""
Groups = Sequence[Any] | Mapping[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """The second set of answers minus the first: in points where the metric is a rate, else in its own unit.

    first, second: the mean scores, in percent where the metric is a rate. lo, hi: the 95 % interval; least, most: ends
    of the one-sided 95 % intervals. p: for "no difference". no_worse, p_no_worse: whether a loss of `tolerable` or more
    is ruled out. runs: of each; a single one tells of these two networks, not of how they were made. differing: images
    whose scores are not the same. groups: of images, where these are the unit of chance.
    """

    metric: str
    goal: Literal["max", "min"]
    unit: Literal["points", ""]
    first: float
    second: float
    difference: float
    lo: float
    hi: float
    least: float
    most: float
    p: float
    verdict: Verdict
    verdict_text: str
    no_worse: NoWorse
    tolerable: float | None
    p_no_worse: float
    p_inferior: float
    images: int
    groups: int | None
    runs: int
    differing: int
    decimals: int

    def __repr__(self) -> str:
        """The difference with its interval, the verdict, and what it is about."""
        return f"{self.metric}: {self.numbers}; {self.verdict_text}\n{self.about}"

    def _repr_html_(self) -> str:
        row = (
            self.metric,
            self._with_unit(self.first),
            self._with_unit(self.second),
            f"{self._number(self.difference, '+')} [{self._number(self.lo)}, {self._number(self.hi)}]",
            Interval(self.difference, self.lo, self.hi, self.verdict),
            f"{self.p:.2g}",
            self.verdict_text,
        )
        difference = f"difference ({self.unit})" if self.unit else "difference"
        columns = ("metric", "first", "second", difference, "", "p", "verdict")
        return html_table(columns, [row], lines=[self.about])

    @property
    def numbers(self) -> str:
        """`+1.4 points [0.2, 2.6] (95 %), p = 0.021`."""
        unit = f" {self.unit}" if self.unit else ""
        interval = f"[{self._number(self.lo)}, {self._number(self.hi)}]"
        return f"{self._number(self.difference, '+')}{unit} {interval} (95 %), p = {self.p:.2g}"

    @property
    def about(self) -> str:
        """What the numbers rest on and what they speak of."""
        rests = f"{self.images:,} images" + ("" if self.groups is None else f" in {self.groups:,} groups")
        if self.runs == 1:
            return f"On {rests}, of these two networks as they are: another training run of either may differ."
        return f"On {rests}, {self.runs} runs of each."

    def _number(self, value: float, sign: str = "") -> str:
        return f"{value:{sign}z.{self.decimals}f}"

    def _with_unit(self, level: float) -> str:
        return self._number(level) + (" %" if self.unit else "")


def compare(  # noqa: PLR0913 - what `ablate judge` takes, each by its name
    scores_a: Scores,
    scores_b: Scores,
    *,
    groups: Groups | None = None,
    metric: str | None = None,
    goal: Literal["max", "min"] | None = None,
    negligible: float | None = None,
    worthwhile: float | None = None,
    no_worse: float | None = None,
) -> Comparison:
    """Whether the second scores are better than the first, on new images: `ablate.compare(correct_a, correct_b)`.

    scores: one number per image, in the same order in both: right or wrong (0 and 1), or any score; of shape
    (runs, images) where there are several runs; or mappings image -> score, matched by image. groups: what images
    share, such as the patient, one label per image; None stands for an image on its own. metric: what the scores are
    (default: accuracy where all are 0 or 1). goal: `min` where less is better (default: by the metric's name).
    negligible, worthwhile, no_worse (the loss to rule out): points of a rate, else in the scores' unit; 1 and 3 points
    are assumed of accuracies and their like.
    Raises StatisticsError for scores that cannot be matched or are not numbers.
    """
    first, second, images = _matched(scores_a, scores_b)
    is_binary = bool((np.isin(first, (0, 1)) & np.isin(second, (0, 1))).all())
    name = metric or ("accuracy" if is_binary else "score")
    for row in (first, second):
        if wrong := [value for value in row.ravel()[[row.argmin(), row.argmax()]] if no_fraction(name, value)]:
            raise StatisticsError(
                f"{name} is a rate, and a score is {wrong[0]:g}", hint="Scores of a rate lie between 0 and 1."
            )
    rules, scale = _rules(name, goal, negligible, worthwhile, no_worse)
    k = len(first)
    places = np.arange(first.shape[1])
    labels = () if groups is None else (_labels(groups, images, first.shape[1]),) * k
    cells = Cells(scores=(tuple(first), tuple(second)), images=(places,) * k, groups=labels)
    (found,) = estimate(cells, np.array([[-1.0, 1.0]]))
    assert found is not None
    reasons = {0: why} if (why := why_unproven(found)) else {}
    (judged,) = assign_verdicts([found], claim_p_values([found], rules, reasons=reasons), rules, reasons=reasons)
    decimals = 1 if scale == 100 else _decimals(found.hi - found.lo)
    unit: Literal["points", ""] = "points" if scale == 100 else ""
    least, most = found.interval(0.90)
    return Comparison(
        metric=name, goal=rules.goal, unit=unit, first=float(first.mean()) * scale, second=float(second.mean()) * scale,
        difference=found.difference * scale, lo=found.lo * scale, hi=found.hi * scale, least=least * scale,
        most=most * scale, p=found.p, verdict=judged.verdict,
        verdict_text=verdict_text(judged, scale=scale, decimals=decimals, unit=unit), no_worse=judged.no_worse,
        tolerable=None if rules.tolerable is None else rules.tolerable * scale, p_no_worse=judged.p_no_worse,
        p_inferior=judged.p_inferior, images=int(first.shape[1]),
        groups=None if found.grouped is None else found.grouped.n, runs=k,
        differing=int((first != second).any(axis=0).sum()), decimals=decimals,
    )  # fmt: skip


def assert_no_worse(
    scores_a: Scores,
    scores_b: Scores,
    *,
    loss: float,
    groups: Groups | None = None,
    metric: str | None = None,
    goal: Literal["max", "min"] | None = None,
) -> Comparison:
    """Fail a test unless the second scores are shown to lose less than `loss` against the first, one-sided at 5 %.

    Scores, groups, metric, goal: as for `compare`. loss: points of a rate, else in the scores' unit. A loss that is
    neither ruled out nor shown fails, too: more images are needed. Scores that are all the same pass.
    Raises AssertionError, whose message has the interval.
    """
    __tracebackhide__ = True  # pytest shows the line of the test
    found = compare(scores_a, scores_b, groups=groups, metric=metric, goal=goal, no_worse=loss)
    if found.no_worse == "non_inferior" or not found.differing:
        return found
    size = "1 point" if found.unit and loss == 1 else f"{loss:g} {found.unit}".rstrip()
    bound = f"{found.least if found.goal == 'max' else found.most:+z.{found.decimals}f}"
    what = {
        "inferior": f"a loss of {size} or more is shown (p = {found.p_inferior:.2g})",
        "undecided": f"a loss of {size} or more is not ruled out (p = {found.p_no_worse:.2g}, and 0.05 is needed; it "
        f"may be as bad as {bound})",
    }.get(found.no_worse, found.verdict_text)
    raise AssertionError(
        f"the second is not shown to be no worse: {found.metric} {found.numbers}; {what}. {found.about}"
    )


def _rules(
    metric: str,
    goal: Literal["max", "min"] | None,
    negligible: float | None,
    worthwhile: float | None,
    no_worse: float | None,
) -> tuple[Rules, float]:
    """The thresholds in the unit of the scores, and what turns that unit into the one shown."""
    sizes = thresholds_for(metric, negligible, worthwhile, no_worse)
    stated = [size for size in (sizes.negligible, sizes.worthwhile, sizes.tolerable) if size is not None]
    if sizes.unfit or not all(0 < size < inf for size in stated):
        wrong = sizes.unfit or tuple(size for size in stated if not 0 < size < inf)
        raise StatisticsError(
            f"a threshold of {wrong[0]:g} for {metric}", hint="Thresholds are sizes above 0 that the metric can reach."
        )
    if (sizes.negligible or 0) > (sizes.worthwhile or inf):
        raise StatisticsError(
            f"negligible: {sizes.negligible:g}, worthwhile: {sizes.worthwhile:g}",
            hint="negligible is no larger than worthwhile.",
        )
    scale = 100.0 if is_rate(metric) else 1.0
    negligible, worthwhile, tolerable = (
        None if size is None else size / scale for size in (sizes.negligible, sizes.worthwhile, sizes.tolerable)
    )
    rules = Rules(
        negligible=negligible, worthwhile=worthwhile, tolerable=tolerable, goal=goal or better_direction(metric)
    )
    return rules, scale


def _matched(scores_a: Scores, scores_b: Scores) -> tuple[Array, Array, list[Any] | None]:
    """The scores of the same images, shape (runs, images), and the images' ids where they have any."""
    images = None
    if isinstance(scores_a, Mapping) and isinstance(scores_b, Mapping):
        alone = [*(image for image in scores_a if image not in scores_b), *(i for i in scores_b if i not in scores_a)]
        if alone:
            raise StatisticsError(
                f"the image {alone[0]!r} has one score of two", hint="Give both scores of the same images."
            )
        images = list(scores_a)
        scores_a, scores_b = list(scores_a.values()), [scores_b[image] for image in images]
    _refuse_other_index(scores_a, scores_b)
    first, second = (_array(scores, name) for scores, name in ((scores_a, "scores_a"), (scores_b, "scores_b")))
    if first.shape != second.shape:
        raise StatisticsError(
            f"scores_a are {_shape(first)} and scores_b {_shape(second)}",
            hint="Give as many runs of each, on the same images in the same order.",
        )
    return first, second, images


def _refuse_other_index(scores_a: object, scores_b: object) -> None:
    """Two columns of a data frame belong together by their index, which arrays do not have."""
    first, second = (getattr(scores, "index", None) for scores in (scores_a, scores_b))
    if first is None or second is None or callable(first) or callable(second):  # a list has a method of that name
        return
    if list(first) != list(second):
        raise StatisticsError(
            "scores_a and scores_b have different indexes", hint="Sort both by image: scores_b.loc[scores_a.index]."
        )


def _array(scores: object, name: str) -> Array:
    try:
        found = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise StatisticsError(f"{name}: {error}", hint="Give one number per image.") from None
    if found.ndim not in (1, 2) or not found.size:
        raise StatisticsError(
            f"{name} have the shape {found.shape}", hint="Give one number per image, or (runs, images)."
        )
    found = np.atleast_2d(found)
    if (wrong := np.argwhere(~np.isfinite(found))).size:
        run, image = wrong[0].tolist()
        where = f"image {image}" if len(found) == 1 else f"run {run}, image {image}"
        raise StatisticsError(
            f"{name}: the score of {where} is not a number",
            hint="Leave such an image out of both, or count it as wrong.",
        )
    return found


def _shape(scores: Array) -> str:
    runs, images = scores.shape
    return f"{images} images" if runs == 1 else f"{runs} runs on {images} images"


def _labels(groups: Groups, images: list[Any] | None, count: int) -> Index:
    """The group of each image as a number."""
    if isinstance(groups, Mapping) and images is None:
        raise StatisticsError(
            "groups are a mapping, and scores are not", hint="Give one label per image, in the order of the scores."
        )
    labels: list[Any] = [groups.get(i) for i in images or ()] if isinstance(groups, Mapping) else list(groups)
    if len(labels) != count:
        raise StatisticsError(f"{len(labels)} groups for {count} images", hint="Give one group for each image.")
    numbers: dict[Any, int] = {}
    alone = [label is None or label != label for label in labels]  # NaN in a data frame's column
    return np.array(
        [
            count + i if own else numbers.setdefault(label, len(numbers))
            for i, (label, own) in enumerate(zip(labels, alone, strict=True))
        ],
        np.int64,
    )


def _decimals(width: float) -> int:
    """So many that the interval's width has two digits."""
    return min(6, max(0, ceil(1 - log10(width)))) if width > 0 else 3
