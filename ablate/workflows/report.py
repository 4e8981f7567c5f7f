"""Showing what was found, in the report and in MLflow, and remembering what has been shown already.

A second call of a study that has nothing new to say neither draws figures again nor starts MLflow.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ablate.errors import AblateError
from ablate.execute.environment import own_version
from ablate.files import read_json, write_bytes, write_json
from ablate.harness.known import remember_data
from ablate.harness.looking import with_notes
from ablate.results.declared_looks import looks_before, remember_looks
from ablate.results.survey import CurrentProvenance, collect
from ablate.results.uses import Use, earlier_uses, remember_uses
from ablate.safety.addresses import holds_secret, is_certain, without_secrets
from ablate.workflows.closing import why_not_closed
from ablate.workflows.deploy.kept import current_runs, deployments_of
from ablate.workflows.derived_rows import derived_rows
from ablate.workflows.explain import explanations_of
from ablate.workflows.image_columns import check_cut, image_columns, image_texts
from ablate.workflows.options import Options
from ablate.workflows.other_tests import remember_sets, set_findings
from ablate.workflows.search.tuned_plan import tuning_rows
from ablate.workflows.session import Session

if TYPE_CHECKING:
    from ablate.report.facts.robustness import Robustness
    from ablate.report.gather.assemble import Findings, Thumbnails
    from ablate.report.wording.language import Language

SHOWN = "shown.json"

logger = logging.getLogger(__name__)


def judge_study(session: Session, options: Options, language: Language | None = None) -> Findings:
    """Everything a report says, from the journals; language: that of its sentences, None for the study's."""
    from ablate.report.gather.assemble import make_findings
    from ablate.report.wording.language import chosen_language, words_of
    from ablate.report.wording.other_sets import set_cautions

    say, known = words_of(chosen_language(language, session.study.lang)), session.known
    origin = judged_origin(session)
    cells = collect(session.plan, session.store, origin, look=options.look)
    findings = make_findings(
        session.study,
        session.plan,
        cells,
        look=options.look,
        prepared=with_notes(known.prepared, session.looked),
        work=session.work,
        origin=origin,
        looks_before=looks_before(session.store.study(session.study.name), session.plan),
        thumbnails=_thumbnails_of(session),
        columns=image_columns(session.plan.variants[0].config, options.slices),
        say=say,
    )
    if options.slices is not None:
        check_cut(findings.exploratory.answers, options.slices)
    amiss = why_not_closed(session)
    ends = {"changed": "caution.end_changed", "passed": "caution.end_passed"}
    cautions = [say(ends[amiss])] if amiss else []
    told = [say("remark.data_gone")] if known.gone else [say("remark.data_old")] if known.old else []
    tuning = tuning_rows(session.study, session.store) if session.is_tuned else ()
    texts = image_texts(session.plan.variants[0].config, list(findings.exploratory.thumbnails))
    exploratory = replace(findings.exploratory, derived=derived_rows(session, options), tuning=tuning, texts=texts)
    sets = set_findings(session, options, cells, findings)
    of_sets = [line for one in sets for line in set_cautions(one.facts, say)]
    return replace(
        findings,
        notices=replace(
            findings.notices,
            cautions=(*cautions, *findings.notices.cautions, *of_sets),
            remarks=(*findings.notices.remarks, *told),
        ),
        runs=replace(
            findings.runs,
            explained=explanations_of(report_folder(session, options)),
            deployed=deployments_of(report_folder(session, options), current_runs(session.plan)),
        ),
        exploratory=exploratory,
        other_sets=sets,
        robustness=_with_uses(findings.robustness, earlier_uses(session.store, session.study.name, cells)),
    )


def judged_origin(session: Session) -> CurrentProvenance:
    """Which code and data the runs of a report are of.

    The data that its runs were made on are those that were looked at, wherever they are now.
    """
    known = session.known.prepared
    digests = {name: one.digest for name, one in known.items() if one.digest or name in session.prepared}
    return replace(session.origin, data_digests=digests)


def _with_uses(found: Robustness | None, uses: Sequence[Use]) -> Robustness | None:
    """With what was judged on the same test images before."""
    from ablate.report.facts.robustness import EarlierUse

    return found and replace(found, earlier=tuple(EarlierUse(*use) for use in uses))


