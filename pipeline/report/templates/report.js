"use strict";
// Nothing here is needed: it spares a click where a link leads into something folded, and finds an outlet by its name.
function unfold() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let at = target.parentElement; at; at = at.parentElement) if (at.localName === "details") at.open = true;
  target.scrollIntoView();
  if (target.tabIndex === -1) target.focus({ preventScroll: true });
}
addEventListener("hashchange", unfold);
unfold();

const filter = document.getElementById("outlet-filter");
if (filter) {
  const named = document.querySelectorAll("#outlets [data-name]");
  const found = document.getElementById("outlet-found");
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    let shown = 0;
    for (const one of named) {
      one.hidden = !one.dataset.name.toLowerCase().includes(wanted);
      if (!one.hidden && one.localName === "tr") shown += 1;
    }
    found.textContent = wanted ? `${shown} found` : "";
    const rest = document.querySelector("#outlets details.filtered");
    if (rest && wanted) rest.open = true;
  });
}
