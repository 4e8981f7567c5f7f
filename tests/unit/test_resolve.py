"""From a dotted path to a trainer, and to the digest of its source."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from ablate import trainer
from ablate.errors import TrainerError
from ablate.results.survey import CurrentProvenance
from ablate.safety.code_text import normalised
from ablate.trainer import BUILT_IN, former_source_digests, load_trainer, search_first, source_digest

GOLDEN = Path(__file__).parents[1] / "golden"

SOUND = """\
    from __future__ import annotations
    import ablate

    class Config(ablate.Settings):
        lr: float = 0.1

    def train(config: Config, run):
        return {"accuracy": config.lr}
    """


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A work folder whose modules are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    search_first(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.modules.pop("my_space", None)


def write(path: Path, source: str) -> Path:
    """A module."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return path


def refusal(path: str) -> TrainerError:
    """Why a dotted path leads to no trainer."""
    with pytest.raises(TrainerError) as caught:
        load_trainer(path)
    return caught.value


# --- the trainer ------------------------------------------------------------------------------


def test_a_plain_function_with_a_config_is_a_trainer(folder: Path) -> None:
    """It reports accuracy unless it says otherwise; nothing else is needed."""
    write(folder / "exp_plain.py", SOUND)
    trainer = load_trainer("exp_plain:train")

    assert (trainer.metrics, trainer.warm, trainer.describe) == ({"accuracy": "max"}, "exp_plain", None)
    assert trainer.config.model_fields.keys() == {"lr"}


def test_what_stands_beside_the_function_belongs_to_the_trainer() -> None:
    """The built-in one has all companions."""
    trainer = load_trainer(BUILT_IN)

    assert all([trainer.describe, trainer.prepare, trainer.predict, trainer.check_config])
    assert trainer.metrics["loss"] == "min"


@pytest.mark.parametrize("path", ["exp", "exp:", ":train", ""])
def test_a_path_without_module_or_function_says_how_it_is_written(path: str) -> None:
    """package.module:function."""
    error = refusal(path)

    assert error.message == f"trainer {path!r} is not a dotted path"
    assert error.hint == "Write it as package.module:function."


def test_a_module_that_does_not_exist_says_where_it_was_looked_for() -> None:
    """The work folder comes first."""
    error = refusal("no_such_module.exp:train")

    assert error.message == "trainer 'no_such_module.exp:train': there is no module 'no_such_module'"
    assert "--work" in error.hint


def test_a_module_that_its_trainer_needs_is_named(folder: Path) -> None:
    """The mistake is not in the path."""
    write(folder / "exp_needs.py", "import no_such_dependency\n")

    assert "needs the module 'no_such_dependency', which is not installed" in refusal("exp_needs:train").message


def test_a_function_that_does_not_exist_lists_those_that_do(folder: Path) -> None:
    """With a near match."""
    write(folder / "exp_functions.py", SOUND)
    error = refusal("exp_functions:trian")

    assert error.message == "trainer 'exp_functions:trian': module 'exp_functions' has no function 'trian'"
    assert error.hint == "Did you mean 'train'? It has: train."


@pytest.mark.parametrize("source", ["x = 1 / 0", "def broken(:", "import sys; sys.exit(3)"])
def test_a_module_that_cannot_be_imported_is_no_traceback(folder: Path, source: str) -> None:
    """A script without a guard ends itself on import; that must not end the command."""
    write(folder / "exp_broken.py", source)

    assert "trainer 'exp_broken:train' cannot be imported: " in refusal("exp_broken:train").message


@pytest.mark.parametrize(
    "source",
    [
        "def train(config, run): ...",
        "def train(config: dict, run): ...",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    lr: float = 1\ndef train(config: C, run): ...",
        "def train(settings: int, run): ...",
    ],
)
def test_a_config_that_is_no_settings_is_refused_with_the_reason(folder: Path, source: str) -> None:
    """A plain dataclass takes unknown keys silently."""
    write(folder / "exp_config.py", source)
    error = refusal("exp_config:train")
    sys.modules.pop("exp_config")

    name = "settings" if "settings" in source else "config"
    assert error.message.endswith(f"the annotation of `{name}` must be a class derived from ablate.Settings")
    assert error.hint == "A plain dataclass takes unknown keys silently; write `class Config(ablate.Settings): ...`."


def test_a_block_inside_a_config_must_be_settings_too(folder: Path) -> None:
    """Unknown keys must not pass at any depth."""
    source = """\
        import ablate, pydantic
        class Inner(pydantic.BaseModel):
            x: int = 0
        class Config(ablate.Settings):
            inner: Inner
        def train(config: Config, run): ...
        """
    write(folder / "exp_inner.py", source)

    assert "Config.inner holds Inner, which is not derived from ablate.Settings" in refusal("exp_inner:train").message


@pytest.mark.parametrize(
    "signature", ["args: Config, run", "cfg: Config, run, extra=1", "settings: Config, /, run", "config: Config, *rest"]
)
def test_the_settings_are_taken_by_their_place(folder: Path, signature: str) -> None:
    """A trainer is called with the settings and the run; what it calls them is its own affair."""
    write(folder / "exp_place.py", f"import ablate\nclass Config(ablate.Settings): ...\ndef train({signature}): ...")
    trainer = load_trainer("exp_place:train")
    sys.modules.pop("exp_place")

    assert trainer.config.__name__ == "Config"


