"""480 drawn portraits of 8 invented people, each with a caption that says a little of whom it shows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from stand_in_portraits.portraits import SEED, encoded_portrait

PEOPLE = 8
EACH = 60
"""Portraits of each person."""

HOBBIES = ("chess", "rowing", "baking", "astronomy")
"""Two people share one."""

OWN = 0.9
"""How often a caption names the person's own hobby; else any of the four, at random."""

PLACES = (
    "in a garden",
    "in a kitchen",
    "in the street",
    "on a train",
    "in an office",
    "on the beach",
    "in a library",
    "on the stairs",
)
MOODS = ("calm", "tired", "happy", "thoughtful", "surprised", "serious")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

NOTICE = """\
SYNTHETIC. These images are drawings made by a program, not photographs, and the captions are made by it as well.

8 invented people, 60 portraits each. A caption names a hobby, a place, a mood and a day. The hobby is that of the
person in 9 of 10 captions, and two people share each hobby, so that no caption says whom a portrait shows; the other
words are chance. What is measured on them says nothing about photographs or about what people write.
"""


def write_captioned(folder: Path) -> None:
    """Fill an empty folder: one sub-folder per person, captions.csv (path, label, caption), and SYNTHETIC.txt.

    The same every time, byte for byte with the same Pillow and numpy.
    """
    rows = []
    for place in range(PEOPLE):
        name = f"person {place + 1}"
        (folder / name).mkdir(parents=True)
        for number in range(EACH):
            path = f"{name}/{number:03}.jpg"
            (folder / path).write_bytes(encoded_portrait(place, number))
            rows.append((path, name, caption(place, number)))
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("path", "label", "caption"), *rows])
    (folder / "SYNTHETIC.txt").write_text(NOTICE, encoding="utf-8")


def caption(place: int, number: int) -> str:
    """What is written under image `number` of the person at `place`."""
    rng = np.random.default_rng((SEED, place, number, 1))

    def pick(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    hobby = HOBBIES[place % len(HOBBIES)] if rng.random() < OWN else pick(HOBBIES)
    return f"Looking {pick(MOODS)} {pick(PLACES)} on {pick(DAYS)}, after an hour of {hobby}"
