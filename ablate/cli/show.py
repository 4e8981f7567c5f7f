"""What the commands print: progress, tables, errors. Standard output carries results, standard error the rest."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ablate.cli.terminal import note, note_lines, one_line, say, say_json
from ablate.cli.translation import speak, spoken, translated, translated_part
from ablate.errors import AblateError, not_installed

__all__ = [
    "BAR",
    "CommandGroup",
    "Watch",
    "errors_shown",
    "note",
    "note_lines",
    "say",
    "say_json",
    "say_report",
    "say_table",
    "shown_metric",
]

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from ablate.harness.progress import Progress


def shown_metric(name: str, value: float) -> str:
    """A metric as it stands on a terminal: a rate in percent."""
    from ablate.metrics import is_rate

    return f"{100 * value:.1f} %" if is_rate(name) else f"{value:.4g}"


def say_report(page: Path, what: str = "Report", join: str = " and ") -> None:
    """Where a report lies, as a page for a browser and as Markdown: from here, where it lies below."""
    html = page.with_suffix(".html")
    say(f"{translated_part(what)}: " + join.join(_from_here(path) for path in (html, page) if path.exists()))


def _from_here(path: Path) -> str:
    path = path.resolve()
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


class CommandGroup(typer.core.TyperGroup):
    """The commands; what is wrong with an option's value is said in our words, like every other error."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Read the arguments; their help is in the reader's language, as no study has named another yet."""
        speak(None)
        if spoken() != "en":
            from ablate.cli.help_pages import translate_help

            translate_help(self)
        return super().make_context(*arguments, **named)

    def invoke(self, ctx: Any) -> Any:
        """Carry out a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            raise _ended_by(interruption) from None
        except ImportError as error:
            told = not_installed(error)
            if told is None:
                raise
            raise _ended(told) from None
        except typer.BadParameter as error:
            if error.param is None or not error.message:
                raise  # something is missing: the usage says what
            name = max(error.param.opts, key=len) if error.param.opts else error.param.name
            note(f"{translated('Error: ')}{name}: {translated(_plain(error.message))}")
            note(f"`ablate {_command(error.ctx)} --help` lists the options.")
            raise typer.Exit(2) from None


def _plain(message: str) -> str:
    for kind, words in (("integer", "a whole number"), ("number", "a number")):
        if f"a valid {kind}" in message:
            return f"expected {words}"
    return message.removeprefix("Value error, ")


def _command(context: Any) -> str:
    names = []
    while context is not None and context.parent is not None:
        names.append(str(context.info_name))
        context = context.parent
    return " ".join(reversed(names))


@contextmanager
def errors_shown() -> Iterator[None]:
    """End the command with the error's sentence, its remedy and its exit code."""
    try:
        yield
    except AblateError as error:
        raise _ended(error) from None
    except OSError as error:
        note(f"{translated('Error: ')}{error}")
        note("What had finished is safe; the same command resumes from there.")
        raise typer.Exit(2) from None
    except KeyboardInterrupt as interruption:
        raise _ended_by(interruption) from None


def _ended(error: AblateError) -> typer.Exit:
    note_lines(f"{translated('Error: ')}{translated(error.message)}")
    if error.hint:
        note_lines(error.hint)
    return typer.Exit(error.exit_code)


def _ended_by(interruption: KeyboardInterrupt) -> typer.Exit:
    note("Interrupted. The same command resumes from here.")
    return typer.Exit(getattr(interruption, "exit_code", 130))


BAR = frozenset("·┊├┼┤●─◂▸")
"""What intervals are drawn with."""


