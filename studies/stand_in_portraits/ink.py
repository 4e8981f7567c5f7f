"""Colours and outlines that drawings are made of; points are (N, 2), x to the right, y down."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Points = NDArray[np.float64]


def oval(centre: tuple[float, float], width: float, height: float) -> Points:
    """An ellipse by its half width and half height."""
    angle = np.linspace(0, 2 * math.pi, 28, endpoint=False)
    return np.stack([centre[0] + width * np.cos(angle), centre[1] + height * np.sin(angle)], axis=1)


def band(x: NDArray[np.float64], upper: NDArray[np.float64], lower: NDArray[np.float64]) -> Points:
    """What lies between two lines."""
    return np.concatenate([np.stack([x, upper], 1), np.stack([x, lower], 1)[::-1]])


def rounded(half_width: float, top: float, bottom: float) -> Points:
    """A tall shape, round above, straight below."""
    angle = np.linspace(math.pi, 2 * math.pi, 25)
    dome = np.stack([half_width * np.cos(angle), top * 0.25 + top * 0.75 * -np.sin(angle)], axis=1)
    return np.concatenate([dome, [[half_width * 0.92, bottom], [-half_width * 0.92, bottom]]])


def darker(colour: Colour, light: float) -> Colour:
    """The colour under that share of the light; above 1 it is brighter."""
    red, green, blue = (int(min(255, value * light)) for value in colour)
    return red, green, blue


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """A share of the other colour in the one."""
    red, green, blue = (int(a * (1 - share) + b * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def varied(colour: Colour, rng: np.random.Generator, spread: float) -> Colour:
    """The colour with normal noise of that standard deviation in each channel."""
    red, green, blue = (int(np.clip(value + rng.normal(0, spread), 4, 250)) for value in colour)
    return red, green, blue


def muted(rng: np.random.Generator) -> Points:
    """A colour as walls and streets have them: mostly grey."""
    return rng.uniform(30, 226) * 0.6 + rng.uniform(20, 236, 3) * 0.4
