// Tables whose columns sort: by a click or the keyboard on the button that a column's name is.

/** So many rows are made at first; the rest when asked for, since rows are slow to lay out. */
const ROWS = 250;

/**
 * A table. `columns` are {name, title, right, value, cell}: `value` is what rows are sorted by,
 * `cell` the content. `rows` stand in their own order until one is chosen.
 */
function table(label, columns, rows, decorate) {
  const body = html("tbody", {});
  const heads = columns.map((column, at) => html("th",
    { scope: "col", class: column.right ? "right" : null, "aria-sort": "none" },
    html("button", { type: "button", title: column.title || null, click: () => sort(at) },
      column.name, html("span", { class: "arrow", "aria-hidden": "true" }))));
  let sorted = null;
  let shown = ROWS;
  let order = rows.map((_, at) => at);
  const made = new Map();

  function sort(at) {
    // Numbers begin with the largest, which is what one looks for, then the other way, then none.
    const first = columns[at].right ? "descending" : "ascending";
    const second = columns[at].right ? "ascending" : "descending";
    const before = sorted && sorted.at === at ? sorted.way : null;
    const way = before === null ? first : before === first ? second : null;
    sorted = way ? { at, way } : null;
    heads.forEach((head, place) => head.setAttribute("aria-sort", place === at && way ? way : "none"));
    order = rows.map((_, place) => place);
    if (way) {
      const { value } = columns[at];
      const sense = way === "ascending" ? 1 : -1;
      const keys = rows.map(value);
      order.sort((a, b) => compare(keys[a], keys[b], sense) || a - b);
    }
    lay();
  }

  function row(at) {
    if (!made.has(at)) {
      const line = html("tr", {}, columns.map((column) => html("td",
        { class: column.right ? "right" : null }, column.cell(rows[at], at))));
      if (decorate) decorate(line, at);
      made.set(at, line);
    }
    return made.get(at);
  }

  const more = html("button", { type: "button", class: "more", hidden: true,
    click: () => { shown = rows.length; lay(); } }, `Show all ${count(rows.length)}`);

  function lay() {
    body.replaceChildren(...order.slice(0, shown).map(row));
    more.hidden = shown >= rows.length;
  }

  /** Bring the line of a row into view. */
  function reveal(at) {
    if (order.indexOf(at) >= shown) {
      shown = rows.length;
      lay();
    }
    for (const line of body.querySelectorAll(".chosen")) line.classList.remove("chosen");
    row(at).classList.add("chosen");
    row(at).scrollIntoView({ block: "nearest" });
  }

  lay();
  const element = html("div", {},
    html("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": label },
      html("table", {}, html("thead", {}, html("tr", {}, heads)), body)), more);
  return { element, reveal };
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
  const bar = html("span", { class: "share" });
  bar.style.inlineSize = `${Math.max((value / most) * 100, 0.5)}%`;
  return [html("span", {}, count(value)), bar];
}

function layerTable(model, choose) {
  const { layers } = model;
  const most = (column) => layers.reduce((largest, layer) => Math.max(largest, layer[column]), 1);
  const mostParameters = most(6);
  const mostMacs = most(7);
  const total = model.parameters || 0;
  const places = new Map(layers.map((layer, at) => [layer, at]));
  const columns = [
    { name: "#", title: "Order of execution", value: (layer) => places.get(layer),
      cell: (layer, at) => html("span", { class: "order" }, at + 1) },
    { name: "layer", value: (layer) => layer[0], cell: (layer, at) => html("button",
      { type: "button", class: "link", click: () => choose(at) }, html("code", {}, layer[0])) },
    { name: "type", value: (layer) => layer[1], cell: (layer) => html("span", { class: `dot ${layer[11]}` }, layer[1]) },
    { name: "input \u2192 output", value: (layer) => layer[2], cell: shapes },
    { name: "window", title: "Kernel, stride, padding", value: (layer) => layer[3], cell: windowOf },
    { name: "parameters", right: true, value: (layer) => layer[6], cell: (layer) => barred(layer[6], mostParameters) },
    { name: "share", right: true, value: (layer) => layer[6],
      cell: (layer) => (layer[6] && total ? percent(layer[6] / total) : null) },
    { name: "MACs", right: true, value: (layer) => layer[7], cell: (layer) => barred(layer[7], mostMacs) },
    { name: "field", title: "Receptive field", right: true,
      value: (layer) => (layer[8] ? layer[8].reduce((product, side) => product * side, 1) : null),
      cell: (layer) => (layer[8] ? layer[8].join("\u00d7") : null) },
  ];
  return table(`Layers of ${model.name}`, columns, layers);
}

function shapes(layer) {
  const [before, after] = layer[2].split(" \u2192 ");
  return html("span", { class: "shapes", title: layer[10] },
    html("code", {}, before), html("span", {}, " \u2192 "), html("code", {}, after));
}

function windowOf(layer) {
  const [, , , kernel, stride, padding] = layer;
  if (!kernel) return null;
  const parts = [kernel];
  if (stride && !/^1(\u00d71)*$/.test(stride)) parts.push(`stride ${stride}`);
  if (padding && !/^0(\u00d70)*$/.test(padding)) parts.push(`padding ${padding}`);
  return parts.map((part, at) => html("span", { class: "piece" }, at ? part : html("b", {}, part)));
}
