"""Errors: what a user reads, and how the command ends."""

from __future__ import annotations

import inspect

import pytest

from ablate import errors
from ablate.errors import (
    AblateError,
    DataError,
    DataProblems,
    Held,
    NotInstalled,
    StudyError,
    near_match,
    not_installed,
    refuse_uninstalled,
)

ERRORS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AblateError)]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_ends_the_command_with_an_exit_code_of_its_kind(kind: type[AblateError]) -> None:
    """A request that was wrong ends with 2, a study that another process holds with 75."""
    expected = 75 if kind is Held else 2

    assert kind.exit_code == expected


@pytest.mark.parametrize("kind", [errors.Stopped, errors.Diverged])
def test_the_end_of_a_run_is_no_error_of_the_request(kind: type[Exception]) -> None:
    """A run that stops itself is caught where runs are, not where commands are."""
    assert not issubclass(kind, AblateError)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_named_in_the_tree_at_the_top(kind: type[AblateError]) -> None:
    """The tree in the module's docstring is complete."""
    assert kind.__name__ in str(errors.__doc__)


@pytest.mark.parametrize(
    ("message", "text"),
    [("gone", "gone. Try again."), ("gone?", "gone? Try again."), ("see:", "see: Try again.")],
)
def test_a_remedy_follows_the_message_as_a_sentence(message: str, text: str) -> None:
    """As text an error is one readable line."""
    error = StudyError(message, hint="Try again.")

    assert str(error) == text


def test_an_error_without_remedy_is_its_message() -> None:
    """Nothing is put behind the message."""
    assert str(StudyError("gone")) == "gone"


def test_a_near_match_names_the_closest_known_word() -> None:
    """A typing error is recognised."""
    assert near_match("smothing", ["augment", "smoothing"]) == "Did you mean 'smoothing'? "


def test_a_near_match_does_not_mind_capitals() -> None:
    """`VGG16` means `vgg16`."""
    assert near_match("VGG16", ["vgg11", "vgg16"]) == "Did you mean 'vgg16'? "


def test_a_word_unlike_all_others_has_no_near_match() -> None:
    """A guess that helps nobody is not made."""
    assert near_match("resnet", ["vgg11"]) == ""


def test_a_long_name_is_not_echoed_whole() -> None:
    """A name of a hundred thousand letters came from a file, or from a mistake; paths are shown whole."""
    long = str(StudyError(f"no variant {'x' * 100_000!r} here", hint=f"There are: {'y' * 50_000}, BN."))
    path = "/" + "/".join(["folder"] * 100)

    assert len(long) < 500
    assert long.startswith("no variant 'xxx")
    assert "(50001 characters) BN." in long
    assert len(str(StudyError("many words " * 10_000))) < 21_000
    assert path in str(StudyError(f"{path} is gone"))


def test_several_problems_are_numbered_and_kept() -> None:
    """All of them in one message, each as an error of its own beside it."""
    problems = [DataError("one", hint="Fix one."), DataError("two", hint="Fix two.")]
    told = DataProblems(problems)

    assert told.errors == tuple(problems)
    assert told.message.splitlines()[0] == "2 problems, each of which would stop a run:"
    assert [line[:6] for line in told.message.splitlines() if line[:1].isdigit()][1:] == ["1. one", "2. two"]


def test_an_import_that_fails_says_what_to_install() -> None:
    """By the name that pip knows; one that is installed and does not start is another matter."""
    missing = not_installed(ModuleNotFoundError("No module named 'yaml'", name="yaml.nodes"))
    broken = not_installed(ImportError("libGL.so.1 is not there", name="cv2"))

    assert missing is not None
    assert "this needs PyYAML" in missing.message
    assert "pip install PyYAML" in missing.hint
    assert broken is not None
    assert "cv2 is installed, but cannot be imported: libGL.so.1 is not there" in broken.message
    assert not_installed(ImportError("cannot import name 'x'", name="ablate.files")) is None
    assert not_installed(ImportError("no name at all")) is None


def test_a_package_that_is_not_there_is_refused_with_the_way_round_it() -> None:
    """One that is there passes in silence."""
    refuse_uninstalled("json")
    with pytest.raises(NotInstalled, match="this needs no_such_package") as refused:
        refuse_uninstalled("no_such_package", instead="Or leave it out.")
    assert refused.value.hint.endswith("Or leave it out.")
