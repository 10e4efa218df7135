// The table of layers: what each does to its input, in numbers or in formulas, and what it costs.

/** `view` tells whether sizes are formulas; `marks` has the severity that was found at a layer. */
function layerTable(model, view, marks, choose) {
  const { layers } = model;
  const most = (column) => layers.reduce((largest, layer) => Math.max(largest, layer[column]), 1);
  const mostParameters = most(6);
  const mostMacs = most(7);
  const whole = model.parameters || 0;
  const columns = [
    { name: "layer", class: "name", keep: true, value: (layer) => layer[0],
      cell: (layer, at) => [marks[at] ? sign(marks[at]) : null,
        html("button", { type: "button", class: "link", click: (event) => { event.stopPropagation(); choose(at); } },
          html("code", {}, breaking(layer[0])))] },
    { name: "type", class: "type", value: (layer) => layer[1], cell: (layer) => html("span", { class: `dot ${layer[11]}` }, breaking(layer[1])) },
    { name: "input \u2192 output", class: "shapes", value: (layer) => layer[10],
      cell: (layer) => sizes(layer, view.symbolic) },
    { name: "window", class: "window", title: "Kernel, then stride and padding where they are not 1 and 0",
      value: (layer) => layer[3], cell: windowOf },
    { name: "parameters", unit: " parameters", right: true, value: (layer) => layer[6],
      cell: (layer) => barred(layer[6], mostParameters) },
    { name: "share", right: true, wide: true, value: (layer) => layer[6],
      cell: (layer) => (layer[6] && whole ? percent(layer[6] / whole) : null) },
    { name: "MACs", unit: " MACs", right: true, title: `Multiply-accumulates per sample${model.at ? ` at ${model.at}` : ""}`,
      value: (layer) => layer[7], cell: (layer) => barred(layer[7], mostMacs) },
    { name: "out MB", right: true, wide: true, title: "What it gives for one sample, in megabytes",
      value: (layer) => layer[12], cell: (layer) => mega(layer[12]) },
    { name: "field", unit: " field", right: true, title: "Receptive field",
      value: (layer) => (layer[8] ? layer[8].reduce((product, side) => product * side, 1) : null),
      cell: (layer) => (layer[8] ? layer[8].join("\u00d7") : null) },
  ];
  return table(`Layers of ${model.name}`, columns, layers, { pane: true, own: "in order of execution", foot: totals(model), pick: choose });
}

/** The last lines: what modules hold beside their layers, and all of it. */
function totals(model) {
  const { layers } = model;
  const owned = model.held;
  const rest = (model.parameters || 0) - layers.reduce((sum, layer) => sum + layer[6], owned);
  const rows = [{
    layer: html("b", {}, model.stopped === null ? "total" : `total before ${model.stopped}`),
    type: html("span", { class: "quiet" }, plural(layers.length, "layer")),
    parameters: html("b", {}, count(model.parameters)),
    MACs: html("b", {}, count(model.macs)),
    "out MB": html("b", {}, mega(model.memory)),
  }];
  const line = (words, value) => ({ layer: html("span", { class: "quiet" }, words),
    parameters: count(value).replace("-", "\u2212") });
  if (model.stopped !== null) return rows;
  const beside = rest > 0 ? "in no layer that runs" : "shared, so counted once";
  return [owned ? line("held beside layers", owned) : null, rest ? line(beside, rest) : null, ...rows].filter(Boolean);
}

/** How many numbers a tensor of some sizes holds: `3\u00d74` has 12, and no size is one number. */
function numbers(sizes) {
  return sizes.split("\u00d7").reduce((product, side) => product * Number(side || 1), 1);
}

/** What goes in and what comes out; once where it is the same. */
function sizes(layer, symbolic) {
  const [before, after] = layer[symbolic ? 2 : 10].split(" \u2192 ");
  const title = layer[symbolic ? 10 : 2];
  const wraps = symbolic ? "formulas" : before.includes(", ") ? "several" : null;
  return html("span", { title, class: wraps }, before === after ? html("code", { class: "same" }, before)
    : [html("code", {}, before), html("span", { class: "quiet" }, " \u2192 "), html("code", {}, after)]);
}

function windowOf(layer) {
  const [, , , kernel, stride, padding] = layer;
  if (!kernel) return null;
  const parts = [html("b", {}, kernel)];
  if (stride && !/^1(\u00d71)*$/.test(stride)) parts.push(" ", html("span", { title: "stride" }, `s${oneSide(stride)}`));
  if (padding && !/^0(\u00d70)*$/.test(padding)) parts.push(" ", html("span", { title: "padding" }, `p${oneSide(padding)}`));
  return html("span", { class: "pieces", title: spelled(kernel, stride, padding) }, parts);
}

function spelled(kernel, stride, padding) {
  return [`kernel ${kernel}`, stride ? `stride ${stride}` : "", padding ? `padding ${padding}` : ""].filter(Boolean).join(", ");
}

/** One number where all sides have it, as one writes it in code. */
function oneSide(text) {
  const sides = text.split("\u00d7");
  return sides.every((side) => side === sides[0]) ? sides[0] : text;
}
