// Findings, worst first: a line each, which opens to the source that it concerns and what helps.

/** More of them than this are filtered: by severity, by rule, by what their text has. */
const FEW_FINDINGS = 8;
/** So many lines are shown at first. */
const MOST_FINDINGS = 60;

/**
 * The list. `all` are findings of the page; `model` is the tab's model, or null on the first tab.
 * `doing` are {choose, show, about}: choose a layer, show a model, tell about a rule.
 */
function findings(all, model, doing) {
  const columns = [
    { name: "severity", class: "grave", keep: true, value: (one) => GRAVEST.indexOf(one.severity),
      cell: (one) => severity(one.severity) },
    { name: "finding", class: "fact", keep: true, opens: true, value: (one) => one.fact,
      cell: (one) => [html("code", { class: "rule" }, one.rule), " ", kept(one.fact), likewise(one)] },
    { name: "where", class: "where", value: (one) => one.place,
      cell: (one) => place(one.place) },
  ];
  if (!model) {
    columns.push({ name: "model", class: "models", value: (one) => one.models.map(([name]) => name).join(", "),
      cell: (one) => modelLinks(one.models, doing) });
  }
  const made = table("Findings", columns, all, { most: MOST_FINDINGS, own: "worst first",
    detail: (one) => spoken(one, model, doing) });
  made.row(0).open(true);
  const filter = all.length > FEW_FINDINGS ? filters(all, made) : null;
  return { element: html("div", { class: "findings" }, filter ? filter.element : null, made.element),
    only: filter ? filter.only : () => {} };
}

function likewise(one) {
  return one.count > 1 ? html("span", { class: "quiet" }, ` and ${plural(one.count - 1, "layer")} like it`) : null;
}

/** The models of a finding, each a way to its tab; of many the first. */
function modelLinks(models, doing) {
  const first = models.slice(0, 2).map(([name, at]) => (at < 0 ? name
    : html("button", { type: "button", class: "link", click: () => doing.show(at) }, name)));
  const rest = models.slice(2).map(([name]) => name).join(", ");
  return [...first.flatMap((one, at) => (at ? [", ", one] : [one])),
    rest ? html("span", { class: "quiet", title: rest }, ` and ${models.length - 2} more`) : null];
}

function filters(all, made) {
  const off = new Set();
  const state = html("output", { class: "quiet" });
  const there = GRAVEST.filter((name) => all.some((one) => one.severity === name));
  const chips = there.map((name) => html("button", { type: "button", class: `chip ${name}`, "aria-pressed": "true",
    click: ({ currentTarget }) => {
      if (off.has(name)) off.delete(name);
      else off.add(name);
      currentTarget.setAttribute("aria-pressed", String(!off.has(name)));
      apply();
    } }, severity(name, plural(all.filter((one) => one.severity === name).length, name))));
  const names = [...new Set(all.map((one) => one.rule))].sort();
  const rule = html("select", { "aria-label": "Rule", change: () => apply() },
    html("option", { value: "" }, "all rules"), names.map((name) => html("option", { value: name }, name)));
  const text = html("input", { type: "search", placeholder: "Filter by text", "aria-label": "Filter by text",
    spellcheck: "false", input: () => apply() });
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = (one) => !off.has(one.severity) && (!rule.value || one.rule === rule.value)
      && words.every((word) => told(one).includes(word));
    made.filter(kept);
    const left = all.filter(kept);
    state.textContent = left.length === all.length ? "" : `${count(left.length)} of ${count(all.length)}`;
  };
  return { element: html("div", { class: "filters", role: "search" }, chips, rule, text, state),
    /** Show the findings of a rule in a file, and no others. */
    only: (name, path) => {
      off.clear();
      for (const chip of chips) chip.setAttribute("aria-pressed", "true");
      rule.value = name;
      text.value = path;
      apply();
    } };
}

/** All that is said of a finding, to be searched. */
function told(one) {
  return [one.severity, one.rule, one.fact, ...one.more, one.help || "", one.place, ...one.layers,
    ...one.models.map(([name]) => name)].join(" ").toLowerCase();
}

/** A text whose units stay on the line of their numbers. */
function kept(text) {
  return text.replace(/(\d) (%|px|k|M)(?!\w)/g, "$1\u00a0$2");
}

/** What opens: the source beside what is said of it. */
function spoken(one, model, doing) {
  const layers = one.layers.slice(0, 6).map((key) => {
    const way = model ? doing.choose.way(key) : null;
    return way ? html("button", { type: "button", class: "link", click: way }, html("code", {}, key))
      : html("code", {}, key);
  });
  const rest = one.layers.length - layers.length;
  const related = one.related.map(([where, message]) => html("p", { class: "quiet" },
    `${message}: `, place(where)));
  return html("article", {},
    html("div", { class: "source" },
      one.source.length ? html("div", { class: `lines ${one.severity}` }, one.source.map(sourceLine)) : null,
      one.fix && one.fix.diff.length ? fix(one.fix) : null),
    html("div", { class: "said" },
      one.more.length ? html("ul", {}, one.more.map((fact) => html("li", {}, kept(fact)))) : null,
      one.help ? html("p", {}, html("b", {}, "help"), ` ${kept(one.help)}`) : null,
      one.fix && !one.fix.diff.length ? html("p", {}, html("b", {}, "fix"), ` ${one.fix.message}`) : null,
      related,
      layers.length ? html("p", { class: "quiet" }, model ? "in the graph: " : "layers: ",
        layers.flatMap((layer, at) => (at ? [", ", layer] : [layer])), rest > 0 ? ` and ${rest} more` : null) : null,
      doing.about(one.rule)));
}

function sourceLine([number, before, inside, after]) {
  return html("div", { class: inside ? "row hit" : "row" },
    html("span", { class: "number", "aria-hidden": "true" }, number),
    html("code", {}, before, inside ? html("mark", {}, inside) : null, after));
}

/** What would mend a finding: the lines that it changes. */
function fix(one) {
  return html("div", { class: "fix" },
    html("p", {}, html("b", {}, "fix"), ` ${one.message}`, one.safe ? null : " (unsafe: the model computes something else)"),
    html("div", { class: "lines" }, one.diff.map((line) => html("div", { class: "row" },
      html(line[0] === "+" ? "ins" : "del", {}, line)))));
}
