"""Designs that ask what a change is worth whatever the order: both directions of a chain, a fraction of all
combinations, and the baseline against itself.

Where effects come from single changes and pairs only, the mean of a factor's first and last place in the
chain, and its main effect in a balanced fraction, both equal its Shapley value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise, product

from ablate.errors import StudyError
from ablate.records import BASELINE
from ablate.study.designs.layout import ALL, DesignCell, DesignQuestion, Layout, difference, switch_on_together
from ablate.study.factors import Factor, shorten_name
from ablate.study.study import Study

GENERATORS: Mapping[int, tuple[tuple[int, ...], ...]] = {
    2: (),
    3: (),
    4: (),
    5: ((0, 1, 2, 3),),
    6: ((0, 1, 2, 3, 4),),
    7: ((0, 1, 2, 3, 4, 5),),
    8: ((0, 1, 2, 3), (0, 1, 4, 5)),
}
"""Number of factors -> for each factor beyond the basic ones, the columns it is the product of.

Up to four factors every combination is run; beyond, 16, 32, 64 and 64 of them, in which no single effect
and no pair is mixed up with another (resolution V or more). Source: Box, Hunter and Hunter 1978, table 12.15.
"""

COPIES = 5
"""Copies of the baseline where the study has no factors to take their number from."""

Levels = tuple[bool, ...]


def order_check(study: Study, forward: Layout) -> Layout:
    """The chain of the study's factors, and the same chain from its other end.

    forward: the chain. Adds one variant less than there are factors, and for each factor its order-free
    contribution (the mean of both places) and what the place makes of it (their difference).
    """
    factors = _one_change_each(study, "order_check")
    cells, last = list(forward.cells), forward.cells[-1].name
    backward = [BASELINE]
    for start in range(len(factors) - 1, 0, -1):
        cells.append(_cell(study, factors[start:], BASELINE if start == len(factors) - 1 else backward[-1]))
        backward.append(cells[-1].name)
    backward.append(last)
    late = {q.factors[0]: q for q in forward.questions}
    early = {
        factor.name: difference(f"{factor.name}, from the other end", after, before, "reverse chain", factor.name)
        for factor, (before, after) in zip(reversed(factors), pairwise(backward), strict=True)
    }
    questions = [*forward.questions, *early.values()]
    for name, weigh, family, words in (
        ("{}, on average", (0.5, 0.5), "contributions", ("with {}", "without {}")),
        ("{}, by place", (1.0, -1.0), "order", ("{} in its place", "{} from the other end")),
    ):
        for factor in factors:
            weights = _weighed((late[factor.name], weigh[0]), (early[factor.name], weigh[1]))
            texts = [text.format(factor.name) for text in (name, *words)]
            questions.append(DesignQuestion(texts[0], texts[1], texts[2], weights, family, (factor.name,)))
    return Layout(tuple(cells), tuple(questions))


def attribution(study: Study, baseline: DesignCell) -> Layout:
    """A balanced fraction of all combinations: every factor's contribution, every pair, and what is beyond pairs."""
    factors = _one_change_each(study, "attribution")
    if len(factors) not in GENERATORS:
        raise StudyError(
            f"{_where(study)}: attribution is laid out for {min(GENERATORS)} to {max(GENERATORS)} factors, "
            f"not {len(factors)}",
            hint="Bundle changes that belong together into one factor, or use order_check.",
        )
    fraction = fraction_of(len(factors))
    cells = {levels: _combination(study, factors, levels) for levels in fraction}
    everyone = dict(cells)
    nothing = (False,) * len(factors)
    everyone[nothing] = cells.get(nothing, baseline)
    share = 2 / len(fraction)
    questions = []
    for i, factor in enumerate(factors):
        weights = {cell.name: share if levels[i] else -share for levels, cell in cells.items()}
        name = factor.name
        questions.append(DesignQuestion(name, f"with {name}", f"without {name}", weights, "contributions", (name,)))
    for (i, a), (j, b) in combinations(enumerate(factors), 2):
        weights = {cell.name: 2 * share if levels[i] == levels[j] else -2 * share for levels, cell in cells.items()}
        words = (f"{a.name} × {b.name}", "together", "the sum of the two alone")
        questions.append(DesignQuestion(*words, weights, "interactions", (a.name, b.name)))
    ends = difference("", everyone[(True,) * len(factors)].name, everyone[nothing].name, "")
    beyond = _weighed((ends, 1.0), *((question, -1.0) for question in questions[: len(factors)]))
    if beyond:
        words = ("beyond pairs", "all factors together", "the sum of their contributions")
        questions.append(DesignQuestion(*words, beyond, "beyond pairs", tuple(factor.name for factor in factors)))
    # The baseline comes first in every plan.
    ordered = [everyone[nothing], *(cell for levels, cell in everyone.items() if levels != nothing)]
    return Layout(tuple(ordered), tuple(questions))


def same_again(study: Study, baseline: DesignCell) -> Layout:
    """The baseline, and as many copies of it under other luck as the study has factors: all steps are null."""
    copies = [
        DesignCell(f"{BASELINE} again {number}", {}, BASELINE, (), stream=f"again {number}")
        for number in range(1, 1 + max(2, len(study.factors) or COPIES))
    ]
    cells = [baseline, *copies]
    questions = [difference(after.name, after.name, before.name, "a/a") for before, after in pairwise(cells)]
    return Layout(tuple(cells), tuple(questions))


def fraction_of(n_factors: int) -> tuple[Levels, ...]:
    """Which factors are on in each run of the fraction: shape (n_runs, n_factors), every column balanced."""
    generators = GENERATORS[n_factors]
    rows = []
    for basic in product((False, True), repeat=n_factors - len(generators)):
        signs = [1 if on else -1 for on in basic]
        rows.append((*basic, *(_product(signs[i] for i in columns) > 0 for columns in generators)))
    return tuple(rows)


def _product(signs: Iterable[int]) -> int:
    found = 1
    for sign in signs:
        found *= sign
    return found


def _combination(study: Study, factors: Sequence[Factor], levels: Levels) -> DesignCell:
    on = [factor for factor, is_on in zip(factors, levels, strict=True) if is_on]
    return _cell(study, on, BASELINE) if on else DesignCell(BASELINE, {}, None, ())


def _cell(study: Study, on: Sequence[Factor], reference: str) -> DesignCell:
    overrides, places = switch_on_together(study, on)
    names = tuple(factor.name for factor in on)
    return DesignCell(_name(names, study), overrides, reference, places, names)


def _name(names: tuple[str, ...], study: Study) -> str:
    missing = [factor.name for factor in study.factors if factor.name not in names]
    if not missing:
        return ALL
    if len(names) == 1:
        return shorten_name(f"only {names[0]}")
    if len(missing) == 1:
        return shorten_name(f"without {missing[0]}")
    return shorten_name(" & ".join(names))


def _weighed(*parts: tuple[DesignQuestion, float]) -> dict[str, float]:
    """A weighted sum of questions; variants that cancel out are left out."""
    weights: dict[str, float] = {}
    for question, factor in parts:
        for name, weight in question.weights.items():
            weights[name] = weights.get(name, 0.0) + factor * weight
    return {name: weight for name, weight in weights.items() if abs(weight) > 1e-12}


def _one_change_each(study: Study, design: str) -> Sequence[Factor]:
    if len(study.factors) < 2:
        raise StudyError(f"{_where(study)}: {design} needs at least two factors", hint="With one factor, use chain.")
    return study.factors


def _where(study: Study) -> str:
    return study.document.where((str(study.own_design),))
