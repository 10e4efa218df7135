// The first tab: findings, models, what is not known of some, and what the rules are about.

/** `all` are the findings of the page; `show` goes to a model, by its place. */
function reportTab(report, all, show) {
  const about = (rule) => aboutRule(report, rule);
  const list = all.length ? findings(all, null, { show, about }) : null;
  const only = (rule, path) => {
    list.only(rule, path);
    list.element.scrollIntoView({ block: "start" });
  };
  return html("div", { class: "overview" },
    html("header", { class: "heading" }, html("h1", {}, report.summary)),
    comparison(report.comparison),
    list ? section(report.comparison ? "New findings" : "Findings", list.element) : null,
    report.troubles.length ? section("Not analysed in full", troubled(report, show)) : null,
    report.models.length ? section("Models", models(report.models, show)) : null,
    report.rules.length ? section("Rules that found something", ruleList(report.rules, all.length > FEW_FINDINGS ? only : null)) : null,
    report.notes.length ? html("details", {}, html("summary", {}, plural(report.notes.length, "note")),
      html("ul", { class: "quiet" }, report.notes.map(([where, message]) =>
        html("li", {}, place(where), ` ${message}`)))) : null,
    html("footer", { class: "quiet" }, `modellint ${report.version}`, report.torch ? `, torch ${report.torch}` : ""));
}

function models(all, show) {
  const columns = [
    { name: "model", class: "name", keep: true, value: (model) => model.name, cell: (model, at) => html("button",
      { type: "button", class: "link", click: (event) => { event.stopPropagation(); show(at); } }, model.name) },
    { name: "where", value: (model) => model.place, cell: (model) => place(model.place) },
    { name: "status", value: (model) => (model.status === "analysed" ? "" : model.words),
      cell: (model) => (model.status === "analysed" ? null : html("span", { class: "whole" }, model.words)) },
    { name: "layers", unit: " layers", right: true, value: (model) => model.layers || null,
      cell: (model) => (model.layers ? count(model.layers) : null) },
    { name: "parameters", unit: " parameters", right: true, value: (model) => model.parameters,
      cell: (model) => exactly(model.parameters) },
    { name: "MACs", unit: " MACs", right: true, title: "Multiply-accumulates of one sample", value: (model) => model.macs,
      cell: (model) => exactly(model.macs) },
    { name: "at", class: "at", title: "The sizes that MACs are of", value: (model) => model.at, cell: (model) => (model.at ? html("span", { class: "whole" }, model.at) : null) },
    { name: "findings", right: true, value: (model) => graveness(model),
      cell: (model) => GRAVEST.filter((name) => model.findings[name])
        .map((name) => severity(name, plural(model.findings[name], name))) },
  ];
  return table("Models", columns, all, { pick: show, own: "in the order of their files" }).element;
}

function exactly(number) {
  return number === null ? null : html("span", { title: count(number) }, short(number));
}

function troubled(report, show) {
  return html("ul", { class: "troubles" }, report.troubles.map((one) => html("li", {},
    severity(one.severity, one.words),
    html("button", { type: "button", class: "link", click: () => show(one.model) }, report.models[one.model].name),
    html("span", {}, inline(one.message)),
    html("span", { class: "quiet" }, place(one.place)))));
}

/** Findings as a number to sort by: one error outweighs all warnings. */
function graveness(model) {
  return GRAVEST.reduce((sum, name) => sum * 1000 + (model.findings[name] || 0), 0) || null;
}

/** Each rule: how often and in which files it found something, and what it is about. */
function ruleList(rules, only) {
  return html("div", { class: "rules" }, rules.map((rule) => html("details", { class: "about", id: `rule-${rule.name}` },
    html("summary", {}, severity(rule.severity, count(rule.count)), html("b", {}, rule.name),
      html("span", { class: "quiet" }, rule.summary)),
    html("div", { class: "page" },
      html("div", { class: "text" }, prose(rule.text)),
      html("div", {}, html("h3", {}, plural(rule.files.length, "file")), html("ul", {}, rule.files.map(([path, times]) => html("li", {},
        html("span", { class: "times" }, count(times)),
        only ? html("button", { type: "button", class: "link", click: () => only(rule.name, path) }, place(path))
          : place(path)))))))));
}

/** What a rule is about, below a finding: its first sentence, the rest on demand. */
function aboutRule(report, name) {
  const rule = report.rules.find((one) => one.name === name);
  if (!rule || !rule.text.length) return null;
  const page = html("details", { class: "about" }, html("summary", {}, rule.summary || `about ${name}`));
  page.addEventListener("toggle", () => {
    if (page.open && page.children.length === 1) page.append(html("div", { class: "text" }, prose(rule.text.slice(1))));
  });
  return rule.text.length > 1 ? page : html("p", { class: "quiet" }, rule.summary);
}

/** The paragraphs of a rule's page. */
function prose(paragraphs) {
  return paragraphs.map((one) => (typeof one === "string" ? html("p", {}, inline(one))
    : html("pre", {}, one.join("\n"))));
}

/** A text whose marks of emphasis and of code are shown as what they mean. */
function inline(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/).map((part) => {
    if (/^\*\*.+\*\*$/.test(part)) return html("b", {}, part.slice(2, -2));
    if (/^`.+`$/.test(part)) return html("code", {}, part.slice(1, -1));
    const link = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(part);
    return link ? link[1] : part;
  });
}
