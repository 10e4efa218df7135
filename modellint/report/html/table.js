// Tables whose columns sort: by a click or the keyboard on the button that a column's name is.

/** So many rows are made at first; the rest when asked for, since rows are slow to lay out. */
const ROWS = 250;
/** What is nearer than this to the edge of a pane may be below its head or its foot. */
const EDGE = 40;

/**
 * A table. `columns` are {name, title, right, wide, unit, value, cell}: `value` is what rows are
 * sorted by, `cell` the content, `unit` what is said behind it where there are no columns. A column
 * without any value is left out. `rows` stand in their own order until one is chosen.
 *
 * `options` are {own, most, detail, pick, decorate, foot, pane}: `own` says in words
 * which order that is, `detail` is what opens below a row by
 * the button of the column that `opens`, `pick` is told of a row that is clicked, `foot` has the
 * cells below, by column.
 */
function table(label, columns, rows, options = {}) {
  const shown = columns.filter((column) => column.keep || rows.some((row) => {
    const value = column.value(row);
    return value !== null && value !== undefined && value !== "" && value !== 0;
  }));
  const whole = html("table", { class: options.detail ? "opening" : null });
  const heads = shown.map((column, at) => html("th",
    { scope: "col", class: classes(column), "aria-sort": "none" },
    html("button", { type: "button", title: column.title || null, click: () => turn(at) },
      column.name, html("span", { class: "arrow", "aria-hidden": "true" }))));
  const most = options.most || ROWS;
  let sorted = null;
  let keep = null;
  let limit = most;
  let order = rows.map((_, at) => at);
  let made = new Map();

  /** Numbers begin with the largest, which is what one looks for, then the other way, then none. */
  function turn(at) {
    const ways = shown[at].right ? ["descending", "ascending"] : ["ascending", "descending"];
    const before = sorted && sorted.at === at ? ways.indexOf(sorted.way) : -1;
    sort(at, ways[before + 1]);
  }

  function sort(at, way) {
    sorted = way ? { at, way } : null;
    heads.forEach((head, place) => head.setAttribute("aria-sort", place === at && way ? way : "none"));
    select.value = way ? `${at} ${way}` : "";
    arrange();
  }

  function arrange() {
    order = rows.map((_, place) => place).filter((place) => !keep || keep(rows[place]));
    if (sorted) {
      const { value } = shown[sorted.at];
      const sense = sorted.way === "ascending" ? 1 : -1;
      const keys = rows.map(value);
      order.sort((a, b) => compare(keys[a], keys[b], sense) || a - b);
    }
    lay();
  }

  function row(at) {
    if (!made.has(at)) made.set(at, options.detail ? opening(at) : line(at, () => {}));
    return made.get(at);
  }

  function line(at, toggle) {
    const found = html("tr", {}, shown.map((column) => cell(column, at, toggle)));
    if (options.pick) {
      found.classList.add("picks");
      found.addEventListener("click", () => { if (!getSelection().toString()) options.pick(at); });
    }
    if (options.decorate) options.decorate(found, rows[at], at);
    return found;
  }

  function cell(column, at, toggle) {
    const content = column.cell(rows[at], at);
    const made = html("td", { class: classes(column), "data-unit": column.unit || null });
    const inside = column.opens
      ? html("button", { type: "button", class: "opens", "aria-expanded": "false", click: toggle },
        html("span", { class: "twist", "aria-hidden": "true" }), html("span", {}, content)) : content;
    return fill(made, {}, [inside]);
  }

  /** A row with what opens below it, which is made then. */
  function opening(at) {
    const body = html("tbody", { class: "entry" });
    const set = (open) => {
      if (open && body.children.length < 2) {
        body.append(html("tr", { class: "detail" },
          html("td", { colspan: String(shown.length) }, options.detail(rows[at], at))));
      }
      if (body.children[1]) body.children[1].hidden = !open;
      body.querySelector(".opens").setAttribute("aria-expanded", String(open));
      body.classList.toggle("opened", open);
    };
    body.append(line(at, () => set(!body.classList.contains("opened"))));
    body.open = set;
    return body;
  }

  const more = html("button", { type: "button", class: "more", hidden: true,
    click: () => { limit = rows.length; lay(); } });
  const body = options.detail ? null : html("tbody", {});

  function lay() {
    const visible = order.slice(0, limit).map(row);
    if (body) body.replaceChildren(...visible);
    else whole.replaceChildren(head, ...visible);
    more.hidden = limit >= order.length;
    more.textContent = `Show all ${count(order.length)}`;
  }

  /** Bring the line of a row into view within its pane, and mark it. */
  function reveal(at) {
    if (order.indexOf(at) >= limit) {
      limit = rows.length;
      lay();
    }
    for (const one of whole.querySelectorAll(".chosen")) one.classList.remove("chosen");
    const found = row(at);
    found.classList.add("chosen");
    within(scroll, found);
  }

  // Where there is no room for columns there is none for their names: a list of ways to sort.
  const select = html("select", { class: "sorting", "aria-label": "Sort by", change: () => {
    const [at, way] = select.value.split(" ");
    sort(way ? Number(at) : -1, way);
  } }, html("option", { value: "" }, options.own),
  shown.flatMap((column, at) => (column.right ? ["descending", "ascending"] : ["ascending"]).map((way) =>
    html("option", { value: `${at} ${way}` },
      column.right ? `by ${column.name}, ${way === "ascending" ? "least" : "most"} first` : `by ${column.name}`))));
  const head = html("thead", {}, html("tr", {}, heads));
  const scroll = html("div", { class: options.pane ? "scroll pane" : "scroll", role: "region",
    tabindex: "0", "aria-label": label }, whole);
  if (body) whole.append(head, body);
  if (options.foot) {
    whole.append(html("tfoot", {}, options.foot.map((cells) => html("tr", {}, shown.map((column) =>
      html("td", { class: classes(column), "data-unit": column.unit || null },
        cells[column.name] === undefined ? null : cells[column.name]))))));
  }
  lay();
  return {
    element: html("div", { class: "listing" }, rows.length > 1 ? select : null, scroll, more),
    reveal,
    row,
    /** Show only the rows of which a test is true. */
    filter: (test) => { keep = test; limit = most; arrange(); },
    /** Make the rows anew, since what their cells are made of has changed. */
    renew: () => {
      const chosen = order.find((at) => made.has(at) && made.get(at).classList.contains("chosen"));
      made = new Map();
      lay();
      if (chosen !== undefined) row(chosen).classList.add("chosen");
    },
  };
}

function classes(column) {
  return [column.right ? "right" : "", column.wide ? "wide" : "", column.class || ""]
    .filter(Boolean).join(" ") || null;
}

/** Scroll a pane, and nothing around it, until something in it is in sight: in its middle. */
function within(pane, element, centred) {
  const frame = pane.getBoundingClientRect();
  const { top, bottom, left, right, width } = element.getBoundingClientRect();
  if (top < frame.top + EDGE || bottom > frame.bottom - EDGE) {
    pane.scrollTop += (top + bottom - frame.top - frame.bottom) / 2;
  }
  if (width < frame.width && (centred || left < frame.left || right > frame.right)) {
    pane.scrollLeft += (left + right - frame.left - frame.right) / 2;
  }
}

/** Numbers by size and texts by letters; what is not known comes last either way. */
function compare(a, b, sense) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number") return sense * (a - b);
  return sense * a.localeCompare(b, "en", { numeric: true });
}

/** A number with a bar that is as long as its share of the largest. */
function barred(value, most) {
  if (!value) return null;
  const bar = html("span", { class: "share", "aria-hidden": "true" });
  bar.style.inlineSize = `${Math.max((value / most) * 100, 0.5)}%`;
  return [html("span", {}, count(value)), bar];
}
