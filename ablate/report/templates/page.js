"use strict";
// What can be turned on a page; without a script everything is there to be read, and nothing looks as if it could be.

(() => {
  const page = JSON.parse(document.getElementById("page-data").textContent);
  page.say = (key, values = {}) => page.words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  sayNumbers(page);
  sortTables(page);
  if (page.what_if) askWhatIf(page);
})();
