// The graph of a model as a picture: blocks fold, and a step shows its layer in the table.
// It is a tree to the keyboard: up and down, left to fold, right to unfold.

/** A step with its sizes in numbers, and with formulas, which take more room. */
const NODE = { width: 150, symbolic: 236, height: matchMedia("(pointer: coarse)").matches ? 44 : 40 };

/** An open block of at least this width has its name in its middle. */
const WIDE = 420;
/** How much smaller a graph is drawn at most, to be seen in its whole width. */
const SMALLEST = 0.84;

/**
 * The picture of a model. `view` tells whether sizes are formulas; `choose` is told of the layer
 * that a step belongs to.
 */
function graph(model, mine, look, choose) {
  const { block: root, steps } = model;
  const open = unfolded(root);
  const marks = marked(model, mine);
  const view = svg("svg", { role: "tree", class: "graph", "aria-label": `The graph of ${model.name}` });
  const box = html("div", { class: "canvas" }, view);
  const told = html("p", { class: "told", "aria-live": "polite" }, "Choose a step to read its sizes.");
  let focused = null;
  let chosen = null;

  function item(part, x, y, size, level) {
    return typeof part === "number" ? stepItem(part, x, y, size, level)
      : blockItem(part, x, y, size, level);
  }

  function stepItem(at, x, y, size, level) {
    const [name, type, kind] = steps[at];
    const example = sizesOf(at);
    const parameter = kind === "parameter";
    const wide = size.width / NODE.width;
    const said = [name, type === name ? "" : type, example, marks.steps.get(at) || ""];
    const group = svg("g", { role: "treeitem", class: `step ${kind}`, "aria-level": level,
      "aria-label": said.filter(Boolean).join(", "), "aria-selected": String(chosen === at),
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
    const below = [type && type !== name ? (parameter ? type : name) : "", example].filter(Boolean).join("  ");
    group.append(
      svg("rect", { class: "card", width: size.width, height: size.height, rx: 6 }),
      svg("rect", { class: "kind", x: 0, y: 8, width: 4, height: size.height - 16, rx: 2 }),
      svg("text", { class: "name", x: 13, y: below ? 17 : 25 }, fitted(type && !parameter ? type : name, 18 * wide)),
    );
    if (below) group.append(svg("text", { class: "size", x: 13, y: 32 }, fitted(below, 23 * wide)));
    mark(group, marks.steps.get(at), size);
    group.piece = at;
    return group;
  }

  /** The sizes that a step gives, of one sample or as formulas. */
  function sizesOf(at) {
    return look.symbolic ? steps[at][5] : steps[at][3];
  }

  function blockItem(part, x, y, size, level) {
    const [path, name, type, parts] = part;
    const isOpen = open.has(part);
    const what = type || plural(parts.length, "part");
    const found = isOpen ? null : marks.within(part);
    const group = svg("g", { role: "treeitem", class: isOpen ? "block open" : "block",
      "aria-level": level, "aria-expanded": String(isOpen),
      "aria-label": [name, what, found || ""].filter(Boolean).join(", "),
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` });
    group.append(svg("rect", { class: "card", width: size.width, height: size.height, rx: 9 }));
    const triangle = isOpen ? "M0 0h8l-4 6Z" : "M0 0v8l6-4Z";
    // What is wider than its pane is named where its steps are, not at its far end.
    const begin = isOpen && size.width > WIDE ? size.width / 2 - NODE.width / 2 : 0;
    const at = isOpen ? `translate(${begin + 11} 10)` : "translate(12 8.5)";
    group.append(svg("path", { class: "fold", d: triangle, transform: at }));
    if (isOpen) {
      const label = svg("text", { class: "name", x: begin + 24, y: 17 }, fitted(name, 40));
      if (type && size.width > (name.length + type.length) * 7 + 36) {
        label.append(svg("tspan", { class: "size", dx: 8 }, type));
      }
      group.append(label);
      draw(part, size.inside, group, level + 1);
    } else {
      group.append(
        svg("text", { class: "name", x: 24, y: 17 }, fitted(name, 18)),
        svg("text", { class: "size", x: 24, y: 32 }, fitted(repeated(part), 22)),
      );
      mark(group, found, size);
    }
    group.piece = part;
    group.dataset.path = path;
    return group;
  }

  /** What a folded block is: its class, and what it is made of where that is the same again. */
  function repeated(part) {
    const [, , type, parts] = part;
    const types = new Set(parts.map((one) => (typeof one === "number" ? "" : one[2])));
    const [only] = types;
    const contents = types.size === 1 && only ? `${parts.length} \u00d7 ${only}` : "";
    return contents || type || plural(parts.length, "part");
  }

  function measure(part) {
    if (typeof part === "number") return { width: look.symbolic ? NODE.symbolic : NODE.width, height: NODE.height };
    if (!open.has(part)) return { width: NODE.width + 8, height: NODE.height };
    const inside = arrange(part, part[3].map(measure));
    return { width: inside.width, height: inside.height, inside };
  }

  function draw(part, inside, into, level) {
    for (const line of inside.lines) into.append(svg("path", { class: "line", d: line }));
    part[3].forEach((one, at) => {
      const box = inside.boxes[at];
      into.append(item(one, box.x, box.y, box, level));
    });
  }

  function redraw() {
    view.replaceChildren();
    const whole = arrange(root, root[3].map(measure));
    view.setAttribute("viewBox", `0 0 ${whole.width.toFixed(1)} ${whole.height.toFixed(1)}`);
    // What is only a little too wide is drawn a little smaller.
    const room = (box.clientWidth || Infinity) / whole.width;
    const scale = room < 1 && room >= SMALLEST ? room : 1;
    view.setAttribute("width", (whole.width * scale).toFixed(0));
    view.setAttribute("height", (whole.height * scale).toFixed(0));
    draw(root, whole, view, 1);
    const items = all();
    rove(items, items.find((one) => one.piece === focused) || items[0]);
  }

  function all() {
    return [...view.querySelectorAll("[role=treeitem]")];
  }

  function itemOf(part) {
    return all().find((one) => one.piece === part);
  }

  /** Fold or unfold a block, which keeps the focus and its place on the screen. */
  function toggle(part) {
    const before = itemOf(part).getBoundingClientRect();
    if (open.has(part)) open.delete(part);
    else open.add(part);
    focused = part;
    redraw();
    const item = itemOf(part);
    item.focus({ preventScroll: true });
    const after = item.getBoundingClientRect();
    box.scrollBy(after.left + after.width / 2 - before.left - before.width / 2, after.top - before.top);
  }

  /** Change the drawing so that what is in the middle of the pane stays in its place. */
  function steady(change) {
    const frame = box.getBoundingClientRect();
    const seen = all().filter((one) => one.getAttribute("aria-expanded") !== "true").map((one) => {
      const { left, width, top } = one.getBoundingClientRect();
      return { piece: one.piece, x: left + width / 2, y: top };
    });
    const off = ({ x, y }) => Math.hypot(x - frame.left - frame.width / 2, y - frame.top - frame.height / 2);
    seen.sort((a, b) => off(a) - off(b));
    change();
    const there = new Map(all().map((one) => [one.piece, one]));
    const kept = seen.find(({ piece }) => there.has(piece));
    const item = kept ? there.get(kept.piece) : all()[0];
    const { left, width, top } = item.getBoundingClientRect();
    if (kept) box.scrollBy(left + width / 2 - kept.x, top - kept.y);
    else within(box, item, true);
  }

  function pick(at, tell) {
    chosen = at;
    const [name, type, kind, example, layer, shape, key] = steps[at];
    const row = layer >= 0 ? model.layers[layer] : null;
    const held = kind === "parameter" ? numbers(example) : 0;
    const facts = row
      ? [row[0], row[1], row[2], row[6] ? `${count(row[6])} parameters` : "",
        row[6] && model.parameters ? `${percent(row[6] / model.parameters)} of all` : "",
        row[7] ? `${count(row[7])} MACs` : "", row[12] ? `${mega(row[12])} MB out` : "", row[8] ? `field ${row[8].join("\u00d7")}` : "",
        row[9] ? `built at line ${row[9]}` : ""]
      : [kind === "parameter" ? key : name, type === name ? "" : type, shape || example,
        held ? `${count(held)} parameters` : ""];
    told.replaceChildren(html("code", {}, facts[0]), ` ${facts.slice(1).filter(Boolean).join(" \u00b7 ")}`);
    for (const one of all()) {
      if (one.classList.contains("step")) one.setAttribute("aria-selected", String(one.piece === at));
    }
    if (tell && layer >= 0) choose(layer);
  }

  view.addEventListener("click", (event) => {
    const found = event.target.closest("[role=treeitem]");
    if (!found) return;
    if (typeof found.piece === "number") {
      focused = found.piece;
      rove(all(), found);
      found.focus({ preventScroll: true });
      pick(found.piece, true);
    } else if (!open.has(found.piece)
      || event.clientY - found.getBoundingClientRect().top < GAP.label) {
      // An open block folds by its head: the rest of it is room between its parts.
      toggle(found.piece);
    }
  });
  view.addEventListener("keydown", (event) => {
    const items = all();
    const at = items.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const part = items[at].piece;
    const folds = typeof part !== "number";
    const go = (to) => {
      if (!items[to]) return;
      focused = items[to].piece;
      rove(items, items[to]);
      items[to].focus();
    };
    const keys = {
      ArrowDown: () => go(at + 1),
      ArrowUp: () => go(at - 1),
      Home: () => go(0),
      End: () => go(items.length - 1),
      ArrowRight: () => (folds && !open.has(part) ? toggle(part) : folds && go(at + 1)),
      ArrowLeft: () => (folds && open.has(part) ? toggle(part)
        : go(items.indexOf(items[at].parentNode.closest("[role=treeitem]")))),
      Enter: () => (folds ? toggle(part) : pick(part, true)),
      " ": () => (folds ? toggle(part) : pick(part, true)),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  /** Show the step of a layer, in blocks that are unfolded for it. */
  function reveal(layer) {
    show(steps.findIndex((step) => step[4] === layer));
  }

  /** Show a step, by its place. */
  function show(at) {
    if (at < 0) return;
    const folded = around(root, at).filter((part) => !open.has(part));
    for (const part of folded) open.add(part);
    focused = at;
    if (folded.length) redraw();
    pick(at, false);
    const item = itemOf(at);
    rove(all(), item);
    within(box, item);
  }

  const level = (fold) => () => {
    const levels = byLevel(root);
    if (fold) {
      const deepest = levels.findLastIndex((blocks) => blocks.some((one) => open.has(one)));
      if (deepest >= 0) for (const one of levels[deepest]) open.delete(one);
    } else {
      const next = levels.find((blocks) => blocks.some((one) => !open.has(one)));
      if (!next) return;
      const more = next.reduce((sum, one) => sum + (open.has(one) ? 0 : one[3].length), 0);
      if (all().length + more > LARGEST) {
        told.textContent = `${count(all().length + more)} parts are too many to show at once: unfold single blocks.`;
        return;
      }
      for (const one of next) open.add(one);
    }
    steady(redraw);
  };
  const folding = byLevel(root).length ? html("div", { class: "folding" },
    html("button", { type: "button", click: level(false) }, "Unfold"),
    html("button", { type: "button", click: level(true) }, "Fold")) : null;
  redraw();
  // A wide picture begins where the model does. How wide it is shows once it is on the page.
  requestAnimationFrame(() => {
    if (view.clientWidth > box.clientWidth) redraw();
    within(box, all()[0], true);
  });
  look.changed.push(() => {
    redraw();
    within(box, (chosen === null ? null : itemOf(chosen)) || all()[0], true);
  });
  return { element: box, legend: legend(steps), folding, told, reveal,
    /** Show the step of a key that is no layer's. */
    revealKey: (key) => show(steps.findIndex((step) => step[6] === key)) };
}

/** The severities of findings by step; those of a folded block are the gravest inside. */
function marked(model, mine) {
  const layers = new Map();
  for (const finding of mine) {
    for (const key of finding.layers) {
      layers.set(key, worst([finding.severity, layers.get(key)]));
    }
  }
  const found = new Map();
  model.steps.forEach((step, at) => {
    const key = step[4] >= 0 ? model.layers[step[4]][0] : step[6];
    if (layers.has(key)) found.set(at, layers.get(key));
  });
  const within = (part) => (typeof part === "number" ? found.get(part) || null
    : worst([layers.get(part[0]), ...part[3].map(within)]));
  return { steps: found, within };
}

function mark(group, name, size) {
  if (!name) return;
  group.append(svg("path", { class: `sign ${name}`, d: SIGNS[name],
    transform: `translate(${size.width - 20} 7)` }));
}

function fitted(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}\u2026` : text;
}

const KINDS = {
  convolution: "convolution", linear: "linear, product", attention: "attention", norm: "norm",
  parameter: "parameter", activation: "activation", pool: "pool, reduction", upsampling: "upsampling",
  memory: "embedding, recurrent", join: "arithmetic, concatenation",
};

function legend(steps) {
  const there = new Set(steps.map((step) => step[2]));
  const entries = Object.entries(KINDS).filter(([kind]) => there.has(kind));
  return html("ul", { class: "legend" },
    entries.map(([kind, words]) => html("li", { class: kind }, html("i", {}), words)));
}
