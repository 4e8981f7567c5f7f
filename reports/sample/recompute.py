"""Compute the comparisons of this report again: python recompute.py (needs numpy and scipy, nothing of ablate)."""
import json
from pathlib import Path
import numpy as np
from scipy.stats import t

here = Path(__file__).resolve().parent
asked, claims = map(json.loads((here / "share/claims.json").read_text(encoding="utf-8")).get, ("asked", "claims"))
table = np.genfromtxt(here / "tables" / "answers.csv.gz", delimiter=",", skip_header=1, encoding="utf-8")
wrong, sign = 0, 1 if asked["goal"] == "max" else -1
replicate, image, scores = table[:, 0], table[:, 1], dict(zip(asked["variants"], table.T[2:], strict=True))


def moments(weights, planned):
    """Difference, replicates, images, image part, variance between replicates, what images explain of it, length^2."""
    values = np.sum([weight * scores[name] for name, weight in weights.items()], axis=0)
    known = [r for r in np.unique(replicate[replicate < planned]) if not np.isnan(values[replicate == r]).any()]
    if not known: return np.nan, 1, 2, np.nan, 0, 0, 1  # as where a variant was tested on other images
    used, each = np.isin(replicate, known), [values[replicate == r] for r in known]
    _, place, times = np.unique(image[used], return_inverse=True, return_counts=True)
    own, means = np.bincount(place, values[used]) / times, np.array([one.mean() for one in each])
    within = np.mean([one.var(ddof=1) / one.size for one in each])
    if asked["test"] == "fixed" and len(each) > 1:
        within = np.square(values[used] - own[place]).sum() / (used.sum() - times.size) / times.size
    between, length = means.var(ddof=1) if len(each) > 1 else within, sum(x**2 for x in weights.values())
    return means.mean(), len(each), times.size, own.var(ddof=1) / times.size, between, within, length


def judge(family, planned, share):
    """Rows: difference, standard error, degrees of freedom; p / share of "differs", "same", "no worthwhile gain"."""
    d, k, n, images, between, within, length = np.array([moments(one["weights"], planned) for one in family]).T
    sides = np.array([[one["weights"].get(name, 0) for name in scores] for one in family])[k > 1] / np.sqrt(length[k > 1, None])
    freedom = (k - 1).sum() / max(1, np.square(sides @ sides.T).sum() / max(1, len(sides))) or 1
    excess, noise = (((k - 1) @ (x / length) / max(1, (k - 1).sum())) * length for x in (between - within, between))
    runs = np.maximum(0, np.maximum(between - within, excess)) / k * (k > 1)
    images = np.maximum(images, asked["right_or_wrong"] * length / (n + 2) ** 2 - runs)
    se, parts = np.sqrt(images + runs), images**2 / (n - 1) + (noise / k) ** 2 / freedom
    df = np.where(k > 1, np.maximum(k - 1, se**4 / parts), n - 1)
    none, worth = (-np.inf if asked[size] is None else asked[size] for size in ("negligible", "worthwhile"))
    p = [2 * t.sf(abs(d) / se, df), t.sf((none - abs(d)) / se, df), t.sf((worth - d * sign) / se, df)]
    void = [c < 2 or one["reason"] > "" and planned > min(c, asked["looks"][one["look"] - 1] - 1) for c, one in zip(k, family)]
    return np.array([d, se, df, *(np.where(void, 1, np.minimum(1, one / share)) for one in p)]).T

print(asked["left_out"] or "Differences with 95% intervals and verdicts, from the answers to single images:")
for name in dict.fromkeys(one["family"] for one in claims):
    family = [one for one in claims if one["family"] == name and one["n"]]
    looks = [judge(family, *look) for look in zip(asked["looks"], asked["shares"], strict=True)] if family else []
    for i, one in enumerate(family):
        p = [np.min([at[j, 3:] for at in looks[: min(one["look"], k["look"])]], axis=0) for j, k in enumerate(family)]
        holm = [max((one["family_size"] - r) * x for r, x in enumerate(sorted(c)) if x <= c[i]) for c in zip(*p)]
        d, se, df = looks[one["look"] - 1][i, :3]
        words = [("worse", "better")[int(d * sign > 0)], "same", "no_worthwhile_gain", "undecided"]
        word = next(word for word, value in zip(words, [*holm, 0], strict=True) if value <= asked["alpha"])
        found = asked["scale"] * (d + np.array([0, -1, 1]) * t.ppf(0.975, df) * se)[: 1 if asked["left_out"] else 3]
        word = one["verdict"] if one["reason"] else "" if asked["left_out"] else word
        as_found = np.allclose(found, [one["difference"], one["lo"], one["hi"]][: len(found)])
        same = word in ("", one["verdict"]) and (as_found or one["reason"] and np.isnan(d))
        print(f"{one['name']}: {found.round(3).tolist()} {word}{'' if same else ', WHICH IS NOT WHAT WAS REPORTED'}")
        wrong += not same
if wrong: raise SystemExit(1)
