"""Every line that says how to install, from a copy of the repository; what the wheel has in it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.slim_environment import ROOT, closure, requirements_of

JUDGE, BESIDE = ROOT / "requirements-judge.txt", ROOT / "requirements-beside-torch.txt"
VERDICTS = {"numpy", "scipy", "pandas", "pydantic", "pyyaml", "jinja2", "rich", "typer", "matplotlib"}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", JUDGE, BESIDE, *sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE = ("{",)
"""What a line has in it that is put together where it is said."""

TOLD: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = TOLD["project"]


def pip_lines(text: str) -> Iterator[str]:
    """The `pip install` commands in a text: lines of a block or a comment, or between backquotes or double quotes."""
    for match in re.finditer(r"\bpip install [^`\n]*", text):
        line = re.split(r"\s+#|[\"]|(?<=[\w'\]])[.,;)](?:\s|$)", match[0])[0]
        line = re.sub(r"(?<=\S)[.]$", "", line.strip())
        if not any(one in line for one in ELSEWHERE):
            yield line


def all_lines() -> list[str]:
    """Those of every page, each once."""
    return sorted({line for page in PAGES for line in pip_lines(page.read_text(encoding="utf-8"))})


def advised() -> list[str]:
    """Those that a message of ablate says."""
    files = (ROOT / "ablate").rglob("*.py")
    return sorted({line for file in files for line in pip_lines(file.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("line", [*all_lines(), *advised()])
def test_a_line_names_only_what_there_is(line: str) -> None:
    """The clone with extras it has, files that lie in it, packages of other people by their names."""
    words = shlex.split(line)[2:]
    files = [words[at + 1] for at, word in enumerate(words) if word in ("-r", "-c", "--requirement", "--constraint")]
    groups = [words[at + 1] for at, word in enumerate(words) if word == "--group"]
    options = {word for word in words if word.startswith("-")}
    named = [word for word in words if word not in options | {*files, *groups}]

    known = {"-r", "-c", "-e", "--group", "--upgrade", "--require-hashes", "--no-build-isolation"}
    known |= {"--no-deps", "--force-reinstall", "--no-index", "--find-links", "--index-url"}
    assert options <= known
    assert set(groups) <= set(TOLD["dependency-groups"])
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert named or options & {"-r", "--group"}
    for name in named:
        own = re.fullmatch(r"\.(?:\[([\w,]+)\])?", name)
        if own:
            assert set((own[1] or "timm").split(",")) <= set(PROJECT["optional-dependencies"])
        else:
            assert not canonicalize_name(Requirement(name).name).startswith("ablate")


def test_the_pages_say_how_to_install() -> None:
    """The two lines for a verdict, the two beside a torch that is there, the extras."""
    lines = set(all_lines())

    assert {"pip install -r requirements-judge.txt", "pip install --no-deps ."} <= lines
    assert {"pip install -r requirements-beside-torch.txt", "pip install -e ."} <= lines
    assert {f"pip install '.[{extra}]'" for extra in PROJECT["optional-dependencies"]} <= lines


def test_the_requirements_are_those_of_the_project() -> None:
    """Versions stand in pyproject.toml; the files choose among its lines."""
    project = {canonicalize_name(one.name): one for one in map(Requirement, PROJECT["dependencies"])}
    judge = {canonicalize_name(one.name): one for one in requirements_of(JUDGE)}
    beside = {canonicalize_name(one.name): one for one in requirements_of(BESIDE)}

    assert judge == {name: project[name] for name in VERDICTS}
    assert beside == {name: one for name, one in project.items() if name not in ("torch", "torchvision")}


def group(name: str) -> set[str]:
    """The packages of a dependency group, with those it includes."""
    found: set[str] = set()
    for entry in TOLD["dependency-groups"][name]:
        found |= {canonicalize_name(Requirement(entry).name)} if isinstance(entry, str) else group(*entry.values())
    return found


def test_the_lock_has_all_that_is_needed_without_a_network() -> None:
    """The project, its tests and what builds it in place, each by its hash and in the version of constraints.txt."""
    pinned = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line]
    tested = {canonicalize_name(name): version for name, version in (line.split("==") for line in pinned)}
    entries = re.findall(
        r"^([^\s\[]+)(?:\[[\w,]+\])?==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
        (ROOT / "requirements.lock").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    locked = {canonicalize_name(name): version for name, version, _ in entries}
    needed = {canonicalize_name(Requirement(one).name) for one in PROJECT["dependencies"]} | group("dev")

    assert {"hatchling", "editables"} <= needed
    assert needed <= locked.keys()
    assert {name: locked[name] for name in locked.keys() & tested.keys()} == {
        name: tested[name] for name in locked.keys() & tested.keys()
    }


def test_nothing_beside_torch_brings_torch() -> None:
    """Neither by name nor because something else needs it."""
    assert not {name for name in closure(requirements_of(BESIDE)) if name.startswith(("torch", "nvidia", "triton"))}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the repository tracks, as it is now."""
    folder = tmp_path_factory.mktemp("clone") / "ablate"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def run(*command: object, cwd: Path) -> str:
    """What a command printed; it must end well."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by hatchling as it is installed here, else as pip fetches it."""
    folder = tmp_path_factory.mktemp("wheel")
    how = ["--no-build-isolation"] if find_spec("hatchling") else []
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *how, "--wheel-dir", folder, ".", cwd=clone)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_brings_all_that_is_read_at_run_time(wheel: Path, tmp_path: Path) -> None:
    """Installed alone into an empty folder it has its study, templates, languages, schemas and the mark of types."""
    target = tmp_path / "target"
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        target,
        wheel,
        cwd=tmp_path,
    )
    package = target / "ablate"

    assert (package / "packaged" / "quickstart.yaml").is_file()
    assert (package / "py.typed").is_file()
    for folder, suffix in (("templates", ".html*"), ("languages", ".toml"), ("schemas", ".json")):
        here = {path.name for path in (ROOT / "ablate" / "report" / folder).iterdir() if path.is_file()}
        assert list((package / "report" / folder).glob(f"*{suffix}"))
        assert {path.name for path in (package / "report" / folder).iterdir()} >= here - {"__pycache__"}


