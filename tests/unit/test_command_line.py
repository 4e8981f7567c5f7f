"""What the commands say of a request that is wrong."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from ablate.cli.app import app


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "x.yaml", "--lang", "fr"], "Error: --lang: 'fr' is not one of 'en', 'zh'."),
        (["optuna", "--trials", "many"], "Error: --trials: expected a whole number"),
        (["run", "x.yaml", "--look", "two"], "Error: --look: expected a whole number"),
    ],
)
def test_a_wrong_option_is_told_like_every_other_error(arguments: list[str], said: str) -> None:
    """Option, what is wrong with it, and where the choices stand; exit code 2."""
    refused = CliRunner().invoke(app, arguments)

    assert refused.exit_code == 2
    assert said in refused.stderr
    assert f"`ablate {arguments[0]} --help`" in refused.stderr
