// What a model costs and sees along its depth, and how much the border of its input counts.

/** The width that layers share, a pixel each in most models. */
const WIDTH = 480;
const FEWEST = 16;
const HEIGHT = 72;

/** Parameters, MACs and the receptive field of each layer, one below the other. */
function depth(model) {
  const { layers } = model;
  const whole = html("div", { class: "depth" });
  const before = model.stopped === null ? "" : ` of those before ${model.stopped}`;
  whole.append(bars("Parameters", "parameters", layers, 6, model.parameters, ""),
    bars("MACs", "MACs", layers, 7, model.macs, before));
  if (layers.some((layer) => layer[8])) whole.append(field(model));
  return whole;
}

/** A bar for each layer, however many: layers that cost the same look the same. */
function bars(title, noun, layers, column, total, of) {
  const values = layers.map((layer) => layer[column]);
  const most = Math.max(...values, 1);
  const wide = WIDTH / places(values);
  const gap = wide > 4 ? 1 : 0;
  const d = values.map((value, at) => {
    if (!value) return "";
    const height = Math.max((value / most) * HEIGHT, 1);
    return `M${(at * wide).toFixed(2)} ${HEIGHT}v${(-height).toFixed(2)}h${(wide - gap).toFixed(2)}v${height.toFixed(2)}Z`;
  }).join("");
  const heaviest = layers[values.indexOf(Math.max(...values))];
  const caption = total && heaviest[column]
    ? [`most in `, html("code", {}, heaviest[0]), `, ${percent(heaviest[column] / total)}${of}`] : ["none"];
  return figure(title, caption, d, "bar",
    `${title} of each layer in order of execution`, layers, (layer) => `${count(layer[column])} ${noun}`);
}

function field(model) {
  const { layers, inputs } = model;
  const axes = Math.max(...layers.map((layer) => (layer[8] || []).length));
  // Square windows on square inputs have one field; else the larger axis is drawn, and said.
  const values = layers.map((layer) => (layer[8] ? Math.max(...layer[8]) : null));
  const sides = model.borders.flatMap((one) => one.axes.map((axis) => axis[1]));
  const input = sides.length ? Math.max(...sides) : 0;
  const most = Math.max(...values.map((value) => value || 0), input, 1);
  const wide = WIDTH / places(values);
  let d = "";
  values.forEach((value, at) => {
    if (value === null) return;
    const y = (HEIGHT - (value / most) * HEIGHT).toFixed(2);
    d += `${d ? "L" : "M"}${(at * wide).toFixed(2)} ${y}H${((at + 1) * wide).toFixed(2)}`;
  });
  const largest = Math.max(...values.map((value) => value || 0));
  const grown = input ? layers[values.findIndex((value) => value !== null && value >= input)] : null;
  const caption = [`up to ${count(largest)} px${axes > 1 ? " a side" : ""}`];
  if (grown) caption.push(`; the whole input of ${count(input)} px from `, html("code", {}, grown[0]), " on");
  else if (input) caption.push(` of the input's ${count(input)}`);
  const line = input && input <= most ? HEIGHT - (input / most) * HEIGHT : null;
  return figure("Receptive field", caption, d, "stroke", "Receptive field of each layer in order of execution",
    layers, (layer) => (layer[8] ? `sees ${layer[8].join("\u00d7")} px` : "field not known"), line);
}

/** How many layers there is room for: a few layers alone would be walls. */
function places(values) {
  return Math.max(values.length, FEWEST);
}

function figure(title, caption, d, kind, label, layers, say, line) {
  const chart = svg("svg", { role: "img", "aria-label": label, class: "chart", preserveAspectRatio: "none",
    viewBox: `0 -2 ${WIDTH} ${HEIGHT + 4}` });
  if (line !== undefined && line !== null) {
    chart.append(svg("path", { class: "limit", d: `M0 ${line.toFixed(2)}H${WIDTH}` }));
  }
  chart.append(svg("path", { class: kind, d }), svg("path", { class: "base", d: `M0 ${HEIGHT}H${WIDTH}` }));
  const words = html("span", { class: "caption" }, caption);
  chart.addEventListener("pointermove", (event) => {
    const { left, width } = chart.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * places(layers));
    const layer = layers[Math.min(Math.max(at, 0), layers.length - 1)];
    words.replaceChildren(html("code", {}, layer[0]), ` ${say(layer)}`);
  });
  chart.addEventListener("pointerleave", () => words.replaceChildren(...caption));
  return html("figure", {}, html("figcaption", {}, html("b", {}, title), words), chart);
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

/** Viridis at nine places (van der Walt and Smith 2015): as dark to every eye as its value is low. */
const VIRIDIS = [
  [68, 1, 84], [71, 45, 123], [59, 82, 139], [44, 114, 142], [33, 145, 140],
  [40, 174, 128], [94, 201, 98], [173, 220, 48], [253, 231, 37],
];

function viridis(value) {
  const at = Math.min(Math.max(value, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((part, band) => Math.round(part + (VIRIDIS[low + 1][band] - part) * (at - low)));
}

/** How much each position of an input counts in what the model computes, against the mean. */
function borders(entry) {
  const { input, axes } = entry;
  // Of a volume the last two axes are shown; of a sequence its one.
  const [down, across] = axes.length > 1 ? axes.slice(-2) : [["", 1, 1, [1]], axes[0]];
  const tall = down[3];
  const wide = across[3];
  const most = Math.max(...tall) * Math.max(...wide);
  const picture = html("canvas", { width: wide.length, height: tall.length, role: "img",
    class: axes.length > 1 ? "map" : "map strip",
    "aria-label": `How much positions of ${input} count: an outermost one ${said(axes)}` });
  if (axes.length > 1) picture.style.aspectRatio = `${across[1]} / ${down[1]}`;
  const context = picture.getContext("2d");
  const pixels = context.createImageData(wide.length, tall.length);
  tall.forEach((a, y) => wide.forEach((b, x) => {
    pixels.data.set([...viridis((a * b) / most), 255], (y * wide.length + x) * 4);
  }));
  context.putImageData(pixels, 0, 0);
  const scale = html("canvas", { width: 64, height: 1, class: "scale", "aria-hidden": "true" });
  const shades = scale.getContext("2d");
  for (let at = 0; at < 64; at += 1) {
    shades.fillStyle = `rgb(${viridis(at / 63).join(" ")})`;
    shades.fillRect(at, 0, 1, 1);
  }
  const corner = axes.length > 1 ? `, in a corner ${weight(down[2] * across[2])}` : "";
  return html("figure", { class: "influence" }, picture,
    html("figcaption", {},
      html("div", { class: "ramp" }, html("span", {}, "0"), scale, html("span", {}, `${weight(most)} \u00d7 the mean`)),
      html("p", {}, "An outermost position of ", html("code", {}, input),
        ` (${axes.map((axis) => count(axis[1])).join("\u00d7")}) counts ${said(axes)}${corner}, against a mean of 1.`),
      html("p", { class: "quiet" }, "Each output spreads a weight of 1 evenly over what its windows read; "
        + "what falls on padding is lost.")));
}

/** How much an outermost position counts, axes of one answer together. */
function said(axes) {
  const found = new Map();
  for (const [name, size, edge] of axes) {
    found.set(edge, [...(found.get(edge) || []), name === String(size) ? `the axis of ${size}` : name]);
  }
  return [...found].map(([edge, names]) => `${weight(edge)} along ${names.join(" and ")}`).join(", ");
}

function weight(value) {
  return value >= 0.095 ? value.toFixed(2) : String(Number(value.toPrecision(2)));
}
