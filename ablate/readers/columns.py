"""What each column of a table is, told by its heading and never by its place. The rules stand in docs/judge.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ablate.errors import StudyError, near_match
from ablate.metrics import is_rate
from ablate.readers.numbers import quoted
from ablate.readers.replicates import FIRST, LAST, TOGETHER, first_names, is_part, named, plain_key, recognised
from ablate.readers.sheet import TableSheet
from ablate.readers.tested import OF_TEST
from ablate.readers.units import without_unit

VARIANT = (
    "variant",
    "model",
    "method",
    "configuration",
    "config",
    "system",
    "algorithm",
    "approach",
    "architecture",
    "arch",
    "network",
)
RUN_NAME = ("name", "run_name", "runname")
GROUP = ("group",)
IMAGE = ("image", "image_id", "filename", "file", "path", "img")
CORRECT = ("correct", "n_correct", "num_correct", "right", "hits", "score")
IMAGES = ("images", "n_images", "num_images", "test_images", "n_test", "num_test", "samples", "n_samples", "support")
RUNS = ("runs", "n_runs", "num_runs", "seeds", "n_seeds", "num_seeds", "replicates", "n_replicates", "repeats")
NUMBER = ("n", "total", "count")
STATE = ("state", "status")
DEVIATION = ("std", "sd", "stdev", "stddev", "std_dev", "standard_deviation")
ERROR = ("se", "sem", "stderr", "std_err", "standard_error")
MEAN = ("mean", "avg", "average")
NOT_FINISHED = frozenset(["failed", "crashed", "killed", "running", "pending", "scheduled", "preempted", "error"])
FINISHED = frozenset(["finished", "completed", "complete", "done", "success", "succeeded", "ok"])

FORMS = (
    "Columns: variant, replicate, correct, n (one row per run); or variant, replicate, image, correct (one row per "
    "image, correct being 0 or 1); or variant, replicate and the metric's name (one number per run)."
)


def find(sheet: TableSheet, names: Sequence[str], *, without: Sequence[int | None] = ()) -> list[int]:
    """The columns of these names, the first name first."""
    plain = [plain_key(without_unit(heading)[0]) for heading in sheet.headings]
    found = [i for name in names for i in range(len(plain)) if plain[i] == name and i not in without]
    for one, other in pairwise(found):
        if plain[one] == plain[other] and (
            sheet.headings[one].lower() == sheet.headings[other].lower() or sheet.column(one) != sheet.column(other)
        ):
            raise twice(sheet, one)
    return found


def twice(sheet: TableSheet, column: int) -> StudyError:
    """Two columns of one heading, of which one would have to be dropped."""
    return StudyError(
        f"{sheet.path}:{sheet.heading_line}: the heading {quoted(sheet.headings[column])} appears twice",
        hint="Give the two columns different names.",
    )


def first(places: Sequence[int]) -> int | None:
    """The first of them, if any."""
    return places[0] if places else None


def variant_column(
    sheet: TableSheet, asked: str | None, *, without: Sequence[int | None] = ()
) -> tuple[int | None, tuple[int, ...]]:
    """The column that names the variants, and others that might: see `VARIANT`, then `RUN_NAME`."""
    if asked is not None:
        return column_named(sheet, asked, "--by"), ()
    found = [*find(sheet, VARIANT, without=without), *find(sheet, RUN_NAME, without=without)]
    strong = [i for i in found if plain_key(sheet.headings[i]) in VARIANT]
    return first(found), tuple(strong[1:])


def column_named(sheet: TableSheet, name: str, option: str) -> int:
    """The column of this heading, but for case and outer space, or for its prefix (`params.`)."""
    headings = list(sheet.headings)
    exact = [i for i, heading in enumerate(headings) if heading == name] or [
        i for i, heading in enumerate(headings) if heading.lower() == name.strip().lower()
    ]
    exact = exact or [i for i, heading in enumerate(headings) if plain_key(heading) == plain_key(name)]
    if not exact:
        raise StudyError(
            f"{sheet.path}:{sheet.heading_line}: there is no column {quoted(name)} ({option})",
            hint=f"{near_match(name[:80], headings[:200])}There are: {first_names(headings)}.",
        )
    if len(exact) > 1:
        raise twice(sheet, exact[0])
    return exact[0]


def bare(heading: str) -> str:
    """A heading without its unit, and without what says that its cells are means with a spread."""
    return without_unit(_WITH_SPREAD.sub("", heading))[0]


def metric_columns(sheet: TableSheet, metric: str | None) -> list[int]:
    """The columns that may hold the metric: of its name; where none is asked for, of `accuracy`, else of any rate."""
    wanted = metric or "accuracy"
    exact = [i for i, heading in enumerate(sheet.headings) if heading.lower() == wanted.strip().lower()]
    without = [i for i, heading in enumerate(sheet.headings) if bare(heading).lower() == bare(wanted).lower()]
    alike = [i for i, heading in enumerate(sheet.headings) if spelling(bare(heading)) == spelling(bare(wanted))]
    if exact or without or alike or metric is not None:
        return exact or without or alike
    words = (*MEAN, *DEVIATION, *ERROR, "min", "max", "median", "ci", "ci95", "count")
    rates = [i for i, heading in enumerate(sheet.headings) if is_rate(spelling(bare(heading)))]
    rates = [i for i in rates if base_of(sheet.headings[i], words) is None]
    of_test = [i for name in OF_TEST for i in rates if spelling(bare(sheet.headings[i])) == name]
    return of_test[:1] or rates


def proposed(names: Sequence[str]) -> str:
    """The one of several metrics to name in a remedy: none of the training part."""
    return next(
        (name for name in names if not {"train", "training"} & set(re.split(r"[_/.]", spelling(name)))), names[0]
    )


def metric_name(heading: str) -> str:
    """What a metric is called, by its heading; spelled as names of metrics are where that makes it known."""
    name = re.sub(r"^(?:metrics|summary)[./]", "", bare(heading))
    return spelling(name) if is_rate(spelling(name)) and not is_rate(name) else name


def spelling(heading: str) -> str:
    """A metric's name as it is compared: `metrics.Test Accuracy` is `test_accuracy`."""
    return re.sub(r"[\s_\-]+", "_", re.sub(r"^(?:metrics|summary)[./]", "", heading).strip().lower())


