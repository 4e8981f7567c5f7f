"""What reaches a terminal: harmless, in whatever encoding it has, and also where nobody reads it any more."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ablate.cli import show, terminal
from ablate.cli.app import app
from ablate.cli.terminal import visible
from ablate.harness.progress import Progress, Running
from ablate.records import Failed

EVIL = {
    "a title (OSC)": "\x1b]0;owned\x07",
    "a link (OSC 8)": "\x1b]8;;http://evil\x1b\\",
    "the clipboard (OSC 52)": "\x1b]52;c;AAAA\x1b\\",
    "colours (CSI)": "\x1b[2J\x1b[31m",
    "CSI in one byte (C1)": "\x9b2J",
    "OSC in one byte (C1)": "\x9d0;owned\x9c",
    "DCS in one byte (C1)": "\x90q\x9c",
    "backspaces": "good\b\b\b\bevil",
    "a line written over": "good\revil",
    "a bell": "\x07",
    "delete": "\x7f",
    "right to left": "\u202egnp.exe",
    "isolates": "\u2067abc\u2069",
    "marks of direction": "\u200f\u200e\u061c",
    "unseen": "ba\u200bse\ufeffline\u2060",
    "tags": "x\U000e0041\U000e007f",
    "line separators": "one\u2028two\u2029three\x85four",
    "bytes that are no UTF-8": "caf\udce9",
}
TABLE = "model,seed,accuracy\n" + "".join(
    f"{name},{seed},{0.9 + seed / 100 + 0.03 * (name != 'a')}\n" for name in ("a", "b") for seed in (0, 1)
)


def _is_harmless(text: str) -> bool:
    return not terminal._OBEYED.search(text)


def ablate(
    *arguments: str, folder: Path, encoding: str = "utf-8", redirect: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """The command as a shell starts it."""
    command = f'"$0" -m ablate "$@" {redirect}'
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A folder with a table of results."""
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_whatever_a_terminal_would_obey_is_spelled_out(text: str) -> None:
    """Nothing is lost: the escape stands where the character was, and a second look changes nothing."""
    shown = visible(f"a {text} b")

    assert _is_harmless(shown)
    assert shown.isprintable()
    assert visible(shown) == shown
    assert "\\" in shown


def test_ordinary_text_is_left_alone() -> None:
    """Lines, tabs, scripts of every direction, joined emoji and signs."""
    text = "one\n\ttwo: naïve 准确率 عربى עברית 👩‍🔬 +0.3 [−1.2, 0.5] ┊●┊"

    assert visible(text) == text


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_lines_notes_tables_and_json_are_harmless(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever way a command prints; JSON gives the text back as it was."""
    show.say(text)
    show.note(text)
    show.say_table([text, "n"], [[text, "1"], ["b", text]], title=text)
    told = capsys.readouterr()
    show.say_json({text: [text]})
    as_json = capsys.readouterr().out

    assert _is_harmless(told.out + told.err)
    assert _is_harmless(as_json)
    assert json.loads(as_json) == {text: [text]}


def test_a_line_feed_in_a_name_begins_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """A tag of a tracking server could otherwise write `Error: ...`, or a verdict, under our name."""
    name = "BN\nError: all is lost"
    show.say(f"{name} helps")
    show.note(f"{name} was refused")
    show.note_lines(f"two problems:\n  1. {name}")
    show.say_table(["variant", name], [[name, "1"]], title=name)
    told = capsys.readouterr()

    assert not [line for line in (told.out + told.err).splitlines() if line.startswith("Error:")]
    assert "BN\\nError: all is lost helps\n" in told.out


def test_brackets_in_a_name_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in cells, nor in headings and titles, nor are words between colons emoji."""
    show.say_table(["[red]x", ":warning:"], [["[bold]y[/bold]", "[/]"]], title="[link=http://evil]z")
    printed = capsys.readouterr().out

    for text in ("[red]x", ":warning:", "[bold]y[/bold]", "[/]", "[link=http://evil]z"):
        assert text in printed


class _Terminal(io.StringIO):
    """Somebody watches."""

    def isatty(self) -> bool:
        """They do."""
        return True


def test_bars_and_lines_of_progress_are_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of variants and messages of failures, on a terminal."""

    screen = _Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    evil = "[red]\x1b]0;owned\x07 :warning:"
    failed = Failed(folder=Path("x"), reason="error", message=f"ValueError: {evil}", traceback="")
    with show.Watch("accuracy") as watch:
        watch(Progress(total=2, running={Path("a"): Running(f"A {evil}", epochs=3)}))
        watch(Progress(total=2, kind="ended", name=f"B {evil}", result=failed))

    printed = screen.getvalue()
    assert "\x1b]0;" not in printed
    assert "\x07" not in printed
    assert "A [red]\\x1b]0;owned\\x07 :warning:" in printed
    assert "B [red]\\x1b]0;owned\\x07 :warning:" in printed


def test_decoding_is_shown_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar on a terminal; a line now and then elsewhere."""
    monkeypatch.setattr(show, "DECODING_SECONDS", 0.0)
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with show.Watch("accuracy") as watch:
        watch(Progress(total=40_000, done=10_000, kind="decoding", decoding_seconds=20.0))

    assert screen.getvalue() == "Decoding images: 10000 of 40000, 1 min 0 s left\n"

    bars = _Terminal()
    monkeypatch.setattr(sys, "stderr", bars)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    with show.Watch("accuracy") as watch:
        watch(Progress(total=40_000, done=10_000, kind="decoding", decoding_seconds=20.0))
        watch(Progress(total=0, kind="prepared"))

    assert "decoding images" in bars.getvalue()
    assert "1 min 0 s left" in bars.getvalue()


def test_a_variant_of_a_table_reaches_the_terminal_harmless(tmp_path: Path) -> None:
    """The command for somebody else's results."""
    path = tmp_path / "t.csv"
    path.write_text(TABLE.replace("\nb,", "\nb\x1b]0;owned\x07\x9b2J,"), encoding="utf-8")

    answer = CliRunner().invoke(app, ["judge", str(path)])

    assert answer.exit_code == 0, answer.output
    assert "\\x1b]0;owned\\x07\\x9b2J" in answer.stdout
    assert _is_harmless(answer.output)


def test_one_module_alone_writes_to_the_terminal() -> None:
    """Nobody prints by click or rich but the two that hand rich a Text of visible characters."""
    package = Path(terminal.__file__).parents[1]
    printing = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(f"{word}(" in path.read_text(encoding="utf-8") for word in (".echo", ".secho", "Console"))
    }

    assert printing == {"cli/show.py", "cli/after.py"}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp936"])
