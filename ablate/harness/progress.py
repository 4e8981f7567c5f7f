"""How far a study has come, for a person to watch: runs done, runs running, time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ablate.harness.coordinator import RunUpdate
from ablate.records import Failed, Finished, RunResult
from ablate.safety.html_table import html_text


@dataclass(slots=True)
class Running:
    """One run in training. Epochs is 0 where the trainer's config has no such key."""

    name: str
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0

    @property
    def share(self) -> float:
        """How much of the run is done, from 0 to 1."""
        if not self.epochs:
            return 0.0
        within = self.step / self.steps if self.steps else 0.0
        return min(1.0, (max(self.epoch - 1, 0) + within) / self.epochs)


Kind = Literal["decoding", "prepared", "started", "epoch", "progress", "ended", "again", "stopping", "short", "scoring"]


@dataclass(slots=True)
class Progress:
    """The state of a running study; handed to the callback at every change.

    kind: what changed; `again`: an attempt failed and another is made; `stopping`: a stop was asked for; `short`: the
    study's end will come when no more than `complete` replicates are complete, too few to judge; `scoring`: so many
    answers of finished runs to other test sets are to come.
    name: the run it is about. result: how that run ended. done: runs that ended, other than by a request to
    stop; trained: those of them that this call trained to an end.
    seconds_left is None until one run has finished. While images are being decoded, kind `decoding`, total and done
    count them, and seconds_left is until that is over. images, unreadable: with kind `prepared`, how many images the
    baseline has, 0 where the trainer does not tell, and those that were left out of any variant's.
    """

    total: int
    slots: int = 1
    cached: int = 0
    done: int = 0
    failed: int = 0
    trained: int = 0
    kind: Kind = "started"
    name: str = ""
    result: RunResult | None = None
    running: dict[Path, Running] = field(default_factory=dict)
    images: int = 0
    unreadable: tuple[str, ...] = ()
    complete: int = 0
    decodes: bool = True
    """With kind `prepared`: whether images were decoded; a command's are only listed."""
    decoding_seconds: float = 0.0
    """How long images have been decoded; 0 while nobody can tell."""
    _durations: list[float] = field(default_factory=list)
    _started: dict[Path, float] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float | None:
        """Mean duration of the runs so far times what is left, over the slots."""
        if self.kind == "decoding":
            known = self.done and self.decoding_seconds
            return self.decoding_seconds / self.done * (self.total - self.done) if known else None
        if not self._durations:
            return None
        mean = sum(self._durations) / len(self._durations)
        left = self.total - self.done - sum(run.share for run in self.running.values())
        return max(0.0, left) * mean / max(1, min(self.slots, self.total - self.done))

    def _repr_html_(self) -> str:
        what = "images decoded" if self.kind == "decoding" else "runs ended"
        left = "" if self.seconds_left is None else f", about {_duration(self.seconds_left)} left"
        failed = f", {self.failed} failed" if self.failed else ""
        lines = [(self.done / (self.total or 1), f"{self.done:,} of {self.total:,} {what}{failed}{left}")]
        for run in self.running.values():
            epochs = f", epoch {run.epoch} of {run.epochs}" if run.epochs else ""
            lines.append((run.share, f"{run.name}{epochs}"))
        bars = [f'<progress value="{share:.3f}" max="1"></progress> {html_text(text)}' for share, text in lines]
        return f'<div class="ablate">{"<br>".join(bars)}</div>'

    def hear(self, news: RunUpdate, name: str) -> None:
        """Take in one piece of news about the run called `name`."""
        self.name, self.result = name, news.result
        match news.kind:
            case "started":
                self.kind = "started"
                self.running[news.attempt] = Running(name, epochs=_epochs(news.spec.config))
                self._started[news.attempt] = time.monotonic()
            case "progress":
                self.kind = "progress"
                if news.attempt in self.running and news.progress is not None:
                    run = self.running[news.attempt]
                    run.epoch, run.step, run.steps = news.progress
            case "event":
                self.kind = "epoch"
                self._hear_event(news)
            case "ended":
                self.running.pop(news.attempt, None)
                self._hear_end(news)

    def _hear_end(self, news: RunUpdate) -> None:
        self.kind = "again" if news.again else "ended"
        stopped = isinstance(news.result, Failed) and news.result.reason == "interrupted"
        if news.again or stopped:  # it goes on another time
            return
        self.done += 1
        self.failed += isinstance(news.result, Failed) and news.result.reason != "pruned"
        self.trained += news.attempt in self._started
        if isinstance(news.result, Finished):
            self._durations.append(time.monotonic() - self._started.get(news.attempt, time.monotonic()))

    def _hear_event(self, news: RunUpdate) -> None:
        run = self.running.get(news.attempt)
        if run is not None and news.event is not None and news.event.kind == "epoch":
            run.epoch, run.step, run.steps = int(news.event.data["epoch"]) + 1, 0, run.steps


def _epochs(config: Any) -> int:
    epochs = config.get("epochs")
    return epochs if isinstance(epochs, int) else 0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


OnProgress = Callable[[Progress], None]
