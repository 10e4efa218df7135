// The source of a model's files, with the shape behind each line that makes a tensor.

/** `marks` has the severity that was found at a line, by file and number. */
function annotated(file, view, marks) {
  const lines = html("div", { class: "lines annotated", role: "region", "aria-label": `${file.path} with the shapes of its lines` });
  const lay = () => lines.replaceChildren(...file.rows.flatMap(([number, text, numbers, formulas, ran, reason]) => {
    const found = marks.get(`${file.path}:${number}`);
    const note = view.symbolic ? formulas : numbers;
    const row = html("div", { class: ran ? "row ran" : "row unrun" },
        html("span", { class: "number" }, found ? [sign(found), html("span", { class: "unseen" }, found)] : null,
          html("span", { "aria-hidden": "true" }, number || "")),
        html("code", {}, text ? breaking(text) : "\u200b"),
        note ? html("span", { class: "note", title: view.symbolic ? numbers : formulas }, note) : null);
    // What wraps is set in further than the line that it belongs to.
    row.style.setProperty("--indent", `${text.length - text.trimStart().length}ch`);
    return [row,
      reason === null ? null : html("p", { class: "stop" },
        severity("error", number ? "stops here" : "the forward stops"), ` ${reason}`),
    ];
  }).filter(Boolean));
  lay();
  view.changed.push(lay);
  return html("div", { class: "file" }, html("div", { class: "place" }, file.path), lines);
}
