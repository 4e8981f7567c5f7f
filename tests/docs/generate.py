"""Write docs/cli.md from the commands' own help, and the pages other modules here make."""

from __future__ import annotations

from pathlib import Path

import typer.main
from typer.testing import CliRunner

from ablate.cli.app import app
from ablate.workflows.study_schema import FILE, schema_text
from tests.docs import llms, prices, python_reference, study_file, techniques

PATH = Path(__file__).parents[2] / "docs" / "cli.md"

HEAD = """\
# Commands

Generated from `--help` by `make docs`.

Exit codes: 0 done; 1 some runs failed, the report says which; 2 the request was wrong or needs a decision; \
3 a comparison is not as `--require` asks; 75 another process holds the study; 130 and 143 interrupted.
"""


def command_names() -> list[str]:
    """Every command, in the order of `ablate --help`; those of a group by two words."""
    names = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        names += [f"{name} {inner}" for inner in getattr(command, "commands", ())] or [name]
    return names


def cli_reference() -> str:
    """The text of docs/cli.md."""
    runner = CliRunner()
    parts = [HEAD]
    for name in command_names():
        shown = runner.invoke(
            app, [*name.split(), "--help"], env={"COLUMNS": "100", "TERM": "dumb"}, prog_name="ablate"
        )
        lines = "\n".join(line.rstrip() for line in shown.stdout.strip().splitlines())
        parts.append(f"## ablate {name}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PATH.write_text(cli_reference(), encoding="utf-8")
    study_file.PATH.write_text(study_file.study_file_page(), encoding="utf-8")
    python_reference.PATH.write_text(python_reference.python_page(), encoding="utf-8")
    techniques.PATH.write_text(techniques.techniques_page(), encoding="utf-8")
    prices.write_tables()
    llms.PATH.write_text(llms.llms_page(), encoding="utf-8")
    (PATH.parents[1] / "studies" / FILE).write_text(schema_text(), encoding="utf-8")
