// The page: its head, the tab of the whole report, and the tabs of the models.

function overviewTab(report, show) {
  const { models } = report;
  const columns = [
    { name: "model", value: (model) => model.name, cell: (model, at) => html("button",
      { type: "button", class: "link", click: () => show(at) }, model.name) },
    { name: "where", value: (model) => model.place, cell: (model) => html("code", {}, model.place) },
    { name: "status", value: (model) => model.words, cell: (model) => model.words },
    { name: "layers", right: true, value: (model) => model.layers || null, cell: (model) => (model.layers ? count(model.layers) : null) },
    { name: "parameters", right: true, value: (model) => model.parameters, cell: (model) => count(model.parameters) },
    { name: "MACs", right: true, value: (model) => model.macs, cell: (model) => count(model.macs) },
    { name: "findings", right: true, value: (model) => graveness(model),
      cell: (model) => GRAVEST.filter((name) => model.findings[name])
        .map((name) => severity(name, plural(model.findings[name], name))) },
  ];
  return html("div", { class: "overview" },
    html("header", { class: "heading" }, html("h1", {}, report.summary)),
    comparison(report.comparison),
    report.troubles.length ? section("Not analysed in full", troubled(report.troubles)) : null,
    models.length ? section("Models", table("Models", columns, models).element) : null,
    report.findings.length ? section("Findings of no single model", findings(report.findings, null)) : null,
    report.rules.length ? section("Rules", html("ul", { class: "rules" }, report.rules.map(([rule, times, summary]) =>
      html("li", {}, html("b", {}, count(times)), html("code", {}, rule), html("span", { class: "quiet" }, summary))))) : null,
    report.notes.length ? html("details", {}, html("summary", {}, plural(report.notes.length, "note")),
      html("ul", { class: "quiet" }, report.notes.map(([place, message]) =>
        html("li", {}, html("code", {}, place), ` ${message}`)))) : null,
    html("footer", { class: "quiet" }, `modellint ${report.version}`, report.torch ? `, torch ${report.torch}` : ""));
}

function troubled(troubles) {
  return html("ul", { class: "troubles" }, troubles.map((one) => html("li", {},
    severity(one.severity, one.kind), html("code", {}, one.place), html("span", {}, one.message))));
}

/** Findings as a number to sort by: one error outweighs all warnings. */
function graveness(model) {
  return GRAVEST.reduce((sum, name) => sum * 1000 + (model.findings[name] || 0), 0);
}

/** A model's name, and its path where others have that name too. */
function labels(models) {
  const times = new Map();
  for (const { name } of models) times.set(name, (times.get(name) || 0) + 1);
  return models.map(({ name, path }) => (times.get(name) > 1 ? `${name} \u00b7 ${path}` : name));
}

function themeButton() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const button = html("button", { type: "button", class: "theme", click: () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  } });
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  dark.addEventListener("change", name);
  name();
  return button;
}

function page() {
  const report = data("overview");
  const names = labels(report.models);
  const entries = report.models.map((model, at) => ({
    id: `${model.path}::${model.name}`,
    label: names[at],
    mark: model.status === "failed" ? "error" : worst(Object.keys(model.findings)),
    open: () => modelTab(data(`model-${at}`)),
  }));
  const all = { id: "report", label: "Report", mark: null,
    open: () => overviewTab(report, (at) => { made.show(at + 1, true); scrollTo(0, 0); }) };
  // One model and nothing else to tell: it is what one came for.
  const only = entries.length === 1 && !report.findings.length && !report.comparison && report.models[0].layers;
  const made = tabs([all, ...entries], only ? 1 : 0);
  document.getElementById("page").append(
    html("div", { class: "top" }, html("span", { class: "brand" }, "modellint"), made.list, themeButton()),
    made.panels);
  made.start();
}

page();
