"""What docs/study_file.md names beside a key is a key."""

from __future__ import annotations

import json

from ablate.workflows.study_schema import schema_text
from tests.docs.near_keys import PURPOSES, near, paths
from tests.docs.study_file import study_file_page

SCHEMA = json.loads(schema_text())


def test_every_near_key_is_a_key_of_a_study_file() -> None:
    """A key that was renamed is renamed in the table, too."""
    named = {path for row in PURPOSES for path in row.split()}

    assert sorted(named - paths(SCHEMA)) == []


def test_near_keys_are_near_each_other() -> None:
    """Each of two names the other."""
    named = {path for row in PURPOSES for path in row.split()}

    assert [(one, other) for one in named for other in near(one) if one not in near(other)] == []


def test_the_page_shows_what_is_near() -> None:
    """Beside the learning rate stands its schedule; at the top level the designs stand beside each other."""
    lines = study_file_page().splitlines()

    assert [line for line in lines if line.startswith("| `lr`") and "`schedule`, `warmup`" in line]
    assert [line for line in lines if line.startswith("| `chain`") and "`factorial`" in line]
