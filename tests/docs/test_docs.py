"""The documentation says what the commands do."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

import ablate
from ablate.study.load import load_study
from ablate.study.plan import make_plan
from tests.docs import llms, python_reference, study_file, techniques
from tests.docs.generate import PATH, cli_reference, command_names

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "reports" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))


def test_the_command_reference_equals_the_commands_help() -> None:
    """docs/cli.md is what `--help` prints; `make docs` renews it."""
    assert PATH.read_text(encoding="utf-8") == cli_reference()


def test_the_page_of_techniques_equals_the_settings() -> None:
    """docs/techniques.md lists every block with its source and its defaults; `make docs` renews it."""
    assert techniques.PATH.read_text(encoding="utf-8") == techniques.techniques_page()


def test_the_list_of_pages_is_that_of_the_index() -> None:
    """docs/llms.txt has every page of the site; `make docs` renews it."""
    assert llms.PATH.read_text(encoding="utf-8") == llms.llms_page()


def test_the_page_of_the_study_file_equals_its_schema() -> None:
    """docs/study_file.md lists every key with its values, default and unit; `make docs` renews it."""
    assert study_file.PATH.read_text(encoding="utf-8") == study_file.study_file_page()


def test_the_page_of_python_equals_the_public_names() -> None:
    """docs/python_reference.md has each of them, once, with its docstring; `make docs` renews it."""
    named = [name for names in python_reference.ROOMS.values() for name in names.split()]

    assert python_reference.PATH.read_text(encoding="utf-8") == python_reference.python_page()
    assert sorted(named) == sorted(ablate.__all__)


def test_every_technique_names_its_source() -> None:
    """A year, torch, or the plain definition."""
    sections = techniques.techniques_page().split("## Blocks\n")[1].split("\n### ")[1:]
    plain = ("batch_size", "epochs", "augment`", "schedule: {name: constant", "numerics", "sampling", "class_weights")
    without = [one.splitlines()[0] for one in sections if not re.search(r"\d{4}|torch's|impulse noise", one)]

    assert [title for title in without if not title.lstrip("`").startswith(plain)] == []


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_a_sentence_and_an_example(name: str) -> None:
    """Help that shows no use is no help."""
    section = cli_reference().split(f"## ablate {name}\n")[1].split("\n## ")[0]

    assert f"Example: ablate {name}" in " ".join(section.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_ablate_command_in_the_pages_exists(page: Path) -> None:
    """A command a reader copies is a command there is."""
    blocks = re.findall(r"```(?:bash|console|sh)[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    used = {shlex.split(line, comments=True)[1] for line in lines if line.startswith("ablate ")}

    assert used <= {*(name.split()[0] for name in command_names()), "--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """A link to a file that was moved is fixed with the move."""
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_every_shipped_study_can_be_planned(path: Path) -> None:
    """A study file in the repository is a study that is right."""
    assert make_plan(load_study(path)).variants


def test_the_packaged_quick_start_equals_the_one_in_the_repository() -> None:
    """`ablate demo` and `ablate run studies/quickstart.yaml` are the same study."""
    packaged = ROOT / "ablate" / "packaged" / "quickstart.yaml"

    assert packaged.read_bytes() == (ROOT / "studies" / "quickstart.yaml").read_bytes()


def test_only_the_sample_report_is_kept_in_the_repository() -> None:
    """What a demo writes leaves `git status` clean; the sample and its page are there for everybody."""
    ignored = ["reports/quickstart/report.md", "reports/README.md.bak", ".ablate/runs/a", "mlflow.db", "mlflow.db.lock"]
    kept = ["reports/README.md", "reports/sample/report.html", "reports/sample/tables/effects.csv"]
    found = subprocess.run(
        ["git", "check-ignore", "--no-index", *ignored, *kept, "mlartifacts/x", "mlruns/x"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert found.stdout.split() == [*ignored, "mlartifacts/x", "mlruns/x"]
    assert [path for path in kept if not (ROOT / path).is_file()] == []


def test_the_repository_speaks_of_the_product_alone() -> None:
    """No page names a machine's own folders."""
    pattern = re.compile(r"(?<![\w.])/(?:work|root|home)/\w")
    files = [path for path in [*PAGES, *STUDIES, *(ROOT / "ablate").rglob("*.py")] if path.is_file()]

    assert [path.name for path in files if pattern.search(path.read_text(encoding="utf-8"))] == []
