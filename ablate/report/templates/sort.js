"use strict";
// Tables sort by a press on a heading: once, the other way round, and back to the study's own order.

const UNITS = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, s: 1, min: 60, h: 3600 };

function numberOf(text, same) { // `+1,234.5 [..]`, `24.2 k`, `3.2 min`, `>95`, `1e-05`; null where there is no number
  if (text === same) return 0;
  const found = /^[<>]?([+-]?)([\d,]*\.?\d+(?:e[+-]?\d+)?)(?:\s?(min|[kMGTsh])(?![a-z]))?/.exec(text);
  if (!found) return null;
  return Number(found[1] + found[2].replaceAll(",", "")) * (UNITS[found[3]] ?? 1);
}

function sortTables(page) {
  const words = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const verdicts = Object.keys(page.glyphs);

  const textOf = (cell) => cell.textContent.trim();
  const says = (cell) => !["", "-"].includes(textOf(cell));
  const numberOfCell = (cell) => numberOf(textOf(cell), page.say("cell.same"));

  function keyOf(cell, kind) {
    const text = textOf(cell);
    if (!says(cell)) return null;
    if (kind === "number") return numberOfCell(cell);
    const shown = kind === "verdict" && cell.querySelector(".verdict");
    return shown ? verdicts.findIndex((word) => shown.classList.contains(`v-${word}`)) : text;
  }

  function makeSortable(table) {
    const headings = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const rows = [...body.rows];
    // A drawn column would sort as the differences beside it do.
    const columns = headings.filter((heading) => !heading.classList.contains("bar"));
    if (rows.length < 3 || table.matches(".matrix, .in-order")) return;
    const told = document.createElement("p");
    told.className = "note sorted";
    told.setAttribute("role", "status");
    table.parentElement.after(told);
    const choice = narrowChoice();

    function sortBy(heading, direction) {
      const i = heading === null ? 0 : headings.indexOf(heading);
      const kind = heading === null ? "" : kindOf(heading);
      const keys = new Map(rows.map((row) => [row, heading === null ? null : keyOf(row.cells[i], kind)]));
      const order = [...rows].sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        if (x === null || y === null) return (x === null) - (y === null); // what has none comes last, both ways
        return direction * (typeof x === "string" || typeof y === "string" ? words.compare(x, y) : x - y);
      });
      body.append(...order);
      headings.forEach((one) => one.removeAttribute("aria-sort"));
      if (heading !== null) heading.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      const chain = table.dataset.name && table.dataset.name.startsWith("steps-chain") ? page.say("turn.sorted_chain") : "";
      told.textContent = heading === null ? "" : `${page.say("turn.sorted", { column: nameOf(heading) })} ${chain}`;
      choice.value = heading === null ? "" : String(i);
    }

    function kindOf(heading) { // a column of text may hold numbers: a search's learning rates
      if (heading.classList.contains("verdict")) return "verdict";
      const cells = rows.map((row) => row.cells[headings.indexOf(heading)]).filter(says);
      return heading.classList.contains("number") || cells.every((cell) => numberOfCell(cell) !== null) ? "number" : "text";
    }

    // Numbers from the largest, words from A.
    const first = (heading) => (kindOf(heading) === "number" ? -1 : 1);
    const nameOf = (heading) => heading.textContent.trim();

    function press(heading) {
      const now = { ascending: 1, descending: -1 }[heading.getAttribute("aria-sort")];
      if (now === undefined) sortBy(heading, first(heading));
      else if (now === first(heading)) sortBy(heading, -now);
      else sortBy(null, 1);
    }

    function narrowChoice() { // where a table is shown as cards it has no headings to press
      const label = document.createElement("label");
      label.className = "sort-by";
      const select = document.createElement("select");
      const options = columns.map((heading) => new Option(heading.textContent.trim(), headings.indexOf(heading)));
      select.append(new Option(page.say("turn.own_order"), ""), ...options);
      select.addEventListener("change", () => {
        const heading = select.value === "" ? null : headings[Number(select.value)];
        sortBy(heading, heading === null ? 1 : first(heading));
      });
      label.append(page.say("turn.sort_by"), " ", select);
      if (table.classList.contains("cards")) table.parentElement.before(label);
      return select;
    }

    columns.forEach((heading) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => press(heading));
      heading.append(button);
    });
  }

  document.querySelectorAll("table").forEach((table) => table.tHead && table.tBodies[0] && makeSortable(table));
}
