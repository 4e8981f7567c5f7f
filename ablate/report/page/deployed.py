"""What files of trained networks are worth, as a page: accuracy, claim, times, and how all of it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from ablate.deploy.records import DeployResult, Row
from ablate.report.page.blocks import Block, Bullets, Links, Page, Section, Sheet, Text, section
from ablate.report.tables.deployed import (
    MEGABYTE,
    answers_table,
    claim_words,
    costs_table,
    cpu_words,
    megabytes,
    split_table,
    summary_table,
)
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import number


def deployed_page(
    result: DeployResult,
    name: str,
    optimised: Row | None,
    say: Words = ENGLISH,
    *,
    cards: Sequence[tuple[str, str]] = (),
) -> Page:
    """The lead, original beside optimised, every row, where the speed comes from, and what was measured how.

    name: of what was deployed: a variant with its study, or the test set. optimised: the row beside the first.
    cards: of the rows that have one, its name and the path of its model card from the page's folder.
    """
    opening: list[Block] = [Text(line, "lead") for line in leads(result, optimised, say)]
    if optimised is not None:
        summary = summary_table(result, optimised, say)
        opening += [Sheet(summary, in_order=True), Text(summary.note, "note")]
    tables = [answers_table(result, say), costs_table(result, say), split_table(result, say)]
    for table in tables:
        if table is not None:
            opening += [Text(table.title, "heading"), Sheet(table, in_order=True), Text(table.note, "note")]
    return Page(
        title=say("deploy.title", name=name),
        words=say,
        opening=tuple(opening),
        sections=tuple(filter(None, (_measured(result, say), _made(result, say), _cards(cards, say)))),
        footer=say("heading.sheets"),
    )


def leads(result: DeployResult, optimised: Row | None, say: Words = ENGLISH) -> list[str]:
    """The sentences to take home: what the budget chose, and what the row beside the original is worth."""
    told = []
    if result.budget:
        key = "deploy.no_budget" if result.choice is None else "deploy.budget"
        told.append(say(key, budget=result.budget, name=result.choice))
    if len(result.rows) == 1:
        return [*told, say("deploy.nothing")]
    if optimised is None or optimised is result.rows[0]:
        return told or [say("deploy.no_optimised")]
    first = result.rows[0]
    if not result.budget and (optimised.claim is None or optimised.claim.word != "non_inferior"):
        told.append(say("deploy.no_optimised"))
    smaller = optimised.bytes / first.bytes
    told.append(
        say(
            "deploy.lead",
            name=optimised.name,
            accuracy=f"{number(100 * optimised.mean_accuracy, 1)} %",
            original=f"{number(100 * first.mean_accuracy, 1)} %",
            claim=claim_words(optimised, say),
            latency=_speed(optimised, first, say),
            size=say("deploy.smaller", share=f"{number(100 * smaller, 0)} %") if smaller < 0.95 else "",
        )
    )
    return told


def _speed(row: Row, first: Row, say: Words) -> str:
    if row.single is None or first.single is None:
        return say("deploy.untimed")
    factor = first.single.p50 / row.single.p50
    if 0.95 < factor < 1.05:
        return say("deploy.as_fast")
    return (
        say("deploy.faster", factor=f"{factor:.1f}") if factor > 1 else say("deploy.slower", factor=f"{1 / factor:.1f}")
    )


def _measured(result: DeployResult, say: Words) -> Section | None:
    machine, first = result.machine, result.rows[0]
    is_of_runs = any(row.claim is not None and "replicates" in row.claim.basis for row in result.rows)
    lines = [
        say(
            "deploy.images",
            images=f"{result.images:,}",
            test_set=result.test_set,
            replicates=say.count(result.replicates, "replicate"),
            and_runs=say("deploy.and_runs") if is_of_runs else say("deploy.one_file") if result.replicates == 1 else "",
        )
    ]
    if first.single is not None:
        lines.append(machine_words(result, say))
        lines.append(say("deploy.calls", seed=result.seed, calls=say.count(first.single.calls, "call")))
        if machine.load is not None:
            before, after = (number(one, 1) for one in machine.load)
            lines.append(say("deploy.load_words", before=before, after=after))
    return section(say("deploy.measured"), "measured", [Bullets((*lines, *result.notes))])


def machine_words(result: DeployResult, say: Words = ENGLISH) -> str:
    """Where the times were taken."""
    machine = result.machine
    return say(
        "deploy.machine",
        cpu=cpu_words(result, say),
        cores=say.count(machine.cores, "core"),
        threads=say.count(machine.threads, "thread"),
        platform=machine.platform,
        versions=", ".join(f"{name} {version}" for name, version in machine.versions.items()),
    )


def _made(result: DeployResult, say: Words) -> Section | None:
    return section(say("deploy.files"), "made", [Bullets(tuple(made_words(row, say) for row in result.rows))])


def done_words(row: Row, say: Words) -> str:
    """What was done to the row it was made from; of one that is the same network as a file, that it was exported."""
    return row.step.what_was_done or say("deploy.exported" if row.step.parent else "deploy.as_it_was")


def _cards(cards: Sequence[tuple[str, str]], say: Words) -> Section | None:
    return section(say("deploy.cards"), "cards", [Links(tuple(cards))])


def made_words(row: Row, say: Words = ENGLISH) -> str:
    """What was done for a row, to what, and its file."""
    step = row.step
    what = done_words(row, say)
    size = f"{PurePath(step.path).name}, {megabytes(row.bytes / MEGABYTE)} MB"
    key = "deploy.made_from" if step.parent else "deploy.made"
    return say(key, name=row.name, parent=step.parent, what=what, file=size)
