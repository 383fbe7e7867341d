// Where the nodes stand that are not folded away: leaves side by side, parents above the middle of their children.
// Lengths are pixels at scale 1. Knows nothing of the screen.
const layout = (() => {
  const { size, children, isBest } = search;
  const BOX = { width: 184, height: 66 };
  const STEP = { x: BOX.width + 18, y: BOX.height + 34 };

  const x = new Float64Array(size);
  const y = new Float64Array(size);
  const isFolded = new Uint8Array(size);
  let rows = []; // nodes by depth, each row sorted by x
  let extent = { width: 0, height: 0 };
  let numShown = 0;

  const shown = (node) => (isFolded[node] ? [] : children[node]);
  const rowOf = (node) => rows[Math.round(y[node] / STEP.y)];

  function place() {
    rows = [];
    numShown = 0;
    let leaves = 0;
    const open = [[0, 0, false]];
    while (open.length) {
      const [node, depth, isDone] = open.pop();
      const kids = shown(node);
      if (kids.length && !isDone) {
        open.push([node, depth, true]);
        for (let at = kids.length - 1; at >= 0; at--) open.push([kids[at], depth + 1, false]);
        continue;
      }
      x[node] = kids.length ? (x[kids[0]] + x[kids[kids.length - 1]]) / 2 : leaves++ * STEP.x;
      y[node] = depth * STEP.y;
      (rows[depth] ||= []).push(node); // from left to right, because subtrees are placed from left to right
      numShown++;
    }
    extent = { width: Math.max(1, leaves) * STEP.x - (STEP.x - BOX.width), height: rows.length * STEP.y - (STEP.y - BOX.height) };
  }

  function toggle(node) {
    isFolded[node] = isFolded[node] ? 0 : 1;
  }

  function unfoldAll() {
    isFolded.fill(0);
  }

  function foldAllButBest() {
    for (let node = 0; node < size; node++) isFolded[node] = children[node].length && !isBest[node] ? 1 : 0;
  }

  // Unfold all above a node; say whether it was out of sight.
  function uncover(node) {
    let isHidden = false;
    for (let above = search.nodes.parent[node]; above >= 0; above = search.nodes.parent[above]) {
      isHidden ||= isFolded[above] === 1;
      isFolded[above] = 0;
    }
    return isHidden;
  }

  foldAllButBest(); // a page opens with the path of the reply that was given, and what stands beside it
  return {
    BOX, STEP, x, y, isFolded, shown, rowOf, place, toggle, unfoldAll, foldAllButBest, uncover,
    get rows() { return rows; },
    get extent() { return extent; },
    get numShown() { return numShown; },
  };
})();
