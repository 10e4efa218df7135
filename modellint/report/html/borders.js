// How much the border of an input counts in what a model computes.

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
