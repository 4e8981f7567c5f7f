"""The measured rates as Markdown: what `make slow` prints and docs/statistics.md holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.calibration.measuring import LOOKS, NOISES, Setting, share

Measured = Mapping[Setting, Mapping[str, float]]

FORMS = ("fixed", "folds")


def tables(found: Measured) -> str:
    """All tables, one after the other."""
    return "\n".join(part(found) for part in (intervals, looks, effects, no_worse, others))


def cell(found: Measured, what: str, key: str, **wanted: object) -> float:
    """The number of the one cell that is as wanted."""
    (value,) = (
        numbers[key]
        for setting, numbers in found.items()
        if setting.what == what and all(getattr(setting, name) == value for name, value in wanted.items())
    )
    return value


def intervals(found: Measured) -> str:
    """Coverage, width and false findings at a single look."""
    head = ["test images", "replicates", "run noise (points)", "coverage", "half-width (points)", "false findings"]
    rows = []
    for form in FORMS:
        for k in LOOKS:
            for noise in NOISES:
                at = {"form": form, "replicates": k, "noise": noise}
                width = cell(found, "coverage", "half_width", **at)
                numbers = [cell(found, "coverage", "coverage", **at)]
                numbers.append(cell(found, "null_studies", "family", design="chain", **at))
                rows.append([form, str(k), noise, share(numbers[0]), f"{width:.1f}", share(numbers[1])])
    return markdown(head, rows)


def looks(found: Measured) -> str:
    """False findings and runs of studies without any difference."""
    head = ["design", "test images", "run noise (points)", "looks", "false findings", "runs of 60"]
    rows = []
    for setting, numbers in found.items():
        if setting.what == "null_looks":
            how = f"{', '.join(map(str, LOOKS))}{'' if setting.futility else ', without futility'}"
            runs = f"{numbers['runs']:.1f}"
        elif setting.what == "null_studies" and setting.design == "one_at_a_time":
            how, runs = f"{setting.replicates} only", str(6 * setting.replicates)
        else:
            continue
        design = setting.design.replace("_", " ")
        rows.append([design, setting.form, setting.noise, how, share(numbers["family"]), runs])
    return markdown(head, sorted(rows))


def effects(found: Measured) -> str:
    """Power for the five steps of the source's chain, and the runs that looks and futility save."""
    chosen = [(setting, numbers) for setting, numbers in found.items() if setting.what == "five_effects"]
    names = [key for key in chosen[0][1] if key.startswith("power")]
    steps = [name.removeprefix("power ") for name in names]
    head = ["test images", "run noise (points)", "futility", *steps, "runs of 60", "coverage at the stop", "wrong way"]
    rows = [
        [
            setting.form, setting.noise, "yes" if setting.futility else "no",
            *(f"{numbers[name]:.2f}".lstrip("0") for name in names),
            f"{numbers['runs']:.1f}", share(numbers["coverage"]), f"{numbers['reversed']:.4f}",
        ]
        for setting, numbers in chosen
    ]  # fmt: skip
    return markdown(head, sorted(rows))


def no_worse(found: Measured) -> str:
    """The claim that nothing is lost: false where the loss is just the tolerable one, and seen where there is none."""
    head = ["test images", "looks", "false non-inferior", "false inferior", "power without a loss", "runs of 60"]
    rows = []
    for setting, numbers in found.items():
        if setting.what == "negative_claims":
            at = {"form": setting.form, "noise": setting.noise, "replicates": setting.replicates, "design": "chain"}
            power = cell(found, "null_studies", "no_worse", **at)
            rates = [share(numbers["no_worse"]), share(numbers["inferior"]), f"{power:.2f}".lstrip("0")]
            rows.append([setting.form, f"{setting.replicates} only", *rates, str(6 * setting.replicates)])
        if setting.what == "no_worse_pairs":
            pair = [share(numbers["non_inferior"]), share(numbers["inferior"]), ""]
            rows.append([f"{setting.form}, pairs, heavy tails", f"{setting.replicates} only", *pair, ""])
        if setting.what == "no_worse_looks":
            power = f"{numbers['power']:.2f} (unasked {numbers['unasked']:.2f})".replace("0.", ".")
            how = ", ".join(map(str, LOOKS))
            rows.append([setting.form, how, share(numbers["false"]), "", power, f"{numbers['runs']:.1f}"])
    return markdown(head, sorted(rows))


def others(found: Measured) -> str:
    """Errors of the negative claims, and how well verdicts replicate."""
    rows = []
    for setting, numbers in found.items():
        if setting.what == "negative_claims":
            rows.append(
                ["a false `same` (true steps of just the negligible size)", setting.form, share(numbers["same"])]
            )
            rows.append(
                ["a false `no worthwhile gain` (of just the worthwhile size)", setting.form, share(numbers["no_gain"])]
            )
        if setting.what == "replication":
            what = f"equal verdicts of two studies on other seeds, {setting.replicates} replicates"
            rows.append([what, setting.form, share(numbers["equal"])])
            what = f"better in one of them, worse in the other, {setting.replicates} replicates"
            rows.append([what, setting.form, f"{numbers['reversals']:.4f}"])
    return markdown(["share of", "test images", "measured"], sorted(rows))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
