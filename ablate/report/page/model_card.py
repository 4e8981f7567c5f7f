"""A model card (Mitchell et al. 2019) of one row's files: what it is, was made of, is worth, and is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from ablate.deploy.records import DeployResult, Preprocessing, Row
from ablate.report.facts.deployed import CardFacts
from ablate.report.page.deployed import done_words
from ablate.report.tables.deployed import MEGABYTE, claim_words, cpu_words, megabytes, milliseconds, ratio_words
from ablate.report.wording.escape import code_span, markdown
from ablate.report.wording.language import ENGLISH, Words
from ablate.report.wording.numbers import compact, number
from ablate.safety.plain_text import plain


def model_card(
    row: Row,
    result: DeployResult,
    how: Preprocessing | None,
    facts: CardFacts,
    digests: Mapping[str, str],
    say: Words = ENGLISH,
) -> str:
    """The card. how: the preprocessing in the file. digests: of its files, by path."""
    name = f"{how.study}/{how.variant}" if how is not None and how.study else result.test_set
    parts = [
        (say("card.files"), _files(row, digests, say)),
        (say("card.use"), [] if how is None else _use(row, how, say)),
        (say("card.data"), _data(row, facts, say)),
        (say("card.made"), _made(row, result, say)),
        (say("card.measured"), _measured(row, result, say)),
        (say("card.verdict"), [_text(line) for line in facts.verdicts]),
        (say("card.limits"), _limits(row, say)),
        (say("card.licence"), [_licence(facts, say)]),
    ]
    opening = _opening(row, result, how, say)
    title = _text(say("card.title", name=name, row=row.name))
    sections = [f"## {heading}\n\n" + "\n".join(f"- {line}" for line in lines) for heading, lines in parts if lines]
    return "\n\n".join([f"# {title}", opening, *sections]) + "\n"


def _opening(row: Row, result: DeployResult, how: Preprocessing | None, say: Words) -> str:
    what = say("card.what", n=len(result.classes), precision=row.step.precision, engine=row.step.engine)
    if how is None or not how.study:
        return _text(what)
    run = say(
        "card.of_study",
        variant=how.variant,
        study=how.study,
        replicate="-" if how.replicate is None else how.replicate,
        fingerprint=how.fingerprint[:12],
    )
    return _text(what + say("join.sentence") + run)


def _files(row: Row, digests: Mapping[str, str], say: Words) -> list[str]:
    size = megabytes(row.bytes / MEGABYTE)
    return [
        say("card.file", file=_name(path, folder=len(row.steps) > 1), size=size, digest=digest)
        for step in row.steps
        for path, digest in digests.items()
        if path == step.path
    ]


def _use(row: Row, how: Preprocessing, say: Words) -> list[str]:
    normalised = ""
    if how.mean is not None and how.std is not None:
        normalised = say("card.normalised", mean=_numbers(how.mean), std=_numbers(how.std))
    return [
        say("card.use_line", engine=row.step.engine, file=_name(row.step.path)),
        _text(say("card.classes", names=", ".join(how.classes))),
        say(
            "card.input",
            channels=how.channels,
            size=how.image_size,
            resize=plain(how.resize),
            exif=plain(how.exif),
            normalised=normalised,
        ),
        say("card.multi_label" if how.multi_label else "card.one_label"),
    ]


def _data(row: Row, facts: CardFacts, say: Words) -> list[str]:
    if facts.fit is None:
        return [say("card.data_unknown")]
    told = _text(
        say(
            "card.data_line",
            fit=f"{facts.fit:,}",
            val=f"{facts.val or 0:,}",
            test=f"{facts.test or 0:,}",
            data=facts.data,
            digest=facts.digest[:12] or "-",
        )
    )
    return [told, say("card.calibrated")] if row.step.precision == "int8" else [told]


def _made(row: Row, result: DeployResult, say: Words) -> list[str]:
    """Every step from the first row's on."""
    by_name = {one.name: one for one in result.rows}
    line = [row]
    while (parent := by_name.get(line[-1].step.parent)) is not None and parent not in line:
        line.append(parent)
    told = [_text(f"{one.name}: {done_words(one, say)}") for one in reversed(line)]
    counted = [
        f"{say(f'deploy.{key}')}: {compact(value)}"
        for key, value in (("parameters", row.step.parameters), ("multiply_adds", row.step.multiply_adds))
        if value is not None
    ]
    return [*told, *counted]


def _measured(row: Row, result: DeployResult, say: Words) -> list[str]:
    first, decimals = result.rows[0], 1
    each = ", ".join(number(100 * one, decimals) for one in row.accuracy)
    told = [
        _text(say("card.on", images=f"{result.images:,}", test_set=result.test_set)),
        say("card.accuracy", value=number(100 * row.mean_accuracy, decimals), each=each),
    ]
    if row.claim is None:
        told.append(say("card.reference"))
    else:
        difference = None if row.claim.difference is None else 100 * row.claim.difference
        told.append(
            say(
                "card.claim",
                first=_text(first.name),
                difference=number(difference, decimals, sign="+"),
                size=say("unit.size", n=number(result.tolerable, decimals)),
                word=_text(claim_words(row, say)),
            )
        )
        told.append(
            say(
                "card.changed",
                share=number(100 * row.changed, decimals),
                first=_text(first.name),
                logit=milliseconds(row.largest_difference),
            )
        )
    return [*told, *_latency(row, result, say)]


def _latency(row: Row, result: DeployResult, say: Words) -> list[str]:
    if row.single is None:
        return []
    machine = result.machine
    return [
        _text(
            say(
                "card.latency",
                p50=milliseconds(1000 * row.single.p50),
                p95=milliseconds(1000 * row.single.p95),
                threads=say.count(machine.threads, "thread"),
                cpu=cpu_words(result, say),
                ratio=ratio_words(row, result.rows[0]).rstrip("x"),
                first=result.rows[0].name,
            )
        )
    ]


def _limits(row: Row, say: Words) -> list[str]:
    keys = ["card.limit_images", "card.limit_classes", "card.limit_machine", "card.limit_purpose"]
    if row.step.precision == "int8":
        keys.insert(3, "card.limit_calibration")
    return [say(key) for key in keys]


def _licence(facts: CardFacts, say: Words) -> str:
    origin = say("card.licence_origin", origin=_text(facts.first_weights)) if facts.first_weights else ""
    return say("card.licence_line", origin=origin)


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _name(path: str, *, folder: bool = False) -> str:
    """Of a file, as text within backquotes; with its folder, where that tells the replicates apart."""
    shown = PurePath(*PurePath(path).parts[-2:]).as_posix() if folder else PurePath(path).name
    return code_span(shown, in_table=False).strip("`").strip()


def _text(text: str) -> str:
    return markdown(text)
