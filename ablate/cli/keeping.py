"""The commands that keep house: what can go, what the machine can do."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from ablate.cli.options import Json, Work
from ablate.cli.show import errors_shown, note, say, say_json, say_table
from ablate.cli.translation import translated, translated_part


def clean(
    work: Work = Path(),
    caches: Annotated[bool, typer.Option("--caches", help="Also what can be computed again.")] = False,
    unused: Annotated[bool, typer.Option("--unused", help="Also runs that no study here refers to any more.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove it; without this option, only list what would be removed.")
    ] = False,
    json_: Json = False,
) -> None:
    """Say what superseded attempts, left-over checkpoints and half-built caches take; with --yes remove them.

    Example: ablate clean --caches --yes
    """
    from ablate.workflows.clean import find_garbage, remove

    with errors_shown():
        found = find_garbage(work.resolve(), caches=caches, unused=unused)
        freed = remove(found, work.resolve()) if yes else None
        if json_:
            items = [{"path": str(item.path), "kind": item.kind, "bytes": item.size} for item in found]
            say_json({"items": items, "bytes": sum(item.size for item in found), "freed": freed})
            return
        kinds: dict[str, list[int]] = defaultdict(list)
        for item in found:
            kinds[item.kind].append(item.size)
        if kinds:
            rows = [[translated_part(kind), str(len(sizes)), _megabytes(sum(sizes))] for kind, sizes in kinds.items()]
            say_table(["what", "number", "space"], rows)
        total = _megabytes(sum(item.size for item in found))
        if freed is not None:
            say(f"{_megabytes(freed)} freed.")
        else:
            say(f"{total} would be freed. `ablate clean --yes` does it." if found else "There is nothing to remove.")
        if not caches:
            note("Caches (decoded images and the like) are kept; --caches removes them too.")


def doctor(
    work: Work = Path(),
    quick: Annotated[bool, typer.Option("--quick", help="Only look; train and decode nothing.")] = False,
    json_: Json = False,
) -> None:
    """Measure what this machine can do, and advise. Leaves nothing in the work folder.

    Example: ablate doctor
    """
    from ablate.workflows.doctor import examine_machine

    with errors_shown():
        if not quick and not json_:
            note("Training and decoding for some seconds ...")
        found = list(examine_machine(work.resolve(), measure=not quick))
        if json_:
            say_json([finding._asdict() for finding in found])
            return
        say_table(["what", "found"], [[translated_part(one.what), translated_part(one.measured)] for one in found])
        for finding in found:
            if finding.advice:
                say(f"{translated_part(finding.what)}: {translated(finding.advice)}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"
