"""What a store shows depends on what happened, not on how often or in which portions it was told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ablate.protocols import RunLabel
from ablate.records import Event
from ablate.track.memory import MemorySink, MemoryTracker, TrackedRun
from ablate.track.projection import Projection
from tests.contract.tracking_builders import Attempt, a_card, a_finished_attempt, a_label, a_summary

Story = list[tuple[RunLabel, Path, Event]]


def a_story(work: Path) -> Story:
    """Two runs, one of them killed and resumed, as their coordinator heard of them."""
    straight = a_finished_attempt(work, a_label(index=0))
    killed = Attempt(work, a_label(index=1)).started().epochs(1, 2, 3).failed("killed")
    resumed = Attempt(work, a_label(index=1), "002", at=killed.events()[-1].time + 60).started()
    resumed.resumed("001", 2).epochs(3, 4).finished(epoch=4)
    return [
        (attempt.label, attempt.folder, event) for attempt in (straight, killed, resumed) for event in attempt.events()
    ]


def shown(sink: MemorySink) -> dict[str, TrackedRun]:
    for run in sink.runs.values():
        run.points.sort()
    return {run.name: run for run in sink.runs.values()}


def told_once(story: Story) -> dict[str, TrackedRun]:
    tracker = MemoryTracker()
    tracker.begin(a_card())
    for entry in story:
        tracker.hear(*entry)
    tracker.end(a_summary(), timeout=0)
    return shown(tracker.sink)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 13), st.integers(0, 13)), max_size=5))
def test_restarts_and_repetitions_leave_no_trace(lives: list[tuple[int, int]]) -> None:
    """A coordinator may die anywhere and begin again at any earlier event."""
    with tempfile.TemporaryDirectory() as folder:
        story = a_story(Path(folder))
        sink = MemorySink()
        position = 0
        for told, again in (*lives, (len(story), 0)):
            tracker = MemoryTracker(sink)
            tracker.begin(a_card())
            for entry in story[position : position + told]:
                tracker.hear(*entry)
            position = max(0, min(position + told, len(story)) - again)
        tracker.end(a_summary(), timeout=0)

        assert shown(sink) == told_once(story)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=20, max_size=20))
def test_portions_do_not_matter(portions: list[int]) -> None:
    """Events that waited and are told together give what they give one by one."""
    with tempfile.TemporaryDirectory() as folder:
        story = a_story(Path(folder))
        sink = MemorySink()
        projection = Projection(a_card(), sink)
        projection.begin()
        for portion in portions:
            if not story:
                break
            label, attempt, _ = story[0]
            same = next((i for i, entry in enumerate(story) if entry[1] != attempt), len(story))
            size = min(portion, same)
            projection.hear(label, attempt, [event for _, _, event in story[:size]])
            story = story[size:]
        projection.end(a_summary())

        assert shown(sink) == told_once(a_story(Path(folder) / "again"))