def test_a_terminal_of_another_encoding_changes_no_exit_code(encoding: str, table: Path) -> None:
    """What it lacks is replaced, a minus by a hyphen; a table is a table."""
    answer = ablate("judge", "t.csv", folder=table, encoding=encoding)

    assert answer.returncode == 0, answer.stderr
    assert b"Traceback" not in answer.stderr
    printed = answer.stdout.decode(encoding)
    assert "undecided" in printed
    assert "-1 to" in printed


@pytest.mark.parametrize("encoding", ["ascii"])
def test_json_loses_nothing_in_another_encoding(encoding: str, tmp_path: Path) -> None:
    """Characters the encoding lacks are escaped."""
    (tmp_path / "t.csv").write_text(TABLE.replace("\nb,", "\n\u732b −é\u202e,"), encoding="utf-8")

    answer = ablate("judge", "t.csv", "--json", folder=tmp_path, encoding=encoding)

    assert json.loads(answer.stdout.decode(encoding))["variants"][1]["name"] == "\u732b −é\u202e"


@pytest.mark.parametrize(
    ("redirect", "arguments"),
    [
        ("| true", ["judge", "t.csv"]),
        ("2>&1 | true", ["schema"]),
        (">&-", ["judge", "t.csv"]),
        ("<&- >&- 2>&-", ["judge", "t.csv", "--json"]),
        ("| head -c 1 >/dev/null", ["--help"]),
    ],
)
def test_a_reader_that_is_gone_ends_a_command_in_silence(redirect: str, arguments: list[str], table: Path) -> None:
    """A closed or broken pipe is no error, and no request that was wrong."""
    answer = ablate(*arguments, folder=table, redirect=f"{redirect}; exit ${{PIPESTATUS[0]}}")

    assert answer.returncode == 0
    assert answer.stderr == b""


def test_the_exit_code_of_an_error_is_kept_where_nobody_reads_it(table: Path) -> None:
    """A wrong request stays one."""
    answer = ablate("judge", "missing.csv", folder=table, redirect="2>&1 | true; exit ${PIPESTATUS[0]}")

    assert answer.returncode == 2


TALKATIVE = """\
import sys, ablate
METRICS = {"accuracy": "max"}
class Config(ablate.Settings):
    lr: float = 0.1
def train(config: Config, run):
    print("准确率 −1")
    print("café", file=sys.stderr)
    return {"accuracy": 0.8 + config.lr / 10 + run.replicate.index / 100}
"""
STUDY = """\
study: talk
question: Does a higher rate help?
trainer: talkative:train
base: {lr: 0.1}
chain: {higher lr: {lr: 0.3}}
evidence: {metric: accuracy, test: {folds: 2}, replicates: [2]}
"""


def test_a_run_does_not_fail_for_what_its_trainer_prints(tmp_path: Path) -> None:
    """A worker writes its log in UTF-8, whatever the command's terminal takes; nor does a reader end the training."""
    (tmp_path / "talkative.py").write_text(TALKATIVE, encoding="utf-8")
    (tmp_path / "s.yaml").write_text(STUDY, encoding="utf-8")

    answer = ablate(
        "run", "s.yaml", "--no-tracking", folder=tmp_path, encoding="ascii",
        redirect="2>&1 | true; exit ${PIPESTATUS[0]}",
    )  # fmt: skip

    logs = [path.read_text(encoding="utf-8") for path in tmp_path.glob(".ablate/runs/*/*/run.log")]
    assert answer.returncode == 0
    assert len(logs) == 4
    assert all("准确率 −1" in log and "café" in log for log in logs)
    assert (tmp_path / "reports" / "talk" / "report.md").exists()
