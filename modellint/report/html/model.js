// The tab of one model: what is wrong and where, its graph beside its layers, then all else.

/** The table of a net of so few layers leaves room for drawings beside its graph. */
const FEW_LAYERS = 14;

/** `report` is {findings, show, about}: all findings, and ways to other tabs. */
function modelTab(model, report) {
  const mine = model.findings.map((at) => report.findings[at]);
  /** Whether sizes are formulas, and what is to be told when that changes. */
  const view = { symbolic: false, changed: [] };
  const keys = new Map(model.layers.map((layer, at) => [layer[0], at]));
  const parts = { graph: null, table: null, bench: null };
  /** A layer was chosen: show it in the graph and in the table, and both in sight. */
  const choose = (at) => {
    if (parts.graph) parts.graph.reveal(at);
    if (parts.table) parts.table.reveal(at);
    inSight(parts.bench);
  };
  const drawn = new Set(model.steps.map((step) => step[6]).filter(Boolean));
  /** How to show what a finding is about; null where it is neither a layer nor in the graph. */
  choose.way = (key) => {
    if (keys.has(key)) return () => choose(keys.get(key));
    return drawn.has(key) && parts.graph ? () => { parts.graph.revealKey(key); inSight(parts.bench); } : null;
  };
  if (model.block) {
    parts.graph = graph(model, mine, view, (at) => {
      if (parts.table) parts.table.reveal(at);
      inSight(parts.bench);
    });
  }
  if (model.layers.length) parts.table = layerTable(model, view, layerMarks(model, mine), choose);
  if (parts.table) view.changed.push(parts.table.renew);
  const drawings = [
    model.borders.length ? section("How much the border counts", ...model.borders.map(borders)) : null,
    model.layers.length ? section("Along the depth", depth(model, choose)) : null,
  ];
  const few = parts.graph && model.layers.length <= FEW_LAYERS;
  parts.bench = bench(model, parts, view, few ? drawings.toReversed() : []);

  return html("div", { class: "model" },
    heading(model, mine),
    mine.length ? section("Findings", findings(mine, model, { ...report, choose }).element) : null,
    parts.bench,
    html("div", { class: "halves" },
      model.contract.inputs.length ? section("What it accepts", contract(model.contract)) : null,
      few ? null : drawings[0]),
    few ? null : drawings[1],
    model.annotated.length ? section("The source, with its shapes",
      ...model.annotated.map((file) => annotated(file, view, lineMarks(mine)))) : null,
    model.skipped.length ? skipped(model) : null);
}

function section(title, ...content) {
  return html("section", {}, html("h2", {}, title), content);
}

/**
 * The graph and the table, each in a pane of its own, so that both are in sight at once; `beside`
 * is what there is room for below a short table.
 */
function bench(model, parts, view, beside) {
  if (!parts.graph && !parts.table) return null;
  const title = parts.graph && parts.table ? "Graph and layers" : parts.graph ? "Graph" : "Layers";
  const tools = html("div", { class: "tools" }, parts.graph ? parts.graph.folding : null, sizeSwitch(model, view));
  const undrawn = parts.graph ? null : html("p", { class: "quiet" },
    "The graph and the border influence were not recorded in this run: ",
    html("code", {}, "modellint --format html"), " records them, in Python ",
    html("code", {}, "lint_paths(..., pictures=True)"), ".");
  return html("section", { class: "bench" },
    html("div", { class: "bar" }, html("h2", {}, title), tools),
    html("div", { class: parts.graph && parts.table ? "panes" : "pane-alone" },
      parts.graph ? parts.graph.element : null, parts.table ? parts.table.element : null,
      parts.graph ? html("div", { class: "under" }, parts.graph.told, parts.graph.legend) : null,
      beside.length ? html("div", { class: "beside" }, beside) : null),
    undrawn);
}

/** Scroll the page by as little as shows all of an element, or its upper end. */
function inSight(element) {
  const { top, bottom, height } = element.getBoundingClientRect();
  const bar = document.querySelector(".top").offsetHeight;
  if (top >= bar && bottom <= innerHeight) return;
  scrollBy(0, top < bar || height > innerHeight - bar ? top - bar : bottom - innerHeight);
}