@pytest.mark.parametrize("signature", ["config: Config", "*, config: Config, run", "config: Config, run, more"])
def test_a_trainer_that_cannot_be_called_is_refused_with_its_signature(folder: Path, signature: str) -> None:
    """Before the first run, and in words that are true."""
    write(folder / "exp_call.py", f"import ablate\nclass Config(ablate.Settings): ...\ndef train({signature}): ...")
    error = refusal("exp_call:train")
    sys.modules.pop("exp_call")

    assert "by position, and takes (" in error.message
    assert "def train(config: Config, run)" in error.hint


def test_settings_in_the_second_place_are_refused_by_the_name_of_the_first(folder: Path) -> None:
    """The run would be handed where the settings are expected."""
    source = "import ablate\nclass Config(ablate.Settings): ...\ndef train(run, config: Config): ..."
    write(folder / "exp_second.py", source)
    error = refusal("exp_second:train")
    sys.modules.pop("exp_second")

    assert "the annotation of `run` must be" in error.message


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations\ndef train(config: Missing, run): ...",
        "from __future__ import annotations\nimport ablate\ndef train(config: ablate.Setings, run): ...",
        "import functools\ndef f(config, run): ...\ntrain = functools.partial(f)",
    ],
)
def test_an_annotation_that_leads_nowhere_is_refused(folder: Path, source: str) -> None:
    """Such as a class that is imported for type checkers only."""
    write(folder / "exp_annotation.py", source)
    error = refusal("exp_annotation:train")
    sys.modules.pop("exp_annotation")

    assert "an annotation cannot be resolved" in error.message


@pytest.mark.parametrize("metrics", ["['accuracy']", "{}", "{'accuracy': 'up'}"])
def test_metrics_need_a_better_direction(folder: Path, metrics: str) -> None:
    """max or min."""
    write(folder / "exp_metrics.py", SOUND + f"\n    METRICS = {metrics}\n")
    error = refusal("exp_metrics:train")
    sys.modules.pop("exp_metrics")

    assert "METRICS is " in error.message
    assert '{"accuracy": "max", "loss": "min"}' in error.hint


# --- the digest of its source -----------------------------------------------------------------

CODE = '''\
"""A trainer."""


class Config:
    """What it takes."""

    lr: float = 0.1
    """Step size."""


def train(config: Config, run: object) -> dict[str, float]:
    """One number."""
    return {"accuracy": config.lr * 2}
'''


def digest_of(folder: Path, source: str | bytes) -> str:
    """The digest of a single file."""
    path = folder / "exp_digest.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    trainer._digest_of_files.cache_clear()
    return source_digest("exp_digest:train")


@pytest.mark.parametrize(
    "edited",
    [
        CODE.replace("A trainer", "The best trainer"),
        CODE.replace('    """What it takes."""\n\n', ""),
        CODE.replace("Step size", "Learning rate"),
        CODE.replace("    return", "    # twice\n    return"),
        CODE.replace("config.lr * 2", "(config.lr\n        *2)"),
        CODE.replace('"accuracy"', "'accuracy'"),
        "\n\n" + CODE,
    ],
)
def test_docstrings_comments_and_formatting_keep_the_digest(folder: Path, edited: str) -> None:
    """Finished runs stay good when somebody tidies up."""
    before = digest_of(folder, CODE)

    assert digest_of(folder, edited) == before


@pytest.mark.parametrize(
    "edited",
    [CODE.replace("* 2", "* 3"), CODE.replace("0.1", "0.2"), CODE.replace("accuracy", "loss"), CODE + "x = 1\n"],
)
def test_a_change_of_the_code_changes_the_digest(folder: Path, edited: str) -> None:
    """Whatever can change a result."""
    before = digest_of(folder, CODE)

    assert digest_of(folder, edited) != before


def test_a_package_counts_with_all_its_files(folder: Path) -> None:
    """Helpers beside the trainer's module, at any depth; their names, too."""
    write(folder / "my_pkg" / "__init__.py", "")
    write(folder / "my_pkg" / "exp.py", SOUND)
    helper = write(folder / "my_pkg" / "nets.py", "WIDTH = 1\n")
    before = source_digest("my_pkg.exp:train")
    helper.write_text("WIDTH = 10\n")
    edited = source_digest("my_pkg.exp:train")
    helper.rename(helper.with_name("models.py"))

    assert len({before, edited, source_digest("my_pkg.exp:train")}) == 3


def test_a_folder_without_init_counts_with_all_its_files(folder: Path) -> None:
    """A namespace package is code like any other."""
    write(folder / "my_space" / "exp.py", SOUND)
    before = source_digest("my_space.exp:train")
    write(folder / "my_space" / "nets.py", "WIDTH = 1\n")

    assert source_digest("my_space.exp:train") != before


