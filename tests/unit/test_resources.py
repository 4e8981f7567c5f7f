"""What a cluster has, what a run takes, and which replicate goes to which kind of card; no cluster is needed to ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablate.errors import StudyError
from ablate.execute.devices import DeviceSlots
from ablate.execute.resources import Need, Node, homes_among, need_of, places, refuse_unschedulable

PLAIN = Node("a", 8)
BIG, SMALL = Node("b", 16, 4, "A100"), Node("c", 4, 2, "T4")


@pytest.mark.parametrize(
    ("node", "need", "expected"),
    [
        (PLAIN, Need(1), 8),
        (PLAIN, Need(3), 2),
        (PLAIN, Need(9), 0),
        (PLAIN, Need(1, 1.0), 0),
        (BIG, Need(1, 1.0), 4),
        (BIG, Need(8, 1.0), 2),
        (BIG, Need(1, 1 / 3), 12),
        (BIG, Need(1), 16),
    ],
)
def test_a_node_carries_what_its_processors_and_cards_allow(node: Node, need: Need, expected: int) -> None:
    """Whichever is scarcer."""
    assert node.carries(need) == expected


@pytest.mark.parametrize(
    ("asked", "nodes", "card"),
    [
        (["auto"], [PLAIN], 0.0),
        (["auto"], [PLAIN, BIG], 0.5),
        (["cpu"], [BIG], 0.0),
        (["cpu", "auto"], [BIG], 0.5),
        (["cuda"], [PLAIN], 0.5),
        (["cuda:0"], [BIG], 0.5),
    ],
)
def test_a_run_takes_a_card_where_there_are_any_or_its_config_insists(
    asked: list[str], nodes: list[Node], card: float
) -> None:
    """Half a card, where two runs share one."""
    assert need_of(3, asked, slots_per_gpu=2, nodes=nodes) == Need(3, card)


def test_no_run_fits_on_a_card_with_no_slots() -> None:
    """As for the pool."""
    with pytest.raises(StudyError, match="--slots-per-gpu 0"):
        need_of(1, ["auto"], slots_per_gpu=0, nodes=[BIG])


@pytest.mark.parametrize(
    ("nodes", "need", "said"),
    [
        ([PLAIN], Need(1, 1.0), "no node of the cluster has a graphics card"),
        ([PLAIN, SMALL], Need(9), "takes 9 processors.*the largest has 8"),
        ([PLAIN, SMALL], Need(5, 1.0), "takes 5 processors and a graphics card"),
        ([], Need(1), "the largest has 0"),
    ],
)
def test_what_no_node_can_ever_give_is_refused(nodes: list[Node], need: Need, said: str) -> None:
    """A scheduler would wait for it for ever."""
    with pytest.raises(StudyError, match=said):
        refuse_unschedulable(nodes, need)


def test_what_one_node_can_give_is_not_refused() -> None:
    """The others do nothing then."""
    refuse_unschedulable([PLAIN, SMALL], Need(1, 1.0))


def test_a_replicate_stays_on_one_kind_of_card_across_nodes() -> None:
    """The kind is never confounded with a variant; the other kind takes the next replicate."""
    slots = DeviceSlots(places([PLAIN, BIG._replace(cards=1), SMALL._replace(cards=1)], Need(1, 1.0)))
    first = slots.take(Path("1"), 0)
    second = slots.take(Path("2"), 1)
    assert first is not None
    assert second is not None
    kinds = {0: first.kind, 1: second.kind}

    assert set(kinds.values()) == {"A100", "T4"}
    assert [slots.accepts(replicate) for replicate in (0, 1, 2)] == [False, False, False]
    slots.release(Path("2"))
    assert [slots.accepts(replicate) for replicate in (0, 1)] == [False, True]


def test_runs_without_a_card_go_anywhere() -> None:
    """A node's cards are no matter to a run that takes none."""
    assert {place.kind for place in places([PLAIN, BIG], Need(1))} == {""}


def test_a_replicate_goes_on_where_its_earlier_runs_were_made() -> None:
    """Runs record the card's full name, Ray knows some words of it; a kind that is gone binds nobody."""
    made_on = {0: "NVIDIA A100-SXM4-40GB", 1: "Tesla T4", 2: "NVIDIA A10", 3: "x86_64", 4: "NVIDIA GeForce RTX 5090"}

    assert homes_among({"A100", "T4", "", "GeForce-RTX-5090"}, made_on) == {0: "A100", 1: "T4", 4: "GeForce-RTX-5090"}
