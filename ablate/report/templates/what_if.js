"use strict";
// Two sliders judge again in the page. What the study registered stays marked, and is what a page on paper shows.

function answersOf(family, rules, sizes) {
  // Of looks where the latest counts whose runs are there, the others are left out.
  for (let last = family.looks.length; last > 1; last -= 1) {
    const answers = rejudge(family.looks.slice(0, last), rules, sizes);
    if (!family.latest || !answers[0].waits) return answers;
  }
  return rejudge(family.looks.slice(0, 1), rules, sizes);
}

function askWhatIf(page) {
  const data = page.what_if;
  const registered = { negligible: data.negligible, worthwhile: data.worthwhile };
  const sizes = { ...registered };
  const cells = [...document.querySelectorAll(".verdict[data-of]")];
  const before = judge(registered);
  // Where this browser does not come to the study's own words it is not asked for others.
  const agrees = data.families.every((family) => family.words.every(([verdict, negligible], i) => {
    const found = before.get(family.keys[i]);
    return found.verdict === verdict && found.negligible === negligible;
  }));
  if (!agrees) return;

  function judge(asked) {
    const found = new Map();
    data.families.forEach((family) => {
      answersOf(family, data, asked).forEach((answer, i) => found.set(family.keys[i], answer));
    });
    return found;
  }

  // A step that would have been followed further, with runs that were not made, is undecided with these.
  const wordOf = (answer, registeredAnswer) =>
    answer.waits && answer.verdict === "not_assessable" && !registeredAnswer.waits ? "undecided" : answer.verdict;

  function textOf(answer, word) {
    const text = page.say(`verdict.${word}`);
    if (answer.negligible) return page.say("verdict.negligible", { word: text });
    return answer.tooSmall ? page.say("verdict.too_small", { word: text }) : text;
  }

  const panel = document.createElement("details");
  panel.className = "what-if";
  const summary = document.createElement("summary");
  summary.textContent = page.say("turn.title");
  const intro = document.createElement("p");
  intro.className = "intro";
  intro.textContent = page.say("turn.intro");
  const told = document.createElement("div");
  told.className = "told";
  const list = document.createElement("p");
  list.setAttribute("role", "status");
  const back = document.createElement("button");
  back.type = "button";
  back.textContent = page.say("turn.back");
  back.addEventListener("click", () => {
    Object.assign(sizes, registered);
    update();
    summary.focus();
  });
  const stays = document.createElement("p");
  stays.className = "stays";
  stays.append(page.say("turn.stays"), " ", back);
  told.append(list, stays);
  const terms = {
    negligible: ["turn.negligible", "turn.negligible_means"],
    worthwhile: ["turn.worthwhile", "turn.worthwhile_means"],
  };
  const sliders = { negligible: slider("negligible"), worthwhile: slider("worthwhile") };
  panel.append(summary, intro, ...Object.values(sliders).map((one) => one.row), told);
  document.querySelector("main > header").after(panel);
  update();

  function slider(name) {
    const steps = data.sizes[name]; // [value, in words], the registered one among them
    const row = document.createElement("label");
    row.className = "slider";
    const title = document.createElement("span");
    const [term, words] = terms[name];
    title.textContent = page.say(term);
    const meaning = document.createElement("span");
    meaning.className = "meaning";
    meaning.textContent = page.say(words);
    title.append(" ", meaning);
    const track = document.createElement("span");
    track.className = "track";
    const input = document.createElement("input");
    input.type = "range";
    input.min = 0;
    input.max = steps.length - 1;
    const output = document.createElement("output");
    track.append(input);
    const own = steps.findIndex(([value]) => value === registered[name]);
    if (own >= 0) {
      const mark = document.createElement("span");
      mark.className = "registered";
      mark.style.setProperty("--at", own / (steps.length - 1));
      mark.textContent = "▴";
      track.append(mark);
    }
    row.append(title, track, output);
    input.addEventListener("input", () => {
      sizes[name] = steps[input.value][0];
      // What is worth having is never smaller than what does not count.
      const other = name === "negligible" ? "worthwhile" : "negligible";
      const crossed = sizes.negligible !== null && sizes.worthwhile !== null && sizes.negligible > sizes.worthwhile;
      if (crossed) sizes[other] = nearest(data.sizes[other], sizes[name], other === "worthwhile");
      update();
    });
    return {
      row,
      show() {
        const at = steps.findIndex(([value]) => value === sizes[name]);
        input.value = Math.max(0, at);
        const size = at < 0 ? page.say("turn.not_stated") : steps[at][1];
        const stated = own < 0 ? page.say("turn.not_stated") : steps[own][1];
        const beside = document.createElement("small");
        beside.textContent = page.say("turn.registered", { size: stated });
        output.replaceChildren(size, ...(at === own ? [] : [" ", beside]));
        input.setAttribute("aria-valuetext", output.textContent);
      },
    };
  }

  function nearest(steps, value, upwards) { // the next step that does not cross it
    const fitting = steps.map(([size]) => size).filter((size) => (upwards ? size >= value : size <= value));
    return upwards ? Math.min(...fitting) : Math.max(...fitting);
  }

  function update() {
    const moved = sizes.negligible !== registered.negligible || sizes.worthwhile !== registered.worthwhile;
    const after = moved ? judge(sizes) : before;
    const changes = new Map(); // of each comparison once, wherever its word stands
    Object.values(sliders).forEach((one) => one.show());
    document.querySelectorAll(".verdict.asked").forEach((one) => one.remove());
    document.querySelectorAll("[data-asked]").forEach((one) => delete one.dataset.asked);
    cells.forEach((cell) => {
      const [was, now] = [before.get(cell.dataset.of), after.get(cell.dataset.of)];
      if (!was || !now) return;
      const word = wordOf(now, was);
      const [wasText, text] = [textOf(was, was.verdict), textOf(now, word)];
      if (wasText === text) return;
      cell.dataset.asked = word;
      const asked = document.createElement("span");
      asked.className = `verdict asked v-${word}`;
      const glyph = document.createElement("span");
      glyph.className = "glyph";
      glyph.setAttribute("aria-hidden", "true");
      glyph.textContent = page.glyphs[word];
      const badge = document.createElement("span");
      badge.className = "badge";
      badge.textContent = page.say("turn.badge");
      asked.append(glyph, ` ${text} `, badge);
      cell.after(asked);
      const drawn = cell.closest("tr, .line").querySelector("svg.interval");
      if (drawn) drawn.dataset.asked = word;
      const name = cell.closest("tr, .line").querySelector("th, .label").textContent.trim();
      const line = page.say("turn.change", { name, was: wasText, now: text });
      if (!changes.has(cell.dataset.of)) changes.set(cell.dataset.of, line);
    });
    panel.classList.toggle("moved", moved);
    told.hidden = !moved;
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.textContent = page.say("turn.badge");
    const what = changes.size ? [...changes.values()].join(page.say("join.clause")) : page.say("turn.no_change");
    list.replaceChildren(...(moved ? [badge, ` ${what}`] : []));
  }
}
