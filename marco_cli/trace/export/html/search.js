// The search that this page shows: what the exporter wrote into the page, and what follows from it about the tree.
// Nodes are numbers; 0 is the root, and children have larger numbers than their parents.
const search = (() => {
  const data = JSON.parse(document.getElementById("trace").textContent);
  const { parent, flags } = data.nodes;
  const size = parent.length;
  const [FORCED, TERMINAL, CLOSED, FALSE] = [1, 2, 4, 8];

  const children = Array.from({ length: size }, () => []);
  for (let node = 1; node < size; node++) children[parent[node]].push(node);
  const below = new Uint32Array(size);
  for (let node = size - 1; node > 0; node--) below[parent[node]] += below[node] + 1;
  const isBest = new Uint8Array(size);
  for (const node of data.best) isBest[node] = 1;
  // The best path in the middle of its siblings, so that it lies below the root and not at an edge.
  for (const kids of children) {
    const at = kids.findIndex((kid) => isBest[kid]);
    if (at >= 0) kids.splice(kids.length >> 1, 0, ...kids.splice(at, 1));
  }

  return {
    ...data,
    size,
    children,
    below,
    isBest,
    isForced: (node) => (flags[node] & FORCED) > 0,
    isTerminal: (node) => (flags[node] & TERMINAL) > 0,
    isClosed: (node) => (flags[node] & CLOSED) > 0,
    isFalse: (node) => (flags[node] & FALSE) > 0, // a reply with a false equation ends there
    colourOf: (node) => data.shades[data.nodes.shade[node]],
    answerOf: (entry) => entry.answer ?? data.nameless, // of a candidate or a vote
  };
})();
