"use strict";
// Drawings say their numbers: under the pointer, at a tap, and to the keyboard where a drawing can have the focus.
// An interval's numbers stand in its `data-mark`: estimate, ends, ends of the thin line, replicates, ends of
// the axis, whether it is pooled over data sets.

function sayNumbers(page) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  let shown = null;

  const marks = new Map();
  document.querySelectorAll("svg[data-mark]").forEach((svg) => {
    const [point, lo, hi, loAll, hiAll, dots, left, right, pooled] = JSON.parse(svg.dataset.mark);
    if (point === null) return;
    // A level instead of a difference has no dots, and a published figure where the others have their third end.
    marks.set(svg, { point, lo, hi, loAll, hiAll, dots: dots ?? [], left, right, pooled, isLevel: dots === null, at: -1 });
    // Within what is hidden from screen readers nothing may have the focus: there the same numbers stand in a table.
    if (svg.closest("[aria-hidden=true]:not(svg)")) return;
    const holder = document.createElement("span");
    holder.className = "drawing";
    holder.tabIndex = 0;
    holder.setAttribute("role", "img");
    holder.setAttribute("aria-label", lines(svg).join("; "));
    svg.before(holder);
    holder.append(svg);
  });

  function number(value, mark) {
    const decimals = Math.max(0, 2 - Math.floor(Math.log10(mark.right - mark.left)));
    const text = value.toFixed(decimals);
    return Number(text) === 0 ? (0).toFixed(decimals) : value > 0 && !mark.isLevel ? `+${text}` : text;
  }

  function ends(lo, hi, mark) { // an interval that goes on for ever has no end there
    const end = (value) => (value === null ? page.say("turn.no_end") : number(value, mark));
    return `[${end(lo)}, ${end(hi)}]`;
  }

  function lines(svg) {
    const mark = marks.get(svg);
    const { dots, at } = mark;
    if (mark.isLevel) {
      const told = [mark.point, mark.lo, mark.hi, mark.loAll].map((n) => (n === null ? null : number(n, mark)));
      const level = told[1] === null ? told[0] : `${told[0]} [${told[1]}, ${told[2]}]`;
      return told[3] === null ? [level] : [level, page.say("turn.published", { n: told[3] })];
    }
    const found = [
      page.say("turn.estimate", { n: number(mark.point, mark) }),
      page.say("turn.alone", { interval: ends(mark.lo, mark.hi, mark) }),
    ];
    // The thin line: of all comparisons at once, or of one more data set where several were pooled.
    if (mark.lo !== mark.loAll || mark.hi !== mark.hiAll) {
      found.push(page.say(mark.pooled ? "turn.next" : "turn.together", { interval: ends(mark.loAll, mark.hiAll, mark) }));
    }
    if (at >= 0) found.unshift(page.say("turn.dot", { i: at + 1, of: dots.length, n: number(dots[at], mark) }));
    else if (dots.length) {
      const told = dots.map((dot) => number(dot, mark)).join(page.say("join.comma"));
      found.push(page.say("turn.dots", { of: dots.length, numbers: told }));
    }
    return found;
  }

  function place(value, mark) {
    return Math.min(1, Math.max(0, (value - mark.left) / (mark.right - mark.left)));
  }

  function show(svg, at) {
    if (shown !== null && shown !== svg) hide();
    const mark = marks.get(svg);
    mark.at = at;
    shown = svg;
    tip.replaceChildren(...lines(svg).map((text, i) => {
      const line = document.createElement(i === 0 ? "b" : "span");
      line.textContent = text;
      return line;
    }));
    tip.hidden = false;
    const box = svg.getBoundingClientRect();
    const x = box.left + box.width * place(at < 0 ? mark.point : mark.dots[at], mark);
    const wide = document.documentElement.clientWidth;
    tip.style.left = `${window.scrollX + Math.max(4, Math.min(wide - tip.offsetWidth - 4, x - tip.offsetWidth / 2))}px`;
    const above = box.top - tip.offsetHeight - 6;
    tip.style.top = `${window.scrollY + (above > 0 ? above : box.bottom + 6)}px`;
    circles(svg).forEach((dot, rank) => dot.classList.toggle("told", at >= 0 && byPlace(mark)[rank] === at));
  }

  const circles = (svg) => [...svg.querySelectorAll("circle.dot")];
  // Dots are drawn from left to right, whatever their replicates.
  const byPlace = ({ dots }) => dots.map((_, i) => i).sort((i, j) => dots[i] - dots[j] || i - j);

  function hide() {
    if (shown === null) return;
    shown.querySelectorAll(".told").forEach((dot) => dot.classList.remove("told"));
    marks.get(shown).at = -1;
    shown = null;
    tip.hidden = true;
  }

  function nearest(svg, event) { // the dot within a pointer's or a finger's reach; -1: none
    const reach = event.pointerType === "touch" ? 14 : 8;
    const away = circles(svg).map((dot) => {
      const box = dot.getBoundingClientRect();
      return Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
    });
    const least = Math.min(...away, Infinity);
    return least <= reach ? byPlace(marks.get(svg))[away.indexOf(least)] : -1;
  }

  const drawing = (target) => {
    const found = target.closest && target.closest(".drawing, .drawn, td.bar");
    const svg = found && found.querySelector("svg[data-mark]");
    return svg && marks.has(svg) ? svg : null;
  };
  const under = (event) => {
    const svg = drawing(event.target);
    if (svg) show(svg, nearest(svg, event));
    // What the pointer stands on stays, so that it can be read.
    else if (!tip.contains(event.target) && !(shown && shown.closest(":focus"))) hide();
  };
  document.addEventListener("pointermove", under);
  document.addEventListener("pointerdown", under);
  document.addEventListener("focusin", (event) => {
    const svg = event.target.classList.contains("drawing") ? drawing(event.target) : null;
    if (svg && svg !== shown) show(svg, -1);
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
    const svg = event.target.classList.contains("drawing") ? drawing(event.target) : null;
    const turn = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!svg || !turn || !marks.get(svg).dots.length) return;
    event.preventDefault();
    const { at } = marks.get(svg);
    const order = byPlace(marks.get(svg));
    const rank = at < 0 ? (turn > 0 ? 0 : order.length - 1) : order.indexOf(at) + turn;
    show(svg, order[Math.max(0, Math.min(order.length - 1, rank))]);
  });
}
