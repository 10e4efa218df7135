// A tab for the whole report and one for each model. What a tab shows is made when it is opened.

/** `entries` are {id, label, mark, open}; `open` gives the content the first time. */
function tabs(entries, first) {
  const list = html("div", { role: "tablist", "aria-label": "Models", class: "tabs" });
  const panels = html("main", {});
  const made = entries.map((entry, at) => {
    const tab = html(
      "button",
      { role: "tab", type: "button", id: `tab-${at}`, "aria-controls": `panel-${at}`,
        "aria-selected": "false", tabindex: "-1", click: () => show(at, true) },
      entry.mark ? sign(entry.mark) : null,
      entry.mark ? html("span", { class: "unseen" }, `${entry.mark} `) : null,
      entry.label
    );
    const panel = html("div", { role: "tabpanel", id: `panel-${at}`, tabindex: "0",
      "aria-labelledby": `tab-${at}`, hidden: true });
    list.append(tab);
    panels.append(panel);
    return { tab, panel, filled: false };
  });
  let current = -1;

  function show(at, named) {
    if (at === current) return;
    if (current >= 0) {
      made[current].tab.setAttribute("aria-selected", "false");
      made[current].panel.hidden = true;
    }
    current = at;
    const { tab, panel, filled } = made[at];
    if (!filled) {
      panel.append(entries[at].open());
      made[at].filled = true;
    }
    tab.setAttribute("aria-selected", "true");
    panel.hidden = false;
    rove(made.map((one) => one.tab), tab);
    tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (named) history.replaceState(null, "", `#${encodeURIComponent(entries[at].id)}`);
    // Drawings that need to know how wide they are wait for this.
    panel.dispatchEvent(new Event("shown"));
  }

  list.addEventListener("keydown", (event) => {
    const last = entries.length - 1;
    const to = {
      ArrowRight: current === last ? 0 : current + 1,
      ArrowLeft: current === 0 ? last : current - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(to, true);
    made[to].tab.focus();
  });
  addEventListener("hashchange", () => {
    const at = named(entries);
    if (at >= 0) show(at, false);
  });
  const asked = named(entries);
  return { list, panels, show, start: () => show(asked >= 0 ? asked : first, false) };
}

/** The place of the tab that the address names, or -1. */
function named(entries) {
  try {
    const id = decodeURIComponent(location.hash.slice(1));
    return id ? entries.findIndex((entry) => entry.id === id) : -1;
  } catch {
    return -1;
  }
}
