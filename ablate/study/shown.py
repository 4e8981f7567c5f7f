"""A study and its plan as a notebook shows them: what is varied, what is compared, how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ablate.records import Contrast, Variant
from ablate.safety.html_table import html_table
from ablate.study.flow_style import flow


def changes_text(changes: Mapping[str, Any]) -> str:
    """`model.norm: {name: batch}, epochs: 40`."""
    return ", ".join(f"{key}: {flow(value)}" for key, value in changes.items())


def study_html(
    name: str, question: str, evidence: Sequence[str], changes: Mapping[str, tuple[str, Mapping[str, Any]]]
) -> str:
    """The question, the changes with what each is compared with, and on what evidence. changes: name -> both."""
    rows = [(change, reference, changes_text(overrides)) for change, (reference, overrides) in changes.items()]
    lines = [*([question] if question else []), "; ".join(evidence)]
    return html_table(("change", "design, or compared with", "settings"), rows, title=name, lines=lines)


def plan_html(name: str, variants: Sequence[Variant], contrasts: Sequence[Contrast], looks: Sequence[int]) -> str:
    """Every variant with its changes, and in which comparisons it is."""
    families: dict[str, list[str]] = {}
    for contrast in contrasts:
        families.setdefault(contrast.variant, []).append(f"{contrast.reference} ({contrast.family})")
    rows = [
        (one.name, "; ".join(dict.fromkeys(families.get(one.name, []))), changes_text(one.changes)) for one in variants
    ]
    counts = f"{len(variants)} variants, {len(contrasts)} comparisons, {len(variants) * looks[-1]} runs at most"
    planned = f"looks at {', '.join(map(str, looks))} replicates"
    return html_table(("variant", "compared with", "changes"), rows, title=name, lines=[f"{counts}; {planned}"])
