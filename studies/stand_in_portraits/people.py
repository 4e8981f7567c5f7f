"""Whom a portrait shows, and the circumstances of one image: numbers drawn from generators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from stand_in_portraits.ink import Colour, varied

Hair = Literal["short", "long", "curly", "bob", "bun", "receding", "swept"]
Beard = Literal["none", "stubble", "moustache", "goatee", "full"]

SKINS: tuple[Colour, ...] = ((241, 205, 178), (228, 184, 150), (203, 154, 118), (160, 112, 80), (112, 76, 54))
HAIRS: tuple[Colour, ...] = ((38, 28, 24), (74, 48, 32), (120, 78, 44), (186, 142, 82), (150, 66, 36), (140, 138, 136))
EYES: tuple[Colour, ...] = ((70, 46, 30), (58, 94, 140), (74, 116, 78), (104, 110, 118))
LIPS: tuple[Colour, ...] = ((176, 92, 86), (192, 64, 72), (150, 84, 72))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom a portrait shows. Lengths are in halves of the head's width, angles in radians."""

    skin: Colour
    hair_colour: Colour
    hair: Hair
    eye_colour: Colour
    lip_colour: Colour
    beard: Beard
    has_glasses: bool
    has_mole: bool
    height: float
    """Half the head's height."""
    jaw: float
    """Width of the chin's half of the outline: 1 is an ellipse, less is pointed."""
    eye_distance: float
    eye_size: float
    brow_height: float
    brow_width: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    """How far below the nose."""
    lips: float
    ears: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a portrait shows besides the person: drawn anew for every image."""

    width: int
    height: int
    scale: float
    """Half the head's width as a share of the image's shorter side."""
    centre: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    smile: float
    open_eyes: float
    gaze: float
    covered: Literal["nothing", "sunglasses", "hat", "hand", "scarf", "microphone"]


def draw_person(rng: np.random.Generator) -> Person:
    """A person from a generator of their own."""

    def pick(choices: tuple[Colour, ...]) -> Colour:
        return choices[int(rng.integers(len(choices)))]

    hair: tuple[Hair, ...] = ("short", "long", "curly", "bob", "bun", "receding", "swept")
    beard: tuple[Beard, ...] = ("none", "none", "none", "stubble", "moustache", "goatee", "full")
    style = hair[int(rng.integers(len(hair)))]
    return Person(
        skin=pick(SKINS),
        hair_colour=pick(HAIRS),
        hair=style,
        eye_colour=pick(EYES),
        lip_colour=pick(LIPS),
        beard="none" if style in ("long", "bob", "bun") else beard[int(rng.integers(len(beard)))],
        has_glasses=bool(rng.random() < 0.15),
        has_mole=bool(rng.random() < 0.2),
        height=rng.uniform(1.2, 1.48),
        jaw=rng.uniform(0.66, 0.98),
        eye_distance=rng.uniform(0.36, 0.5),
        eye_size=rng.uniform(0.13, 0.21),
        brow_height=rng.uniform(0.2, 0.32),
        brow_width=rng.uniform(0.035, 0.1),
        brow_tilt=rng.uniform(-0.28, 0.22),
        nose_length=rng.uniform(0.36, 0.56),
        nose_width=rng.uniform(0.13, 0.26),
        mouth_width=rng.uniform(0.27, 0.46),
        mouth_height=rng.uniform(0.2, 0.3),
        lips=rng.uniform(0.06, 0.14),
        ears=rng.uniform(0.14, 0.26),
    )


def draw_moment(rng: np.random.Generator) -> Moment:
    """One photograph's circumstances."""
    short = int(rng.integers(100, 221))
    ratio = rng.choice([1.0, 1.0, 1.2, 1.25, 1.33, 0.8])
    width, height = (short, int(short * ratio)) if ratio >= 1 else (int(short / ratio), short)
    covered = rng.choice(
        ["nothing", "sunglasses", "hat", "hand", "scarf", "microphone"], p=[0.66, 0.08, 0.09, 0.06, 0.06, 0.05]
    )
    return Moment(
        width=width,
        height=height,
        scale=rng.uniform(0.2, 0.33),
        centre=(0.5 + rng.normal(0, 0.055), 0.46 + rng.normal(0, 0.035)),
        yaw=rng.normal(0, 0.34),
        pitch=rng.normal(0, 0.13),
        roll=rng.normal(0, 0.13),
        smile=rng.uniform(-0.35, 1.0),
        open_eyes=rng.choice([1.0, 0.85, 0.65, 0.12], p=[0.4, 0.35, 0.2, 0.05]),
        gaze=rng.normal(0, 0.3),
        covered=covered,
    )


def aged(person: Person, rng: np.random.Generator) -> Person:
    """The same person on another day: skin a little paler or browner, lips as the day has them."""
    return replace(person, skin=varied(person.skin, rng, 8), lip_colour=varied(person.lip_colour, rng, 16))
