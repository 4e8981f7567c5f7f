"""The JSON Schema by which editors complete and check study files, asked by a validator of others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ablate.study.reader import read_document, read_text
from ablate.workflows.study_schema import FILE, MODELINE, schema_text, study_schema, write_schema_beside
from tests.study_builders import a_study_file

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.yaml"))
EXAMPLES = [
    (f"{page.stem}-{number}", block)
    for page in sorted(ROOT.glob("docs/*.md"))
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    if re.search(r"^study:", block, re.MULTILINE)
]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """For a whole study file."""
    schema = study_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def complaints(validator: Draft202012Validator, data: Any) -> list[str]:
    return [error.json_path for error in validator.iter_errors(data)]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_that_comes_along_fits_and_names_the_schema(path: Path, validator: Draft202012Validator) -> None:
    """By the line that editors look for; the schema lies beside it."""
    assert path.read_text(encoding="utf-8").splitlines()[0] == MODELINE
    assert complaints(validator, read_document(path).data) == []


def test_the_schema_beside_the_studies_is_the_one_of_the_code() -> None:
    """`make docs` writes it."""
    assert (ROOT / "studies" / FILE).read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_whole_studies_of_the_pages_fit(name: str, text: str, validator: Draft202012Validator) -> None:
    """Other trainers and commands included."""
    assert complaints(validator, read_text(text, name=name).data) == []


@pytest.mark.parametrize(
    "more",
    [
        {"evidence": {"replicates": 5}},
        {"timeout": "30m"},
        {"search": {"space": {"skill": [1, 2]}, "replicates": 3, "objective": "accuracy"}},
        {"trainer": {"command": ["a"], "results": {"file": "r.json"}}},
    ],
)
def test_what_may_be_written_shorter_fits(more: dict[str, Any], validator: Draft202012Validator) -> None:
    """One value where the rule is a list of them."""
    assert complaints(validator, a_study_file(**more)) == []


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("basee", {}, "$"),
        ("evidence", {"replicates": "five"}, "$.evidence.replicates"),
        ("evidence", {"tset": {"folds": 5}}, "$.evidence"),
        ("chain", {}, "$.chain"),
        ("study", "Not A Name", "$.study"),
    ],
)
def test_mistakes_are_found(key: str, value: Any, place: str, validator: Draft202012Validator) -> None:
    """Where they are made."""
    assert any(path.startswith(place) for path in complaints(validator, a_study_file(**{key: value})))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"epochs": "ten"}, "$.base.epochs"),
        ({"modle": {}}, "$.base"),
        ({"model": {"name": "vgg11"}}, "$.base.model"),
        ({"optimizer": {"name": "adm", "lr": 0.1}}, "$.base.optimizer"),
    ],
)
def test_settings_of_the_built_in_trainer_are_checked(
    change: dict[str, Any], place: str, validator: Draft202012Validator
) -> None:
    """Of another one they are not known."""
    data = dict(read_document(ROOT / "studies" / "quickstart.yaml").data)
    wrong = data | {"base": data["base"] | change}

    assert any(path.startswith(place) for path in complaints(validator, wrong))
    assert complaints(validator, wrong | {"trainer": "my.own:train"}) == []


def test_a_schema_that_is_there_stays(tmp_path: Path) -> None:
    """Somebody may have made it wider."""
    write_schema_beside(tmp_path / "a.yaml")
    written = (tmp_path / FILE).read_text(encoding="utf-8")
    (tmp_path / FILE).write_text("{}")
    write_schema_beside(tmp_path / "a.yaml")

    assert written == schema_text()
    assert (tmp_path / FILE).read_text() == "{}"