def _thumbnails_of(session: Session) -> Thumbnails | None:
    """How the trainer shows images by their id, where it can here; else as an earlier report showed them."""
    trainer, cache = session.study.trainer, session.store.cache
    show = trainer.thumbnails
    if show is None:
        return None
    config = trainer.config.model_validate(session.plan.variants[0].config)

    def thumbnails(ids: Sequence[str]) -> Mapping[str, bytes]:
        try:
            shown = show(config, ids, lambda key: cache / key)
        except (AblateError, ImportError):  # what shows them is not installed, or the data are not here
            shown = {}
        kept = {name: _thumbnail(session, name) for name in ids if name not in shown}
        return {name: path.read_bytes() for name, path in kept.items() if _is_own(path)} | dict(shown)

    return thumbnails


def _thumbnail(session: Session, image: str) -> Path:
    name = hashlib.sha256(image.encode(errors="surrogateescape")).hexdigest()[:32]
    return session.store.study(session.study.name) / "thumbnails" / name


def _is_own(path: Path) -> bool:
    """Whether a file lies there, and no link leads elsewhere: others may write into the folder."""
    return path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def _keep_inputs(findings: Findings, session: Session) -> None:
    """Keep beside the study what its report says of the data: they may change, and caches may be cleaned."""
    remember_data(session.plan, session.places, session.store, session.prepared)
    paths = {_thumbnail(session, name): content for name, content in findings.exploratory.thumbnails.items()}
    folder = session.store.study(session.study.name) / "thumbnails"
    for path, content in paths.items() if not folder.is_symlink() else ():
        if not _is_own(path) or path.read_bytes() != content:
            write_bytes(path, content)
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.iterdir():
        if path not in paths:
            path.unlink(missing_ok=True)


def write_report(findings: Findings, session: Session, options: Options, language: Language | None = None) -> Path:
    """Write `reports/<study>/`; the path of the report. language: None for the study's."""
    from ablate.report.page.render import render_report
    from ablate.report.page.summary_json import summary_json
    from ablate.report.wording.language import chosen_language, words_of

    usual = chosen_language(session.study.lang)
    path = render_report(findings, report_folder(session, options), words_of(language or usual))
    _keep_inputs(findings, session)
    if any(effect.decision.verdict != "not_assessable" for effect in findings.effects):
        remember_looks(session.store.study(session.study.name), session.plan)
        remember_families(findings, session)
    remember_sets(findings, session)
    write_json(session.store.study(session.study.name) / "report.json", summary_json(findings, path))
    remember_shown("report", findings, session, options, language)
    return path


def remember_shown(
    place: str, findings: Findings, session: Session, options: Options, language: Language | None
) -> None:
    """Note that this part of the study's report was written, if in its usual folder and language."""
    from ablate.report.wording.language import chosen_language

    if language in (None, chosen_language(session.study.lang)) and options.reports is None:
        ShownReport.of(findings, session).remember(place)


def remember_families(findings: Findings, session: Session) -> None:
    """Note that verdicts on these test images were shown, beside what was judged on them before."""
    if (found := findings.robustness) is not None:
        uses = [Use(*use) for use in found.earlier]
        families = found.families + sum(len(other.families) for other in findings.further)
        remember_uses(session.store.study(session.study.name), families, uses)


def report_folder(session: Session, options: Options) -> Path:
    """Where the study's report lies."""
    return (options.reports or session.work / "reports") / session.study.name


@dataclass(slots=True)
class ShownReport:
    """What was last shown of a study: digests of findings, by place."""

    path: Path
    digest: str
    places: dict[str, str]

    @staticmethod
    def of(findings: Findings, session: Session) -> ShownReport:
        """The memory of this study, and the digest of what there is to show now."""
        from ablate.report.wording.language import chosen_language

        path = session.store.study(session.study.name) / SHOWN
        language = chosen_language(session.study.lang)
        known_as = own_version() if language == "en" else f"{own_version()}\0{language}"
        digest = hashlib.sha256(f"{known_as}\0{findings!r}".encode()).hexdigest()
        places = {str(place): seen for place, seen in dict(read_json(path) or {}).items()}
        if any(map(holds_secret, places)):
            places = {place: seen for place, seen in places.items() if not holds_secret(place)}
            write_json(path, places)
            logger.warning(
                "%s held the password of a tracking store; it is taken out now. Choose another password: copies may "
                "have been made",
                path,
            )
        return ShownReport(path, digest, places)

    def is_current(self, place: str, there: Path | None = None) -> bool:
        """Whether this place shows just these findings; `there` is a file it cannot do so without."""
        place = without_secrets(place)
        if not is_certain(place):
            return False
        return self.places.get(place) == self.digest and (there is None or there.exists())

    def remember(self, place: str) -> None:
        """Note that this place shows these findings now."""
        self.places[without_secrets(place)] = self.digest
        write_json(self.path, self.places)
