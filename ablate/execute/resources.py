"""What the nodes of a cluster have, what a run takes of it, and how many runs that carries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ablate.errors import StudyError
from ablate.execute.devices import Device


class Need(NamedTuple):
    """What one run takes. card: its share of a graphics card, or how many whole ones; 0 where it takes none."""

    processors: int = 1
    card: float = 0.0


class Node(NamedTuple):
    """One machine of a cluster. kind: of its graphics cards, which are taken to be alike; empty where unknown."""

    name: str
    processors: float
    cards: float = 0.0
    kind: str = ""

    def carries(self, need: Need) -> int:
        """How many runs fit on it at once."""
        runs = int(self.processors // need.processors)
        if not need.card:
            return runs
        per_card = int(self.cards) * round(1 / need.card) if need.card < 1 else int(self.cards // need.card)
        return min(runs, per_card)


def need_of(threads: int, devices: Iterable[str], *, slots_per_gpu: int, nodes: Sequence[Node]) -> Need:
    """What a run takes: its threads, and a slot on a card where the cluster has cards or a config insists on one.

    devices: what the configs say under `device`, "auto" where they say nothing.
    """
    if slots_per_gpu < 1:
        raise StudyError(f"--slots-per-gpu {slots_per_gpu}: at least one run has to fit on a card")
    asked = set(devices)
    insists = any(name.startswith("cuda") for name in asked)
    finds = bool(asked - {"cpu"}) and any(node.cards >= 1 for node in nodes)
    return Need(threads, 1 / slots_per_gpu if insists or finds else 0.0)


def fitting_threads(runs: int, cores: int) -> int:
    """One each where the runs can fill the cores side by side, else an equal share of the cores; all for a lone run."""
    return max(1, cores // max(1, runs))


def refuse_unschedulable(nodes: Sequence[Node], need: Need) -> None:
    """Raise StudyError for what no node can ever give: a scheduler would wait for it without a word."""
    if need.card > 1 and not any(node.cards >= need.card for node in nodes):
        raise StudyError(
            f"a run takes {need.card:g} graphics cards (trainer.resources.gpus), and no node of the cluster has them",
            hint="Lower gpus, or add a node; `ray status` lists what the cluster has.",
        )
    if need.card and not any(node.cards >= 1 for node in nodes):
        raise StudyError(
            "the study asks for `device: cuda`, and no node of the cluster has a graphics card",
            hint="--set device=auto uses what there is; `ray status` lists what the cluster has.",
        )
    if any(node.carries(need) for node in nodes):
        return
    most = max((node.processors for node in nodes), default=0)
    card = " and a graphics card" if need.card else ""
    raise StudyError(
        f"a run takes {need.processors} processors{card} (numerics.threads), and no node of the cluster has them: "
        f"the largest has {most:g}",
        hint="Lower numerics.threads, or add a node; `ray status` lists what the cluster has.",
    )


def places(nodes: Sequence[Node], need: Need) -> list[Device]:
    """A place for every run the nodes carry at once, by the kind of card it has."""
    return [
        Device(f"{node.name}/{number}", node.kind if need.card else "")
        for node in nodes
        for number in range(node.carries(need))
    ]


def homes_among(kinds: Iterable[str], made_on: Mapping[int, str]) -> dict[int, str]:
    """Replicate -> kind, where earlier runs were made on cards of a kind that is there.

    made_on: replicate -> the card's full name ("NVIDIA A100-SXM4-40GB"), of which a kind ("A100") has some words.
    """
    found = {}
    for replicate, device in made_on.items():
        fitting = [kind for kind in kinds if kind and _words(kind) <= _words(device)]
        if fitting:
            found[replicate] = max(fitting, key=len)
    return found


def _words(name: str) -> set[str]:
    return set(re.split(r"[\s-]+", name))
