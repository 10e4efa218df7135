// What became of the models since another revision: on the tab of the whole report.

const MARKS = { "+": "added", "-": "removed", "~": "changed", "=": "renamed" };

function comparison(found) {
  if (!found) return null;
  return section(`Compared: ${found.summary}`,
    ...found.models.map(comparedModel),
    found.gone.length ? html("ul", { class: "gone" }, found.gone.map(([level, rule, where, message]) =>
      html("li", {}, severity(level, `gone: ${rule}`), " ", message, " ", place(where)))) : null,
    found.notes.length ? html("ul", { class: "quiet" }, found.notes.map(([where, message]) =>
      html("li", {}, place(where), ` ${message}`))) : null);
}

function comparedModel(model) {
  const cells = (texts) => texts.map((text) => html("td", {}, text));
  return html("details", { class: "compared", open: true }, html("summary", {}, model.headline),
    model.facts.length ? html("table", { class: "sides" }, html("tbody", {}, model.facts.map(([name, before, after, by]) =>
      html("tr", {}, html("th", { scope: "row" }, name), ...cells([before, after, by]))))) : null,
    model.checkpoint ? html("p", { class: model.loads ? "quiet" : "breaks" }, model.checkpoint) : null,
    model.layers.length ? html("table", { class: "changes" }, html("tbody", {}, model.layers.map(([mark, key, type, text]) =>
      html("tr", { class: MARKS[mark] }, html("td", { title: MARKS[mark] }, mark),
        html("td", {}, html("code", {}, breaking(key))), ...cells([type, text]))))) : null);
}
