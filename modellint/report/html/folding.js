// Which blocks of a graph are unfolded.

/** So many parts are shown at first at most: whole levels of blocks are unfolded up to that. */
const VISIBLE = 60;
/** Above this a whole level is not unfolded by one button: the browser would be busy for long. */
const LARGEST = 1200;

/** The blocks level by level, the whole model left out. */
function byLevel(root) {
  const levels = [];
  let blocks = root[3].filter((part) => typeof part !== "number");
  while (blocks.length) {
    levels.push(blocks);
    blocks = blocks.flatMap((block) => block[3].filter((part) => typeof part !== "number"));
  }
  return levels;
}

/** Whole levels from the outside in, as long as what is then shown can be taken in. */
function unfolded(root) {
  const open = new Set();
  let shown = root[3].length;
  for (const blocks of byLevel(root)) {
    shown += blocks.reduce((sum, block) => sum + block[3].length, 0);
    if (shown > VISIBLE) break;
    for (const block of blocks) open.add(block);
  }
  return open;
}

/** The blocks around a step, the outermost first. */
function around(block, at) {
  const inside = block[3].find((part) => typeof part !== "number" && holds(part, at));
  return inside ? [inside, ...around(inside, at)] : [];
}

function holds(part, at) {
  return typeof part === "number" ? part === at : part[3].some((one) => holds(one, at));
}
