"use strict";
// The rule of ablate/stats/verdict.py and looks.py over again, for other sizes of `negligible` and `worthwhile`.
// Only what these two enter is worked out here; everything else of a family comes with the page (stats/what_if.py).
// A test holds every word against the Python engine's.

function lnGamma(x) { // Lanczos' approximation, g = 7
  const c = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const t = x + 6.5;
  const sum = c.reduce((total, value, i) => (i ? total + value / (x - 1 + i) : value));
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

function betaFraction(a, b, x) { // the continued fraction of the incomplete beta function, by Lentz's method
  const keep = (value) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let c = 1, d = 1 / keep(1 - ((a + b) * x) / (a + 1)), h = d;
  for (let m = 1; m < 10000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / keep(1 + even * d);
    c = keep(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / keep(1 + odd * d);
    c = keep(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return h;
}

function studentBelow(t, df) { // P(T <= t)
  const a = df / 2, x = df / (df + t * t), y = (t * t) / (df + t * t);
  const front = Math.exp(lnGamma(a + 0.5) - lnGamma(a) - lnGamma(0.5) + a * Math.log(x) + 0.5 * Math.log(y || 1e-300));
  // Each fraction converges on its own side.
  const two = x < (a + 1) / (a + 2.5) ? (front * betaFraction(a, 0.5, x)) / a : 1 - front * betaFraction(0.5, a, y) / 0.5;
  return t > 0 ? 1 - two / 2 : two / 2;
}

function holm(p) {
  const order = p.map((_, i) => i).sort((i, j) => p[i] - p[j] || i - j);
  const adjusted = [];
  let least = 0;
  order.forEach((i, rank) => {
    least = Math.max(least, (p.length - rank) * p[i]);
    adjusted[i] = Math.min(1, least);
  });
  return adjusted;
}

function claimPValues(one, sizes, goal) { // difference, same, no worthwhile gain, no worse, inferior: before Holm
  if (!one.assessable) return [1, 1, 1, 1, 1];
  const { negligible: r, worthwhile: d } = sizes;
  const above = (bound) => studentBelow((bound - one.difference) / one.se, one.df);
  const below = (bound) => studentBelow((one.difference - bound) / one.se, one.df);
  const same = r === null ? 1 : Math.max(above(-r), below(r));
  const noGain = d === null ? 1 : goal === "max" ? below(d) : above(-d);
  return [one.p, same, noGain, one.p_no_worse, one.p_inferior];
}

function verdictOf(one, claims, goal) { // the first that matches wins
  const [differs, same, noGain] = claims;
  if (!one.assessable) return "not_assessable";
  if (differs && one.difference) return one.difference > 0 === (goal === "max") ? "better" : "worse";
  if (same) return "same";
  return noGain ? "no_worthwhile_gain" : "undecided";
}

function isNegligible(one, verdict, r, goal) { // a difference that is there, and smaller than anybody minds
  return verdict === "better" && Boolean(r) && (goal === "max" ? one.hi_all : -one.lo_all) <= r;
}

function judgedAt(one, i, adjusted, sizes, rules) {
  const claims = adjusted.map((p) => p[i] <= rules.alpha);
  const verdict = verdictOf(one, claims, rules.goal);
  const unsure = verdict === "undecided" || verdict === "no_worthwhile_gain";
  let chance = unsure ? one.chance : null;
  if (chance !== null && one.chance_no_worse !== null && !claims[3] && !claims[4]) {
    chance = Math.max(chance, one.chance_no_worse);
  }
  const pursued = chance !== null && chance >= rules.futility;
  return {
    verdict,
    negligible: isNegligible(one, verdict, sizes.negligible, rules.goal),
    tooSmall: verdict === "undecided" && Boolean(sizes.worthwhile) && sizes.worthwhile <= one.too_small,
    waits: Boolean(one.waits),
    // Whether a later look may answer it: looks.py, LookState.is_open.
    open: !one.assessable ? one.may_change : verdict === "undecided" ? chance === null || pursued : unsure && pursued,
  };
}

// looks: share, members. rules: goal, alpha, futility. sizes: negligible, worthwhile; null where nobody has said.
function rejudge(looks, rules, sizes) {
  let answers = null, smallest = null;
  for (const look of looks) {
    const closed = (i) => answers !== null && !answers[i].open;
    const raw = look.members.map((one) => claimPValues(one, sizes, rules.goal).map((p) => Math.min(1, p / look.share)));
    smallest = raw.map((own, i) =>
      smallest === null ? own : closed(i) ? smallest[i] : own.map((p, k) => Math.min(p, smallest[i][k])));
    const adjusted = [0, 1, 2, 3, 4].map((k) => holm(smallest.map((own) => own[k])));
    const now = look.members.map((one, i) => judgedAt(one, i, adjusted, sizes, rules));
    // A look whose runs are not all there does not take back what an earlier one knew.
    const lost = (i) => answers[i].verdict === "no_worthwhile_gain" && now[i].verdict === "not_assessable";
    answers = answers === null ? now : answers.map((old, i) => (closed(i) || lost(i) ? old : now[i]));
  }
  return answers;
}