@pytest.mark.parametrize("source", ["def broken(:\n", "print 'old'\n", b"x = 'caf\xe9'\n", b"x = '\x00'\n"])
def test_a_file_that_is_no_python_of_this_version_counts_as_it_is(folder: Path, source: str | bytes) -> None:
    """Templates and old code lie in packages; they are no reason to stop."""
    write(folder / "my_mixed" / "__init__.py", "")
    odd = folder / "my_mixed" / "odd.py"
    odd.write_bytes(source if isinstance(source, bytes) else source.encode())
    before = source_digest("my_mixed:train")
    odd.write_bytes(odd.read_bytes() + b"# more\n")

    assert source_digest("my_mixed:train") != before


MOVED = """\
from ablate.store.journal import read_history
from ablate.records import Cost, Outcome as Result

def load():
    try:
        from ablate.report.page.render import render_report
    except ImportError:
        from ablate.files import write_json
    return render_report
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ablate.store.journal", "ablate.journal"),
        ("from ablate.records import Cost, Outcome", "from ablate.a import Cost\nfrom ablate.b import Outcome"),
        ("ablate.report.page.render", "ablate.report.render"),
        ("ablate.files", "ablate.store.files"),
    ],
    ids=["another folder", "one module made two", "inside a function", "inside a handler"],
)  # fmt: skip
def test_moving_a_module_of_ablate_changes_no_digest(folder: Path, before: str, after: str) -> None:
    """Where a name stands in ablate is no part of what a trainer does."""
    write(folder / "my_moves" / "exp.py", MOVED)
    digest = source_digest("my_moves.exp:load")
    write(folder / "my_moves" / "exp.py", MOVED.replace(before, after))

    assert source_digest("my_moves.exp:load") == digest


@pytest.mark.parametrize(
    ("before", "after"),
    [("read_history", "read_events"), ("Outcome as Result", "Cost as Result"), ("ablate.files", "somewhere.files")],
)  # fmt: skip
def test_importing_something_else_changes_the_digest(folder: Path, before: str, after: str) -> None:
    """What is imported counts, and so does every module that is not ablate's."""
    write(folder / "my_other" / "exp.py", MOVED)
    digest = source_digest("my_other.exp:load")
    write(folder / "my_other" / "exp.py", MOVED.replace(before, after))

    assert source_digest("my_other.exp:load") != digest


def test_an_import_inside_the_trainers_own_package_counts_with_its_module(folder: Path) -> None:
    """A switch from one technique's module to another's is seen."""
    write(folder / "my_inner" / "exp.py", "from my_inner.one import act\n")
    digest = source_digest("my_inner.exp:act")
    write(folder / "my_inner" / "exp.py", "from my_inner.two import act\n")

    assert source_digest("my_inner.exp:act") != digest
    inside = b"from ablate.training.techniques.one import act"
    assert normalised(inside, "ablate.training") != normalised(inside.replace(b"one", b"two"), "ablate.training")


def test_a_stamp_by_the_rule_of_before_is_of_the_same_code(folder: Path) -> None:
    """Runs that were finished before the rule changed are no older code."""
    write(folder / "my_stamp" / "exp.py", MOVED)
    (former,) = former_source_digests("my_stamp.exp:load")
    origin = CurrentProvenance(source_digest=source_digest("my_stamp.exp:load"), former_sources=lambda: (former,))

    assert former != origin.source_digest
    assert [origin.is_source(one) for one in (former, origin.source_digest, "0" * 64)] == [True, True, False]


def test_the_digest_of_the_built_in_trainer_changes_only_on_purpose() -> None:
    """A change below `ablate/training` sets every finished run apart; `make golden` writes the digest anew."""
    assert source_digest(BUILT_IN) == (GOLDEN / "source_digest.txt").read_text(encoding="utf-8").strip()


def test_a_link_that_leads_nowhere_is_no_source(folder: Path) -> None:
    """Editors leave such links behind."""
    write(folder / "my_links" / "__init__.py", "")
    before = source_digest("my_links:train")
    (folder / "my_links" / ".#lock.py").symlink_to(folder / "nowhere")

    assert source_digest("my_links:train") == before


def test_the_built_in_trainer_does_not_depend_on_the_harness() -> None:
    """An edit of a report's template makes no run stale."""
    assert source_digest(BUILT_IN) == source_digest("ablate.training.loop:anything")
    assert source_digest(BUILT_IN) != source_digest("ablate.toy:train")


def test_a_module_without_file_has_no_digest() -> None:
    """Nothing can be said of it."""
    assert source_digest("builtins:print") == source_digest("sys:exit")


def test_no_module_of_the_built_in_trainer_hides_a_function() -> None:
    """Importing a submodule sets its name in the package: `training/train.py` would take the place of `train`."""
    import ablate.training

    package = Path(ablate.training.__file__)
    modules = {path.stem for path in package.parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    # Read, not asked for: a function that is hidden already is no function any more.
    functions = {node.name for node in ast.parse(package.read_text()).body if isinstance(node, ast.FunctionDef)}

    assert {"train", "donors", "thumbnails"} <= functions
    assert modules & functions == set()
