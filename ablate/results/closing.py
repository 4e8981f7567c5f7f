"""A study whose time is over: the plan cut at its complete replicates, with one last look in place of those left."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ablate.records import Cell
from ablate.stats.alpha_shares import looks_at_close
from ablate.store.closing import Closing
from ablate.study.ends import Closed
from ablate.study.plan import Plan


def cut_plan(plan: Plan, closing: Closing | None) -> Plan:
    """The plan as a closed study is judged by it; unchanged where the study is open."""
    if closing is None or not closing.closed:
        return plan
    looks, shares = looks_at_close(closing.looks, closing.shares, max(1, closing.replicates))
    closed = Closed(closing.end, closing.looks, closing.shares, frozenset(closing.left_out))
    return replace(plan, looks=looks, shares=shares, closed=closed)


def whole_plan(plan: Plan) -> Plan:
    """The plan as it was made, before a close cut it."""
    if plan.closed is None:
        return plan
    return replace(plan, looks=plan.closed.looks, shares=plan.closed.shares, closed=None)


def complete_replicates(cells: Iterable[Cell], looks: Sequence[int], wanted: Sequence[Collection[str]]) -> int:
    """How many replicates there are up to the last complete one: every run that it asked for has ended.

    wanted: for each look in turn, the variants it trains. One of which no run ever ended holds nobody up, and before
    the last complete replicate a run that is missing counts as one that failed.
    """
    from ablate.stats.effects import is_to_come

    ended: dict[int, set[str]] = {}
    for cell in cells:
        if not is_to_come(cell):
            ended.setdefault(cell.replicate.index, set()).add(cell.variant)
    ever = {name for names in ended.values() for name in names}
    complete = 0
    for index, names in sorted(ended.items()):
        needed = ever & set(wanted[bisect_right(looks, index)])
        if needed and needed <= names:
            complete = index + 1
    return complete
