// Where the parts of a block lie. Rows and connections are given; only sizes depend on what is
// folded. Rows go downwards; a connection that passes a row runs in a lane to the right of it.

// The head of an open block is what folds it: as high as a finger needs where there are fingers.
const GAP = { row: 24, column: 16, lane: 12, side: 12, foot: 12,
  ...(matchMedia("(pointer: coarse)").matches ? { head: 58, label: 44 } : { head: 40, label: 26 }) };
const PORT = -1;

/**
 * The drawing of one block: `{width, height, boxes, lines}`.
 *
 * `sizes` are those of its parts. Boxes are the parts' {x, y, width, height} in the block's own
 * coordinates, lines the paths of its connections as SVG has them.
 */
function arrange(block, sizes) {
  const [, name, , parts, rows, connections] = block;
  const rowOf = new Map(rows.flatMap((row, at) => row.map((part) => [part, at])));
  const heights = rows.map((row) => Math.max(...row.map((part) => sizes[part].height)));
  const tops = [];
  // The whole of a model has neither a name nor an edge.
  let y = name ? GAP.head : GAP.foot;
  for (const height of heights) {
    tops.push(y);
    y += height + GAP.row;
  }
  const bottom = y - GAP.row;
  const centers = columns(rows, connections, sizes, rowOf);
  const boxes = parts.map((_, part) => {
    const row = rowOf.get(part);
    return { x: centers[part] - sizes[part].width / 2, y: tops[row], ...sizes[part] };
  });
  const left = Math.min(...boxes.map((box) => box.x));
  const right = rows.map((row) => Math.max(...row.map((part) => boxes[part].x + boxes[part].width)));
  // A block's edge is met in the middle of what lies at that edge.
  const ports = { top: middle(rows[0], boxes), bottom: middle(rows[rows.length - 1], boxes) };
  const ends = { boxes, rowOf, tops, heights, bottom, ports };
  const { lanes, edge } = laid(connections, rows.length, rowOf, right);
  const lines = connections.map(([from, to], at) => path(from, to, lanes.get(at), ends));
  // A name takes room too.
  const width = Math.max(edge - left, name.length * 7 + 24);
  const shift = GAP.side - left;
  for (const box of boxes) box.x += shift;
  return {
    width: width + 2 * GAP.side,
    height: bottom + GAP.foot,
    boxes,
    lines: lines.map((points) => drawn(points, shift)),
  };
}

function middle(row, boxes) {
  const first = boxes[row[0]];
  const last = boxes[row[row.length - 1]];
  return (first.x + last.x + last.width) / 2;
}

/** The middle of each part: below what it reads as far as its neighbours in the row allow. */
function columns(rows, connections, sizes, rowOf) {
  const centers = [];
  for (const [at, row] of rows.entries()) {
    const wished = row.map((part) => {
      const above = connections.filter(([from, to]) => to === part && from !== PORT
        && rowOf.get(from) === at - 1);
      if (!above.length) return null;
      return above.reduce((sum, [from]) => sum + centers[from], 0) / above.length;
    });
    const total = row.reduce((sum, part) => sum + sizes[part].width + GAP.column, -GAP.column);
    let x = -total / 2;
    const even = row.map((part) => {
      const center = x + sizes[part].width / 2;
      x += sizes[part].width + GAP.column;
      return center;
    });
    const hopes = wished.map((wish, place) => (wish === null ? even[place] : wish));
    let least = -Infinity;
    const placed = row.map((part, place) => {
      const half = sizes[part].width / 2;
      const center = Math.max(hopes[place], least + half);
      least = center + half + GAP.column;
      return center;
    });
    // Pushing went to the right only; together they go back by what they were pushed on average.
    const pushed = placed.reduce((sum, center, place) => sum + center - hopes[place], 0) / row.length;
    row.forEach((part, place) => { centers[part] = placed[place] - pushed; });
  }
  return centers;
}

/** A lane for each source whose connections pass rows; short ones lie further inside. */
function laid(connections, rowCount, rowOf, right) {
  const spans = new Map();
  connections.forEach(([from, to], at) => {
    const start = from === PORT ? -1 : rowOf.get(from);
    const end = to === PORT ? rowCount : rowOf.get(to);
    if (end - start <= 1) return;
    // All that reads one source shares its lane.
    const span = spans.get(from) || { start, end, members: [] };
    span.end = Math.max(span.end, end);
    span.members.push(at);
    spans.set(from, span);
  });
  const reach = [...right];
  const lanes = new Map();
  const ordered = [...spans.values()].sort((a, b) => a.end - a.start - (b.end - b.start));
  for (const span of ordered) {
    let x = -Infinity;
    for (let row = span.start + 1; row < span.end; row += 1) x = Math.max(x, reach[row]);
    x += GAP.lane;
    for (let row = span.start + 1; row < span.end; row += 1) reach[row] = x;
    for (const at of span.members) lanes.set(at, x);
  }
  return { lanes, edge: Math.max(...reach) };
}

/** The points of a connection: down from its source, perhaps along a lane, down to its reader. */
function path(from, to, lane, { boxes, rowOf, tops, heights, bottom, ports }) {
  const last = tops.length - 1;
  const start = from === PORT
    ? { x: ports.top, y: GAP.label, leave: GAP.label }
    : { x: boxes[from].x + boxes[from].width / 2, y: boxes[from].y + boxes[from].height,
        leave: tops[rowOf.get(from)] + heights[rowOf.get(from)] };
  const end = to === PORT
    ? { x: ports.bottom, y: bottom + GAP.foot, arrive: bottom, row: last + 1 }
    : { x: boxes[to].x + boxes[to].width / 2, y: boxes[to].y, arrive: tops[rowOf.get(to)],
        row: rowOf.get(to) };
  const points = [["M", start.x, start.y]];
  if (from !== PORT && start.leave > start.y) points.push(["L", start.x, start.leave]);
  const { leave } = start;
  if (lane === undefined) {
    points.push(["S", start.x, leave, end.x, end.y]);
    return points;
  }
  const into = end.row > last ? bottom : end.arrive - GAP.row;
  points.push(["S", start.x, leave, lane, leave + GAP.row]);
  if (into > leave + GAP.row) points.push(["L", lane, into]);
  points.push(["S", lane, into, end.x, end.y]);
  return points;
}

/** Points as the text of a path; `S` is a bend that leaves and arrives downwards. */
function drawn(points, shift) {
  const x = (value) => (value + shift).toFixed(1);
  return points.map(([kind, ...at]) => {
    if (kind !== "S") return `${kind}${x(at[0])} ${at[1].toFixed(1)}`;
    const [fromX, fromY, toX, toY] = at;
    const half = ((fromY + toY) / 2).toFixed(1);
    return `C${x(fromX)} ${half} ${x(toX)} ${half} ${x(toX)} ${toY.toFixed(1)}`;
  }).join("");
}
