"""Drawn portraits: whom they show is in geometry and colours; pose, light, background and the rest is chance."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from stand_in_portraits.ink import Colour, Points, band, darker, mixed, oval, rounded, varied
from stand_in_portraits.people import Moment, Person
from stand_in_portraits.scenery import background, developed

OVERSAMPLED = 2
"""Figures are drawn this much larger and reduced, for soft edges."""


def portrait(person: Person, moment: Moment, rng: np.random.Generator) -> Image.Image:
    """One image, RGB, of the moment's size."""
    size = (moment.width * OVERSAMPLED, moment.height * OVERSAMPLED)
    image = background(size, rng)
    _Sketch(image, person, moment, rng).draw()
    image = image.resize((moment.width, moment.height), Image.Resampling.BOX)
    return developed(image, rng)


class _Sketch:
    """A figure on a canvas; points are given in the head's own coordinates, x to the right, y down."""

    def __init__(self, image: Image.Image, person: Person, moment: Moment, rng: np.random.Generator) -> None:
        self.ink = ImageDraw.Draw(image)
        self.person, self.moment, self.rng = person, moment, rng
        self.unit = moment.scale * min(image.size)
        self.origin = np.array(moment.centre) * image.size
        self.shade = tuple(int(value * 0.8) for value in person.skin)
        # Hair never looks quite the same twice.
        self.hair_colour = varied(person.hair_colour, rng, 14)

    def draw(self) -> None:
        """From the back to the front."""
        person = self.person
        self._shoulders()
        self._hair_behind()
        self._ears()
        self._head()
        self._beard()
        self._cheeks()
        self._nose()
        self._mouth()
        for side in (-1, 1):
            self._eye(side)
            self._brow(side)
        if person.has_mole:
            self._disc((0.42, 0.42), 0.035, darker(person.skin, 0.5))
        self._hair_in_front()
        if person.has_glasses and self.moment.covered != "sunglasses":
            self._glasses(None)
        self._cover()

    # --- geometry -----------------------------------------------------------------------------

    def _at(self, points: Points, *, depth: float | None = None) -> list[tuple[float, float]]:
        """Where points of the head are seen: the head is a ball that turns, nods and leans.

        depth: 0 for what lies in the plane of the outline; None for what lies on the face.
        """
        x, y = points[:, 0], points[:, 1] / self.person.height
        bulge = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1)) if depth is None else np.full_like(x, depth)
        yaw, pitch, roll = self.moment.yaw, self.moment.pitch, self.moment.roll
        seen_x = x * math.cos(yaw) + bulge * math.sin(yaw) if depth is None else x + depth * math.sin(yaw)
        seen_y = (y * math.cos(pitch) + bulge * math.sin(pitch)) * self.person.height
        turned_x = seen_x * math.cos(roll) - seen_y * math.sin(roll)
        turned_y = seen_x * math.sin(roll) + seen_y * math.cos(roll)
        return list(zip(self.origin[0] + self.unit * turned_x, self.origin[1] + self.unit * turned_y, strict=True))

    def _shape(self, points: Points, colour: Colour, *, depth: float | None = None) -> None:
        self.ink.polygon(self._at(points, depth=depth), fill=colour)

    def _line(self, points: Points, colour: Colour, width: float, *, depth: float | None = None) -> None:
        places = self._at(points, depth=depth)
        self.ink.line(places, fill=colour, width=max(1, int(width * self.unit)), joint="curve")

    def _disc(self, centre: tuple[float, float], radius: float, colour: Colour) -> None:
        self._shape(oval(centre, radius, radius), colour)

    # --- parts --------------------------------------------------------------------------------

    def _shoulders(self) -> None:
        cloth = varied((120, 110, 115), self.rng, 60)
        x, y = self.origin
        u, h = self.unit, self.person.height
        top = y + u * (h + 0.35)
        neck = self._skin(0.86)
        self.ink.polygon([(x - 0.45 * u, y), (x + 0.45 * u, y), (x + 0.5 * u, top + u), (x - 0.5 * u, top + u)], neck)
        self.ink.ellipse([x - 2.2 * u, top - 0.12 * u, x + 2.2 * u, top + 4 * u], fill=cloth)
        collar = self.rng.choice(["round", "v", "shirt"])
        if collar == "round":
            self.ink.ellipse([x - 0.62 * u, top - 0.4 * u, x + 0.62 * u, top + 0.28 * u], fill=neck)
        else:
            self.ink.polygon([(x - 0.6 * u, top - 0.25 * u), (x + 0.6 * u, top - 0.25 * u), (x, top + 0.8 * u)], neck)
        if collar == "shirt":
            lapel = darker(cloth, 0.75)
            for side in (-1, 1):
                self.ink.polygon(
                    [(x + side * 0.62 * u, top - 0.15 * u), (x, top + 0.85 * u), (x + side * 0.85 * u, top + 0.55 * u)],
                    fill=lapel,
                )

    def _skin(self, light: float) -> Colour:
        return darker(self.person.skin, light)

    def _outline(self, grow: float = 1.0) -> Points:
        """The head: an ellipse above, narrowed by the jaw below."""
        angle = np.linspace(0, 2 * math.pi, 72, endpoint=False)
        x, y = np.cos(angle), np.sin(angle)
        below = np.clip(y, 0, 1)
        x = x * (1 - (1 - self.person.jaw) * below**1.5) * grow
        # A broad jaw keeps its width longer: the sides fall straight before they turn in.
        return np.stack([x, y * self.person.height * grow], axis=1)

    def _head(self) -> None:
        self._shape(self._outline(), self.person.skin, depth=0.0)
        # One side lies in shadow: which, follows from how the head is turned.
        far = self._outline()
        side = -1 if self.moment.yaw > 0 else 1
        far = far[far[:, 0] * side > 0.1]
        far = far[np.argsort(np.arctan2(far[:, 1], far[:, 0] * side))]
        inner = far * np.array([0.8, 0.97])
        self._shape(np.concatenate([far, inner[::-1]]), self._skin(0.92), depth=0.0)

    def _ears(self) -> None:
        for side in (-1, 1):
            if side * self.moment.yaw < 0.35:
                self._shape(
                    oval((side * 0.98, 0.05), self.person.ears * 0.6, self.person.ears * 1.15),
                    self._skin(0.9),
                    depth=0.0,
                )

    def _cheeks(self) -> None:
        for side in (-1, 1):
            self._shape(oval((side * 0.52, 0.36), 0.17, 0.12), mixed(self.person.skin, (214, 110, 100), 0.16))

    def _nose(self) -> None:
        length, width = self.person.nose_length, self.person.nose_width
        top, tip = -0.05, -0.05 + length
        self._shape(np.array([[-0.05, top], [0.07, top], [width, tip], [-width * 0.7, tip + 0.03]]), self._skin(0.93))
        self._shape(oval((0.0, tip), width, width * 0.55), self._skin(0.9))
        for side in (-1, 1):
            self._shape(oval((side * width * 0.55, tip + width * 0.25), width * 0.2, width * 0.13), self._skin(0.55))

    def _mouth(self) -> None:
        person, smile = self.person, self.moment.smile
        y = -0.05 + person.nose_length + person.mouth_height
        wide = person.mouth_width * (1 + 0.18 * max(0.0, smile))
        x = np.linspace(-1, 1, 15)
        bow = y - 0.11 * smile * x**2
        upper = bow - person.lips * (1 - x**2) * 0.8
        lower = bow + person.lips * (1 - x**2) * (1.1 + 0.9 * max(0.0, smile - 0.35))
        self._shape(band(x * wide, upper, lower), person.lip_colour)
        if smile > 0.45:
            self._shape(band(x * wide * 0.8, bow - 0.01, bow + (lower - bow) * 0.55), (244, 240, 232))
        else:
            self._line(np.stack([x * wide, bow], 1), darker(person.lip_colour, 0.6), 0.03)

    def _eye(self, side: int) -> None:
        person, moment = self.person, self.moment
        x, y, size = side * person.eye_distance, -0.08, person.eye_size
        tall = size * 0.62 * moment.open_eyes
        self._shape(oval((x, y), size * 1.15, size * 0.9), self._skin(0.94))
        self._shape(oval((x, y), size, tall), (246, 244, 240))
        iris = min(size * 0.56, tall * 1.05)
        look = x + moment.gaze * size * 0.4
        self._shape(oval((look, y), iris, min(iris, tall)), person.eye_colour)
        self._shape(oval((look, y), iris * 0.5, min(iris * 0.5, tall)), (18, 14, 14))
        self._shape(oval((look - iris * 0.3, y - iris * 0.3), iris * 0.2, min(iris * 0.2, tall * 0.4)), (255, 255, 255))
        lid = np.linspace(-1.05, 1.05, 11)
        self._line(
            np.stack([x + lid * size, y - tall * np.sqrt(np.clip(1 - (lid / 1.06) ** 2, 0, 1))], 1),
            darker(person.skin, 0.35),
            0.035,
        )

    def _brow(self, side: int) -> None:
        person = self.person
        x = np.linspace(-1, 1, 9)
        y = -0.08 - person.brow_height - 0.05 * (1 - x**2) + person.brow_tilt * 0.22 * -x
        along = side * (person.eye_distance + x * person.eye_size * 1.25)
        self._line(np.stack([along, y], 1), darker(self.hair_colour, 0.8), person.brow_width)

    def _beard(self) -> None:
        person = self.person
        kind = person.beard
        colour = darker(self.hair_colour, 0.9)
        mouth = -0.05 + person.nose_length + person.mouth_height
        if kind in ("stubble", "full"):
            outline = self._outline()
            low = outline[outline[:, 1] > 0.12 * person.height]
            tint = mixed(person.skin, colour, 0.32) if kind == "stubble" else colour
            low = low[np.argsort(np.arctan2(low[:, 1], low[:, 0]))]
            arch = np.linspace(math.pi, 0, 11)
            inner = np.stack([0.72 * np.cos(arch), mouth - 0.06 - 0.2 * np.sin(arch)], axis=1)
            self._shape(np.concatenate([low, inner]), tint, depth=0.0)
        if kind in ("goatee", "full"):
            self._shape(oval((0, mouth + 0.24), person.mouth_width * 0.75, 0.22), colour)
        if kind in ("moustache", "goatee", "full"):
            x = np.linspace(-1, 1, 11)
            top = mouth - person.lips - 0.1 + 0.05 * x**2
            wide = person.mouth_width * 1.05
            self._shape(
                np.concatenate([np.stack([x * wide, top], 1), np.stack([x * wide, top + 0.1], 1)[::-1]]), colour
            )

    def _hair_behind(self) -> None:
        person, colour = self.person, darker(self.hair_colour, 0.82)
        h = person.height
        if person.hair == "long":
            self._shape(rounded(1.22, -h * 1.08, h * 1.5), colour, depth=0.0)
        elif person.hair == "bob":
            self._shape(rounded(1.2, -h * 1.08, h * 0.72), colour, depth=0.0)
        elif person.hair == "curly":
            for angle in np.linspace(math.pi * 0.92, math.pi * 2.08, 13):
                centre = (1.02 * math.cos(angle), h * 0.92 * math.sin(angle) - 0.02)
                self._shape(oval(centre, 0.36, 0.36), colour, depth=0.0)
        elif person.hair == "bun":
            self._shape(oval((0.12, -h * 1.18), 0.42, 0.36), colour, depth=-0.2)

    def _hair_in_front(self) -> None:
        """A cap that follows the skull; its lower edge is the hairline."""
        person, colour = self.person, self.hair_colour
        h = person.height
        x = np.linspace(-1, 1, 25)
        lines = {
            "short": -0.62 * h + 0.1 * np.abs(x),
            "long": -0.72 * h + 0.62 * np.abs(x) ** 1.6,
            "curly": -0.55 * h + 0.06 * np.cos(9 * x),
            "bob": -0.42 * h + 0.02 * np.cos(14 * x),
            "bun": -0.68 * h + 0.5 * np.abs(x) ** 2.2,
            "receding": -0.86 * h + 0.55 * np.abs(x) ** 3 - 0.1 * np.cos(3 * x),
            "swept": -0.5 * h - 0.24 * x + 0.18 * x**2,
        }
        skull = 1.06 if person.hair in ("short", "receding") else 1.12
        top = np.stack([skull * x, -h * skull * np.sqrt(np.clip(1 - x**2, 0, 1))], 1)
        edge = np.stack(
            [x * 1.02, np.maximum(lines[person.hair] + 0.0 * x, -h * np.sqrt(np.clip(1 - x**2, 0, 1)) * 1.02)], 1
        )
        self._shape(np.concatenate([top, edge[::-1]]), colour, depth=0.0)
        shine = np.linspace(-0.55, 0.1, 9)
        self._line(
            np.stack([shine, -h * 0.9 * np.sqrt(1 - shine**2) - 0.02], 1),
            mixed(colour, (255, 255, 255), 0.2),
            0.07,
            depth=0.0,
        )
        if person.hair in ("short", "receding", "swept"):
            for side in (-1, 1):
                self._shape(
                    np.array(
                        [[side * 1.03, -0.5 * h], [side * 0.84, -0.5 * h], [side * 0.93, 0.0], [side * 1.0, 0.02]]
                    ),
                    colour,
                    depth=0.0,
                )

    def _glasses(self, glass: Colour | None) -> None:
        person, frame = self.person, (40, 34, 34)
        for side in (-1, 1):
            lens = oval((side * person.eye_distance, -0.06), person.eye_size * 1.7, person.eye_size * 1.45)
            if glass is not None:
                self._shape(lens, glass)
            self._line(np.concatenate([lens, lens[:1]]), frame, 0.04)
            self._line(
                np.array([[side * (person.eye_distance + person.eye_size * 1.6), -0.1], [side * 0.97, -0.12]]),
                frame,
                0.035,
            )
        inner = person.eye_distance - person.eye_size * 1.7
        self._line(np.array([[-inner, -0.08], [inner, -0.08]]), frame, 0.04)

    def _cover(self) -> None:
        h = self.person.height
        colour = varied((110, 100, 100), self.rng, 90)
        match self.moment.covered:
            case "sunglasses":
                self._glasses(varied((30, 30, 36), self.rng, 18))
            case "hat":
                x = np.linspace(-1.1, 1.1, 15)
                crown = np.stack([x, -h * 0.55 - h * 0.75 * np.sqrt(np.clip(1 - (x / 1.12) ** 2, 0, 1))], 1)
                self._shape(np.concatenate([crown, [[1.1, -h * 0.5], [-1.1, -h * 0.5]]]), colour, depth=0.0)
                self._line(np.array([[-1.5, -h * 0.5], [1.5, -h * 0.5]]), darker(colour, 0.75), 0.14, depth=0.0)
            case "hand":
                side = float(self.rng.choice([-1, 1]))
                for finger in range(4):
                    place = np.array([[side * 0.95, 1.25 + 0.1 * finger], [side * 0.35, 0.25 + 0.2 * finger]])
                    self._line(place, darker(self.person.skin, 0.95 - 0.05 * finger), 0.2, depth=0.0)
            case "scarf":
                self._shape(
                    np.array([[-1.3, 0.62 * h], [1.3, 0.56 * h], [1.5, 1.7 * h], [-1.5, 1.7 * h]]), colour, depth=0.0
                )
            case "microphone":
                self._line(np.array([[0.9, 1.9], [0.25, 0.95]]), (40, 40, 44), 0.12, depth=0.0)
                self._shape(oval((0.18, 0.86), 0.24, 0.24), (66, 66, 72), depth=0.0)
            case _:
                pass
