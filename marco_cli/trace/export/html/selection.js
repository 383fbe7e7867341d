// The chosen node: choosing another one, going from it to its neighbours, folding and unfolding around it.
const selection = (() => {
  const { nodes, children, isBest } = search;
  const { x, y } = layout;

  function choose(node, isCentred = false) {
    const isHidden = layout.uncover(node);
    if (isHidden) drawing.renew();
    drawing.mark(node);
    if (isCentred || isHidden) camera.centre(node);
    else camera.reveal(node);
    details.describe(node);
  }

  // As the page begins: the end of the given reply is chosen, and the camera stays.
  function open() {
    const node = search.best[search.best.length - 1] ?? 0;
    drawing.mark(node);
    details.describe(node);
  }

  // Fold or unfold, and leave `node` where it is on the screen.
  function refold(node, change) {
    const before = [x[node], y[node]];
    change();
    drawing.renew();
    camera.shift((before[0] - x[node]) * camera.at.scale, (before[1] - y[node]) * camera.at.scale);
  }

  function toggle(node) {
    if (children[node].length) refold(node, () => layout.toggle(node));
  }

  function unfold() {
    refold(drawing.chosen, layout.unfoldAll);
  }

  function fold() {
    refold(0, layout.foldAllButBest);
    if (!layout.rowOf(drawing.chosen)?.includes(drawing.chosen)) choose(0);
  }

  function best() {
    camera.enlarge();
    choose(search.best[search.best.length - 1], true);
  }

  function up() {
    choose(Math.max(0, nodes.parent[drawing.chosen]));
  }

  function down() {
    const node = drawing.chosen;
    if (layout.isFolded[node]) toggle(node);
    const kids = children[node];
    if (kids.length) choose(kids.find((kid) => isBest[kid]) ?? kids[0]);
  }

  function beside(by) {
    const row = layout.rowOf(drawing.chosen);
    choose(row[row.indexOf(drawing.chosen) + by] ?? drawing.chosen);
  }

  return { open, choose, toggle, unfold, fold, best, up, down, beside };
})();