def test_the_wheel_is_the_package_and_nothing_else(wheel: Path, clone: Path) -> None:
    """No tests, no documentation, and every file of the package."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}

    assert names == {path.relative_to(clone).as_posix() for path in (clone / "ablate").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty environment."""
    folder = tmp_path_factory.mktemp("empty") / "environment"
    venv.create(folder, symlinks=True, with_pip=True)
    return folder / "bin" / "python"


@pytest.mark.slow
@pytest.mark.parametrize("line", all_lines())
def test_a_line_can_be_run_from_a_clone(clone: Path, python: Path, line: str) -> None:
    """pip finds everything it names, in versions that agree; nothing is installed."""
    printed = run(python, "-m", "pip", "install", "--dry-run", *shlex.split(line)[2:], cwd=clone)

    assert "does not provide the extra" not in printed


@pytest.mark.slow
def test_a_torch_that_is_there_is_not_replaced(clone: Path, tmp_path: Path) -> None:
    """An old one of a cluster's image, which `pip install .` would replace."""
    folder = tmp_path / "image"
    venv.create(folder, symlinks=True, with_pip=True)
    (packages,) = folder.glob("lib/*/site-packages")
    for name in ("torch", "torchvision"):
        described = packages / f"{name}-2.1.0+cluster.dist-info"
        described.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.1.0+cluster\n"
        (described / "METADATA").write_text(text, encoding="utf-8")
    for line in ("-r requirements-beside-torch.txt", "--no-deps ."):
        told = tmp_path / "told.json"
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--dry-run", "--report", told]
        run(*pip, *line.split(), cwd=clone)
        chosen = {one["metadata"]["name"] for one in json.loads(told.read_text(encoding="utf-8"))["install"]}

        assert chosen
        assert not {name for name in chosen if name.startswith(("torch", "nvidia", "triton"))}


@pytest.mark.slow
def test_two_lines_are_enough_for_a_verdict(clone: Path, tmp_path: Path) -> None:
    """The documented two, in an empty environment, then the commands."""
    venv.create(tmp_path / "environment", symlinks=True, with_pip=True)
    (page,) = [page for page in PAGES if page.name == "installing.md"]
    section = page.read_text(encoding="utf-8").split("## Verdicts alone")[1].split("\n## ")[0]
    lines = [line for line in pip_lines(section) if line.startswith("pip")]
    bin_ = tmp_path / "environment" / "bin"
    for line in lines:
        run(bin_ / "python", "-m", *shlex.split(line), "--quiet", cwd=clone)
    work = tmp_path / "work"
    shutil.unpack_archive(ROOT / "tests" / "golden" / "work" / "0.1.0.tar.xz", work)
    study = work / "studies" / "quickstart.yaml"  # written when runs were not in channels-last layout by default
    batch = "  batch_size: 16\n"
    study.write_text(study.read_text().replace(batch, f"{batch}  numerics: {{channels_last: false}}\n"))
    for command in (
        ["check", "studies/quickstart.yaml"],
        ["check", "own_trainer.yaml"],
        ["judge", "results.csv", "--report", "judged"],
        ["report", "studies/quickstart.yaml"],
        ["report", "studies/quickstart.yaml", "--verify"],
        ["report", "own_trainer.yaml"],
        ["report", "own_trainer.yaml", "--verify"],
    ):
        run(bin_ / "ablate", *command, cwd=work)

    assert len(lines) == 2
    assert not list((tmp_path / "environment").glob("lib/*/site-packages/torch*"))