def say_table(columns: list[str], rows: list[list[str]], *, title: str = "", first: int | None = None) -> None:
    """A table as wide as its content. first: the most columns of the terminal that its first one takes."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Every text as `Text`: brackets in a name are no markup.
    above = Text(one_line(title)) if title else None
    columns = [translated_part(name) for name in columns]
    table = Table(title=above, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for i, name in enumerate(columns):
        # A bar that is broken in two says nothing.
        is_bar = any(row[i] and BAR.issuperset(row[i]) for row in rows)
        table.add_column(Text(one_line(name)), overflow="fold", no_wrap=is_bar, max_width=None if i else first)
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    # Where there is no terminal nothing is cut to 80 columns.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


DECODING_SECONDS = 10.0
"""Between two lines about decoding, where no bar can be drawn."""


class Watch:
    """Shows progress: bars on a terminal, one line per run where there is none. Call it with each Progress."""

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._bar: Bar | None = None
        self._total: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}
        self._decoding: TaskID | None = None
        self._said = time.monotonic()

    def __enter__(self) -> Watch:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[extra]}", markup=False),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Take in the state of the study."""
        if progress.kind == "decoding":
            self._show_decoding(progress)
            return
        if progress.kind == "scoring":
            answers = "1 answer" if progress.total == 1 else f"{progress.total:,} answers"
            self._print(f"Asking finished runs about other test sets, {answers}: nothing is trained for it.")
            return
        if self._bar is not None and self._decoding is not None:
            self._bar.remove_task(self._decoding)
            self._decoding = None
        if progress.kind == "prepared":
            tried = ", every variant tried on one batch" if progress.decodes else ""
            note(f"Checked the data: {translated(_decoded(progress))}{translated(tried)}.")
        elif progress.kind == "stopping":
            self._print(
                "Stopping: every run finishes its step and writes a checkpoint. Ctrl-C again ends them at once."
            )
        elif progress.kind == "short":
            self._print(
                f"The study's end will come too early: about {progress.complete} of its replicates will be complete "
                "then, and from fewer than two nothing can be judged. What is closed stays closed. Until differences "
                "are shown the end can be moved: stop with Ctrl-C, and name a later one."
            )
        elif progress.kind in ("ended", "again"):
            self._line(progress)
        if self._bar is not None:
            self._draw(progress)

    def _show_decoding(self, progress: Progress) -> None:
        seconds = progress.seconds_left
        left = "" if seconds is None else translated(f"{_duration(seconds)} left")
        if self._bar is not None:
            if self._decoding is None:
                self._decoding = self._bar.add_task(
                    translated("decoding images"), total=progress.total, completed=progress.done, extra=left
                )
            self._bar.update(self._decoding, total=progress.total, completed=progress.done, extra=left)
        elif left and time.monotonic() - self._said >= DECODING_SECONDS:
            self._said = time.monotonic()
            note(f"Decoding images: {progress.done} of {progress.total}, {left}")

    def _line(self, progress: Progress) -> None:
        from ablate.records import Failed, Finished

        match progress.result:
            case Finished() as run:
                value = run.metrics.get(self._metric)
                shown = "-" if value is None else shown_metric(self._metric, value)
                text = f"{progress.name}: {self._metric} {shown} ({run.seconds:.1f} s)"
            case Failed(reason="interrupted"):
                text = f"{progress.name}: stopped; it resumes from its last checkpoint next time"
            case Failed(reason="pruned"):
                text = f"{progress.name}: {translated('pruned')}"
            case Failed() as run:
                then = translated("; it will be retried") if progress.kind == "again" else ""
                text = f"{progress.name}: {translated(f'failed, {run.reason}')}: {run.message}{then}"
            case _:
                return
        text = translated(text.replace(progress.name, translated_part(progress.name), 1))
        left = "" if progress.seconds_left is None else translated(f", {_duration(progress.seconds_left)} left")
        self._print(f"[{progress.done}/{progress.total}] {text}{left if self._bar is None else ''}")

    def _print(self, line: str) -> None:
        if self._bar is None:
            note(line)
        else:
            self._bar.console.print(one_line(translated(line)), markup=False, highlight=False, emoji=False)

    def _draw(self, progress: Progress) -> None:
        assert self._bar is not None
        if self._total is None:
            self._total = self._bar.add_task(translated("runs"), total=progress.total, extra="")
        extra = "" if progress.seconds_left is None else translated(f"{_duration(progress.seconds_left)} left")
        self._bar.update(self._total, total=progress.total, completed=progress.done, extra=extra)
        live = {run.name: run for run in progress.running.values()}
        for name in [name for name in self._tasks if name not in live]:
            self._bar.remove_task(self._tasks.pop(name))
        for name, run in live.items():
            if name not in self._tasks:
                shown = one_line(f"  {translated_part(name)}")
                self._tasks[name] = self._bar.add_task(shown, total=run.epochs or None, extra=translated("epochs"))
            self._bar.update(self._tasks[name], completed=max(0, run.epoch - 1))


def _decoded(progress: Progress) -> str:
    """How many images could be read; the broken ones are said here, where they would go by unnoticed."""
    if not progress.decodes:
        listed = f"{progress.images:,} images listed" if progress.images else "files listed"
        return f"{listed}; the command is not tried, and its own images are not opened"
    if not progress.unreadable:
        return f"{progress.images:,} images decoded" if progress.images else "every image decoded"
    decoded = f"{progress.images:,} images decoded, " if progress.images else ""
    return f"{decoded}{len(progress.unreadable):,} unreadable left out (first: {progress.unreadable[0]})"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