def base_of(heading: str, words: Sequence[str]) -> str | None:
    """`accuracy` for `accuracy_std`, `std accuracy` or `accuracy (std)`, empty for `std`; None for other headings."""
    plain = spelling(re.sub(r"[()\[\]]", " ", without_unit(heading)[0])).strip("_")
    for word in words:
        if plain == word:
            return ""
        if plain.endswith(f"_{word}") or plain.startswith(f"{word}_"):
            return plain.removesuffix(f"_{word}").removeprefix(f"{word}_")
    return None


def columns_of(sheet: TableSheet, words: Sequence[str], metric: str | None) -> list[int]:
    """The columns of the metric's mean, deviation or error: with its name, else with none."""
    bases = [base_of(heading, words) for heading in sheet.headings]
    own = [
        i
        for i, base in enumerate(bases)
        if base and (is_rate(base) if metric is None else base == spelling(bare(metric)))
    ]
    return own or [i for i, base in enumerate(bases) if base == ""]


def replicate_columns(sheet: TableSheet, asked: str | None, used: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """The columns that number the replicates, and those that would in want of others."""
    places = [i for i in range(len(sheet.headings)) if i not in used]
    headings = [sheet.headings[i] for i in places]
    if asked is not None:
        found = named(asked, headings, f"{sheet.path}:{sheet.heading_line}: --replicate")
        return [places[headings.index(key)] for key in found], []
    keep = [i for i in places if not is_part(sheet.column(i)) and any(sheet.column(i))]
    strong, weak = recognised([sheet.headings[i] for i in keep])
    for name in (*FIRST, *TOGETHER):
        same = [i for i in keep if plain_key(sheet.headings[i]) == name]
        if any(sheet.column(i) != sheet.column(same[0]) for i in same[1:]):
            raise StudyError(
                f"{sheet.path}:{sheet.heading_line}: both {sheet.heading(same[0])} and {sheet.heading(same[1])} "
                "may identify the replicates",
                hint=f"Say which: --replicate '{sheet.heading(same[0])}'.",
            )
    by_heading = {sheet.headings[i]: i for i in reversed(keep)}
    return [by_heading[key] for key in strong], [by_heading[key] for key in weak if plain_key(key) in LAST]


def is_of_runs(sheet: TableSheet, column: int) -> bool:
    """Whether a column names runs by its heading, not only by what stands in it."""
    return plain_key(sheet.headings[column]) in ("run", "trial", "run_number")


_WITH_SPREAD = re.compile(
    r"\s*[(\[]?\s*(?:mean)?\s*(?:\xb1|\+/-|\+-)\s*(?:std\.?|sd|standard deviation)?\s*[)\]]?", re.IGNORECASE
)


def says_deviation(heading: str) -> bool:
    """Whether what follows a plus-minus in the column is a standard deviation: `accuracy (mean ± std)`."""
    found = _WITH_SPREAD.search(heading)
    return found is not None and re.search(r"std|sd|standard", found[0], re.IGNORECASE) is not None
