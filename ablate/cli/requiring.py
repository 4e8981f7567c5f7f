"""A gate for others: a command that ends with an exit code of its own where a comparison is not as required."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ablate.cli.show import note

NOT_AS_REQUIRED = 3
"""The exit code."""

Require = Annotated[
    list[str] | None,
    typer.Option(
        "--require",
        metavar="'NAME: ANSWER'",
        help="Exit with 3 unless it is so: 'GAP head: better', 'pruned: better or same', 'int8: no worse'.",
    ),
]


def end_as_required(shortfalls: Sequence[str], otherwise: int = 0) -> None:
    """End the command with 3 and a line for each comparison that is not as required, else with the other code."""
    for line in shortfalls:
        note(f"Not as {line}.")
    if shortfalls or otherwise:
        raise typer.Exit(NOT_AS_REQUIRED if shortfalls else otherwise)
