// Findings beside the source that they concern.

/** The findings of one place of the source stand together beside its lines. */
function findings(found, choose) {
  const places = new Map();
  for (const finding of found) {
    places.set(finding.place, [...(places.get(finding.place) || []), finding]);
  }
  return html("ol", { class: "findings" },
    [...places.values()].map((group) => html("li", {},
      source(group[0]), html("div", { class: "said" }, group.map((finding) => spoken(finding, choose))))));
}

function source(finding) {
  const place = html("div", { class: "place" }, finding.place);
  const lines = finding.source.map(([number, before, inside, after]) => html("div",
    { class: inside ? "row hit" : "row" },
    html("span", { class: "number", "aria-hidden": "true" }, number),
    html("code", {}, before, inside ? html("mark", {}, inside) : null, after)));
  return html("div", { class: "source" }, place,
    lines.length ? html("div", { class: "lines", role: "region", tabindex: "0",
      "aria-label": `Source at line ${finding.line}` }, lines) : null);
}

function spoken(finding, choose) {
  const more = finding.count > 1 ? ` (and ${finding.count - 1} more like it)` : "";
  const layers = finding.layers.slice(0, 6).map((key) => {
    const at = choose ? choose.place(key) : -1;
    return at < 0 ? html("code", {}, key)
      : html("button", { type: "button", class: "link", click: () => choose(at) }, html("code", {}, key));
  });
  const rest = finding.layers.length - layers.length;
  return html("article", {},
    html("h4", {}, severity(finding.severity), html("span", { class: "rule" }, finding.rule)),
    html("p", {}, finding.message, more),
    finding.help ? html("p", { class: "help" }, html("b", {}, "help "), finding.help) : null,
    finding.fix ? fix(finding.fix) : null,
    html("p", { class: "where" }, choose ? null : `${finding.model} `, layers.flatMap((one) => [one, " "]),
      rest > 0 ? `\u2026 ${rest} more` : null,
      finding.related.map(([place, message]) => html("span", { class: "related" },
        `${message}: ${place}`))));
}

/** The source of a model's file, with the shape behind each line that makes a tensor. */
function annotated(file) {
  const lines = file.rows.map(([number, text, note, whole, ran, reason]) => [
    html("div", { class: ran ? "row ran" : "row unrun" },
      html("span", { class: "number", "aria-hidden": "true" }, number || "\u00a0"),
      html("code", {}, text, note ? html("span", { class: "note", title: note === whole ? null : whole }, `  ${note}`) : null)),
    reason === null ? null : html("div", { class: "row" },
      html("span", { class: "number", "aria-hidden": "true" }),
      html("p", { class: "stop" }, severity("error", number ? "stops here" : "the forward stops"), ` ${reason}`)),
  ]).flat();
  return html("div", { class: "source annotated" }, html("div", { class: "place" }, file.path),
    html("div", { class: "lines", role: "region", tabindex: "0",
      "aria-label": `${file.path} with the shapes of its lines` }, lines));
}

/** What would mend a finding: in words, and the lines that it changes. */
function fix(fix) {
  return html("div", { class: "fix" },
    html("p", {}, html("b", {}, "fix "), fix.message, fix.safe ? null : " (unsafe)"),
    fix.diff.length ? html("pre", {}, fix.diff.map((line) =>
      html(line[0] === "+" ? "ins" : "del", {}, `${line}\n`))) : null);
}
