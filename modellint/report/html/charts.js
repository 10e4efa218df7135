// What a model costs and sees along its depth: parameters, MACs and the receptive field by layer.

/** How wide a layer is drawn at most: a net of few layers has small charts. */
const STEP = 22;
/** How wide a chart is at most, and how high, before it is fitted to the page. */
const WIDTH = 330;
const HEIGHT = 96;

/** Three charts beside each other; `choose` is told of a layer that is clicked. */
function depth(model, choose) {
  const { layers } = model;
  const before = model.stopped === null ? "" : ` of those before ${model.stopped}`;
  const at = model.at ? ` at ${model.at}` : "";
  return html("div", { class: "depth" }, [
    bars("Parameters", "", "parameters", layers, 6, model.parameters, "", choose),
    bars("MACs", `per sample${at}`, "MACs", layers, 7, model.macs, before, choose),
    layers.some((layer) => layer[8]) ? field(model, choose) : null,
  ]);
}

/** A bar for each layer, however many: layers that cost the same look the same. */
function bars(title, of, noun, layers, column, whole, before, choose) {
  const values = layers.map((layer) => layer[column]);
  const most = values.reduce((largest, value) => Math.max(largest, value), 0);
  if (!most) return null;
  const top = rounded(most);
  const wide = widthOf(layers) / layers.length;
  const gap = wide > 4 ? 1 : 0;
  const d = values.map((value, at) => {
    if (!value) return "";
    const height = Math.max((value / top) * HEIGHT, 1);
    return `M${(at * wide).toFixed(2)} ${HEIGHT}v${(-height).toFixed(2)}h${(wide - gap).toFixed(2)}v${height.toFixed(2)}Z`;
  }).join("");
  const heaviest = layers[values.indexOf(most)];
  const caption = whole
    ? ["most in ", html("code", {}, heaviest[0]), `, ${percent(heaviest[column] / whole)}${before}`] : [];
  return figure({ title, of, caption, d, kind: "bar", top, layers, choose,
    label: `${title} of each layer in order of execution`, say: (layer) => `${count(layer[column])} ${noun}` });
}

function field(model, choose) {
  const { layers } = model;
  const axes = layers.reduce((found, layer) => Math.max(found, (layer[8] || []).length), 0);
  // Square windows on square inputs have one field; else the larger axis is drawn, and said.
  const values = layers.map((layer) => (layer[8] ? Math.max(...layer[8]) : null));
  const sides = model.borders.flatMap((one) => one.axes.map((axis) => axis[1]));
  const input = sides.length ? Math.max(...sides) : 0;
  const largest = values.reduce((most, value) => Math.max(most, value || 0), 1);
  const top = rounded(Math.max(largest, input));
  const wide = widthOf(layers) / layers.length;
  let d = "";
  values.forEach((value, at) => {
    if (value === null) return;
    const y = (HEIGHT - (value / top) * HEIGHT).toFixed(2);
    d += `${d ? "L" : "M"}${(at * wide).toFixed(2)} ${y}H${((at + 1) * wide).toFixed(2)}`;
  });
  const grown = input ? layers[values.findIndex((value) => value !== null && value >= input)] : null;
  const caption = grown ? [`the whole input of ${count(input)} px from `, html("code", {}, grown[0]), " on"]
    : [`up to ${count(largest)} px`, input ? ` of the input's ${count(input)}` : ""];
  return figure({ title: "Receptive field", of: axes > 1 ? "px a side" : "positions", caption, d, kind: "stroke", top,
    layers, choose, label: "Receptive field of each layer in order of execution",
    say: (layer) => (layer[8] ? `sees ${layer[8].join("\u00d7")} px` : "field not known"),
    line: input ? HEIGHT - (input / top) * HEIGHT : null });
}

/** The end of a scale: the next of 1, 1.5, 2, 3, 4, 5, 6 and 8 with zeros behind it. */
function rounded(most) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((step) => step >= most);
}

/** 1.5 M: a value of a scale. */
function tick(value) {
  const [number, unit] = short(value).split(" ");
  return [String(Number(number)), unit].filter(Boolean).join(" ");
}

function widthOf(layers) {
  return Math.min(layers.length * STEP, WIDTH);
}

/** A chart with its scale: values to the left, the number of the layer below. */
function figure({ title, of, caption, d, kind, top, layers, choose, label, say, line }) {
  const width = widthOf(layers);
  const chart = svg("svg", { role: "img", "aria-label": label, class: "chart", preserveAspectRatio: "none",
    viewBox: `0 -1 ${width} ${HEIGHT + 2}` });
  for (const share of [0, 0.5, 1]) {
    chart.append(svg("path", { class: share ? "grid" : "base", d: `M0 ${HEIGHT * (1 - share)}H${width}` }));
  }
  chart.append(svg("path", { class: kind, d }));
  if (line !== undefined && line !== null) {
    chart.append(svg("path", { class: "limit", d: `M0 ${line.toFixed(2)}H${width}` }));
  }
  const words = html("p", { class: "quiet" }, caption);
  const layerAt = (event) => {
    const frame = chart.getBoundingClientRect();
    const at = Math.floor(((event.clientX - frame.left) / frame.width) * layers.length);
    return Math.min(Math.max(at, 0), layers.length - 1);
  };
  chart.addEventListener("pointermove", (event) => {
    const layer = layers[layerAt(event)];
    words.replaceChildren(html("code", {}, layer[0]), ` ${say(layer)}`);
  });
  chart.addEventListener("pointerleave", () => words.replaceChildren(...caption));
  chart.addEventListener("click", (event) => choose(layerAt(event)));
  const plot = html("div", { class: "plot" },
    html("div", { class: "scale-y", "aria-hidden": "true" },
      [top, top / 2, 0].map((value) => html("span", {}, tick(value)))),
    chart,
    html("div", { class: "scale-x", "aria-hidden": "true" },
      html("span", {}, "1"), layers.length > 1 ? html("span", {}, count(layers.length)) : null));
  plot.style.setProperty("--plot", `${width}px`);
  return html("figure", {}, html("figcaption", {}, html("b", {}, title), of ? ` ${of}` : null), plot, words);
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}
