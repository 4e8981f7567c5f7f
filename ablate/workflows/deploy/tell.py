"""What is left of a deployment: its page, its model cards, and a record that the report and the tracker read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.deploy.budgets import optimised_of
from ablate.deploy.opening import files_of, read_metadata
from ablate.deploy.records import DeployResult, Row
from ablate.errors import AblateError
from ablate.files import sha256_file, write_json, write_text
from ablate.workflows.deploy.kept import PAGES, Kept, folder_name, is_file_of_its_own, keep_deployment, runs_of
from ablate.workflows.notify import TRACKING_SECONDS
from ablate.workflows.options import Options
from ablate.workflows.report import judge_study, report_folder
from ablate.workflows.run import sync_study
from ablate.workflows.session import Session, open_session, resolved_options

if TYPE_CHECKING:
    from ablate.report.facts.deployed import CardFacts
    from ablate.report.wording.language import Language, Words
    from ablate.study.study import Study

CARDS = "cards"
"""In the folder of a deployment's page, a file a row."""


def tell_deployment(
    session: Session, options: Options, variant: str, result: DeployResult, language: Language | None = None
) -> Path:
    """Write the page of a deployed variant with its model cards, and have report and tracker know of it; the page.

    A tracker that cannot be reached is told by the next `ablate sync`: what it is to have is kept in the work folder.
    """
    from ablate.report.wording.language import chosen_language, words_of

    say = words_of(chosen_language(language, session.study.lang))
    facts = card_facts(session, options, variant, say)
    kept = kept_of(result, facts, say)
    folder = report_folder(session, options) / PAGES / folder_name(variant)
    keep_deployment(session.store.study(session.study.name), variant, result, kept)
    return write_deployment(result, f"{session.study.name}/{variant}", folder, kept, say)


def tell_of_runs(
    name: str, result: DeployResult, work: Path, study: Study | None, options: Options
) -> tuple[Path, str]:
    """The same of STUDY/VARIANT or STUDY/VARIANT/REPLICATE; the page, and why the tracker does not know of it.

    study: None where its file is not to be found; then, as for a single replicate or a variant that the file has no
    longer, there is a page and nothing else. The reason is empty where the tracker knows, or is not to.
    """
    from ablate.report.facts.deployed import CardFacts
    from ablate.report.wording.language import chosen_language, words_of

    owner, _, variant = name.partition("/")
    if study is not None and study.name == owner:
        session = open_session(study, work)
        if variant in {one.name for one in session.plan.variants}:
            options = resolved_options(session, options)
            page = tell_deployment(session, options, variant, result)
            return page, tell_tracker(session, options) if options.track else ""
    say = words_of(chosen_language(None if study is None else study.lang))
    folder = (options.reports or work / "reports") / owner / PAGES / folder_name(variant)
    return write_deployment(result, name, folder, kept_of(result, CardFacts(), say), say), ""


def tell_tracker(session: Session, options: Options, *, timeout: float = TRACKING_SECONDS) -> str:
    """Bring the tracker up to date with what was deployed; why it could not be, empty where it was.

    timeout: seconds without a delivery.
    """
    try:
        sync_study(session, options, timeout=timeout)
    except AblateError as error:
        return str(error)
    return ""


def kept_of(result: DeployResult, facts: CardFacts, say: Words) -> dict[str, Kept]:
    """For each row that is a file of its own, the preprocessing in it and its model card."""
    from ablate.report.page.model_card import model_card

    kept = {}
    for row in filter(is_file_of_its_own, result.rows):
        how = row.step.preprocessing or read_metadata(row.step.path)
        kept[row.name] = Kept(how, model_card(row, result, how, facts, digests_of(row), say))
    return kept


def write_deployment(result: DeployResult, name: str, folder: Path, kept: Mapping[str, Kept], say: Words) -> Path:
    """Write report.md, report.html, tables and model cards of measured files; the path of the Markdown.

    name: of what was deployed. deploy.json, last, has all figures.
    """
    from ablate.report.page.deployed import deployed_page
    from ablate.report.page.render import write_page

    cards = [(row, f"{CARDS}/{folder_name(row)}.md") for row in kept]
    for row, path in cards:
        write_text(folder / path, kept[row].card)
    optimised = optimised_of(result)
    page = deployed_page(result, name, optimised, say, cards=cards)
    written = write_page(page, folder, deployed_page(result, name, optimised, cards=cards))
    write_json(folder / "deploy.json", {"name": name, "runs": runs_of(result)} | result.to_json())
    return written


def digests_of(row: Row) -> dict[str, str]:
    """SHA-256 of the row's files, each with those its own names: an IR's weights, external data."""
    return {str(path): sha256_file(path) for step in row.steps for path in files_of(step.path)}


def card_facts(session: Session, options: Options, variant: str, say: Words) -> CardFacts:
    """What a model card says of the variant's data and of its verdicts."""
    from ablate.report.facts.deployed import CardFacts
    from ablate.report.gather.data_name import data_name

    config = session.plan.variant(variant).config
    known = session.known.prepared.get(variant)
    counts: Mapping[str, int] = {} if known is None else known.counts
    return CardFacts(
        data=data_name(config),
        digest="" if known is None else known.digest,
        fit=counts.get("train"),
        val=counts.get("val"),
        test=counts.get("test"),
        first_weights=_origin(config.get("weights")),
        verdicts=_verdicts(session, options, variant, say),
    )


def _origin(weights: object) -> str:
    """Where a run's first weights come from, as its settings say."""
    if not isinstance(weights, Mapping):
        return ""
    return next((f"{key}: {weights[key]}" for key in ("torchvision", "timm", "file", "run") if weights.get(key)), "")


def _verdicts(session: Session, options: Options, variant: str, say: Words) -> tuple[str, ...]:
    """The study's verdicts about the variant, each with its interval."""
    from ablate.report.wording.numbers import with_interval
    from ablate.report.wording.sentences import metric_words, unit_words, verdict_words

    findings = judge_study(session, options)
    metric = findings.study.metric
    return tuple(
        say(
            "card.verdict_line",
            name=effect.compared.variant,
            reference=effect.compared.reference,
            metric=metric_words(metric),
            numbers=with_interval(
                effect.measured.difference, effect.measured.lo, effect.measured.hi, metric.decimals, sign="+"
            ),
            unit=unit_words(metric, say),
            word=verdict_words(effect, say),
        )
        for effect in findings.effects
        if effect.compared.is_pair and effect.compared.variant == variant
    )
