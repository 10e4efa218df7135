// The tab of one model.

function modelTab(model) {
  const parts = { graph: null, table: null };
  /** A layer was chosen somewhere: show it in the picture, and in the table. */
  const choose = (at) => {
    if (parts.graph) parts.graph.reveal(at);
    if (parts.table) parts.table.reveal(at);
  };
  const keys = new Map(model.layers.map((layer, at) => [layer[0], at]));
  choose.place = (key) => (keys.has(key) ? keys.get(key) : -1);
  if (model.block) parts.graph = graph(model, (at) => parts.table && parts.table.reveal(at));
  if (model.layers.length) parts.table = layerTable(model, choose);

  const right = [
    model.findings.length ? section("Findings", findings(model.findings, choose)) : null,
    model.accepts ? section("What it accepts", contract(model)) : null,
    model.borders.length ? section("How much the border counts", ...model.borders.map(borders)) : null,
    model.layers.length ? section("Along the depth", depth(model)) : null,
  ];
  const undrawn = model.layers.length && !model.block
    ? html("p", { class: "quiet" }, "The graph and the border influence were not recorded in this run: ",
      html("code", {}, "modellint --format html"), " records them, in Python ",
      html("code", {}, "lint_paths(..., pictures=True)"), ".") : null;
  return html("div", { class: "model" },
    heading(model),
    html("div", { class: parts.graph ? "halves" : "" },
      parts.graph ? section("The graph", parts.graph.element) : null,
      html("div", {}, right, undrawn)),
    model.annotated.length ? section("The source, with its shapes", ...model.annotated.map(annotated)) : null,
    parts.table ? section("Layers", parts.table.element) : null,
    model.skipped.length ? skipped(model) : null);
}

function section(title, ...content) {
  return html("section", {}, html("h2", {}, title), content);
}

function heading(model) {
  const severities = model.findings.map((finding) => finding.severity);
  const counts = GRAVEST.map((name) => [name, severities.filter((one) => one === name).length])
    .filter(([, number]) => number);
  const figures = [
    model.parameters === null ? null : fact("Parameters", short(model.parameters), count(model.parameters)),
    model.macs === null ? null : fact(model.stopped === null ? "MACs" : `MACs before ${model.stopped}`, short(model.macs), count(model.macs)),
    model.training ? fact("Training memory", ...model.training) : null,
    model.layers.length ? fact("Layers", count(model.layers.length)) : null,
    ...counts.map(([name, number]) => fact(plural(number, name).replace(/^\S+ /, ""), count(number), null, name)),
  ];
  const silent = !counts.length && model.status === "analysed";
  return html("header", { class: "heading" },
    html("h1", {}, model.name),
    html("p", { class: "quiet" }, model.place,
      model.class !== model.name ? ` \u00b7 class ${model.class}` : "",
      silent ? " \u00b7 no findings" : ""),
    model.status === "analysed" ? null : html("p", { class: `status ${model.status}` },
      html("b", {}, model.words), model.reason ? `: ${model.reason}` : ""),
    html("dl", { class: "facts" }, figures));
}

function fact(name, value, exact, mark) {
  return html("div", { title: exact || null, class: mark || null },
    html("dt", {}, mark ? sign(mark) : null, name), html("dd", {}, value));
}

function contract(model) {
  const inputs = model.inputs.map((given) => html("li", {},
    html("code", {}, given.name), " ", html("code", {}, given.shape), ` ${given.dtype}, tried as ${given.example}; `,
    given.guessed ? html("b", {}, given.source) : given.source));
  return html("div", { class: "contract" },
    html("p", { class: "accepts" }, model.accepts),
    html("ul", { class: "quiet" }, inputs));
}

function skipped(model) {
  const entries = model.skipped.map(([rule, layer, reason]) => html("li", {},
    html("code", {}, layer), ` ${rule}: ${reason}`));
  return html("details", {},
    html("summary", {}, `${plural(model.skipped.length, "check")} could not be made`),
    html("ul", { class: "quiet" }, entries));
}
