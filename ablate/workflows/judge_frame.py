"""Verdicts on a data frame in one line: what `ablate judge` says of the same table in a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ablate.readers.frames import NAME, sheet_of
from ablate.readers.units import Unit
from ablate.report.page.notebook import findings_html, findings_text
from ablate.report.page.summary_json import summary_json
from ablate.workflows.judge import Request, judge_results

if TYPE_CHECKING:
    from ablate.report.facts.effect import EffectRow
    from ablate.report.facts.findings import Findings, VariantRow


@dataclass(frozen=True, slots=True, repr=False)
class JudgedTable:
    """The findings on a table; shows itself at a prompt and in a notebook."""

    findings: Findings

    def __repr__(self) -> str:
        """The sentence, the comparisons, and what the table does not tell."""
        return findings_text(self.findings)

    def _repr_html_(self) -> str:
        return findings_html(self.findings)

    @property
    def effects(self) -> tuple[EffectRow, ...]:
        """The comparisons: `effects[0].decision.verdict`, `effects[0].measured.difference`."""
        return self.findings.effects

    @property
    def variants(self) -> tuple[VariantRow, ...]:
        """The variants with their levels."""
        return self.findings.variants

    def to_dict(self) -> dict[str, Any]:
        """What `ablate judge --json` prints."""
        return summary_json(self.findings)

    def write_report(self, folder: Path | str) -> Path:
        """Write report.html and tables as `ablate judge --report FOLDER` does; the path of report.md."""
        from ablate.report.page.render import render_report

        return render_report(self.findings, Path(folder))


def judge(  # noqa: PLR0913 - the options of `ablate judge`, each by its name
    table: object,
    *,
    by: str | None = None,
    replicate: str | None = None,
    group: str | None = None,
    unit: Unit | None = None,
    metric: str | None = None,
    goal: Literal["max", "min"] | None = None,
    baseline: str | None = None,
    chain: bool = False,
    paired: bool = False,
    negligible: float | None = None,
    worthwhile: float | None = None,
    no_worse: float | None = None,
) -> JudgedTable:
    """Verdicts on a data frame of results: `ablate.judge(frame)`; the options are those of `ablate judge`.

    table: a pandas or polars data frame, a mapping of columns, a list of rows as mappings, or a file's path. Columns,
    units and replicates are told by their headings: docs/judge.md.
    Raises StudyError, naming row and column, for what cannot be read or may be read in two ways.
    """
    source, sheet = (str(table), None) if isinstance(table, (str, Path)) else (str(NAME), sheet_of(table))
    request = Request(
        source=source, sheet=sheet, by=by,
        replicate=replicate, group=group, unit=unit, metric=metric, goal=goal, baseline=baseline, chain=chain,
        paired=paired, negligible=negligible, worthwhile=worthwhile, no_worse=no_worse,
    )  # fmt: skip
    return JudgedTable(judge_results(request))