function sizeSwitch(model, view) {
  const symbolic = model.layers.some((layer) => /[A-Za-z]/.test(layer[2].replace(/\bN\b/g, "")));
  if (!symbolic) return null;
  const choices = [["concrete", false], ["symbolic", true]].map(([name, value]) => html("button",
    { type: "button", "aria-pressed": String(!value), click: ({ currentTarget }) => {
      if (view.symbolic === value) return;
      view.symbolic = value;
      for (const one of choices) one.setAttribute("aria-pressed", String(one === currentTarget));
      for (const tell of view.changed) tell();
    } }, name));
  return html("div", { class: "switch", role: "group", "aria-label": "Sizes" },
    html("span", { class: "quiet" }, "sizes"), choices);
}

/** The severity that was found at each layer. */
function layerMarks(model, mine) {
  const found = new Map();
  for (const one of mine) {
    for (const key of one.layers) found.set(key, worst([one.severity, found.get(key)]));
  }
  return model.layers.map((layer) => found.get(layer[0]) || null);
}

function lineMarks(mine) {
  const found = new Map();
  for (const one of mine) {
    const line = one.place.replace(/:\d+$/, "");
    found.set(line, worst([one.severity, found.get(line)]));
  }
  return found;
}

function heading(model, mine) {
  const severities = mine.map((finding) => finding.severity);
  const counts = GRAVEST.map((name) => [name, severities.filter((one) => one === name).length])
    .filter(([, number]) => number);
  const at = model.at ? ` at ${model.at}` : "";
  const figures = [
    ...counts.map(([name, number]) => fact(plural(number, name).replace(/^\S+ /, ""), count(number), null, name)),
    model.parameters === null ? null : fact("parameters", short(model.parameters),
      `${count(model.parameters)}${model.weight ? `, ${mega(model.weight)} MB of` : ""}`),
    model.macs === null ? null : fact(`MACs per sample${at}${model.stopped === null ? "" : `, before ${model.stopped}`}`,
      short(model.macs), count(model.macs)),
    model.training ? fact("training memory", ...model.training) : null,
    model.memory ? fact("activations", `${mega(model.memory)} MB`) : null,
    model.layers.length ? fact("layers", count(model.layers.length)) : null,
  ];
  const silent = !counts.length && model.status === "analysed";
  return html("header", { class: "heading" },
    html("h1", {}, model.name),
    html("p", { class: "quiet" }, html("code", {}, model.place),
      model.class !== model.name ? ` \u00b7 class ${model.class}` : "",
      silent ? " \u00b7 no findings" : ""),
    model.status === "analysed" ? null : html("p", { class: `status ${model.status}` },
      html("b", {}, model.words), model.reason ? [": ", ...inline(model.reason)] : ""),
    html("dl", { class: "facts" }, figures));
}

function fact(name, value, exact, mark) {
  return html("div", { title: exact ? `${exact} ${name}` : null, class: mark || null },
    html("dt", {}, mark ? sign(mark) : null, name), html("dd", {}, value));
}

function contract({ inputs, clauses, confirmed }) {
  return html("div", { class: "contract" },
    html("ul", {}, inputs.map((given) => html("li", {},
      html("code", {}, html("b", {}, given.name), " ", given.shape), ` ${given.dtype}`,
      html("span", { class: "quiet" }, `tried as ${given.example}: ${given.source}`)))),
    clauses.length ? html("ul", { class: "clauses" }, clauses.map(([text, formula]) =>
      html("li", { class: formula ? "quiet" : null }, formula ? html("code", {}, text) : text))) : null,
    clauses.length ? html("p", { class: "quiet" }, confirmed ? "Confirmed by running the model at other sizes."
      : ["Worked out, not tried at other sizes: ", html("code", {}, "--contract"), " does that."]) : null);
}

function skipped(model) {
  const entries = model.skipped.map(([rule, layer, reason]) => html("li", {},
    html("code", {}, layer), ` ${rule}: ${reason}`));
  return html("details", {},
    html("summary", {}, `${plural(model.skipped.length, "check")} could not be made`),
    html("ul", { class: "quiet" }, entries));
}
