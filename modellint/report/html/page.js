// The page: its head, the tab of the whole report, and the tabs of the models.

/** A model's name, and its path where others have that name too. */
function labels(models) {
  const times = new Map();
  for (const { name } of models) times.set(name, (times.get(name) || 0) + 1);
  return models.map(({ name, path }) => (times.get(name) > 1 ? `${name} \u00b7 ${path}` : name));
}

function page() {
  const theme = themeButton();
  const report = data("overview");
  const all = data("findings");
  const names = labels(report.models);
  const show = (at) => { made.show(at + 1, true); scrollTo(0, 0); };
  const about = (rule) => aboutRule(report, rule);
  const entries = report.models.map((model, at) => ({
    id: `${model.path}::${model.name}`,
    label: names[at],
    mark: model.status === "failed" ? "error" : worst(Object.keys(model.findings)),
    open: () => modelTab(data(`model-${at}`), { findings: all, show, about }),
  }));
  const first = { id: "report", label: "Report", mark: null, open: () => reportTab(report, all, show) };
  // One model and nothing told but of it: it is what one came for.
  const only = entries.length === 1 && report.models[0].layers && !report.comparison
    && all.every((one) => one.models.length === 1 && one.models[0][1] === 0);
  const made = tabs([first, ...entries], only ? 1 : 0);
  document.getElementById("page").append(
    html("div", { class: "top" }, html("span", { class: "brand" }, "modellint"), made.list, theme),
    made.panels);
  made.start();
}

page();
