// The tree on the screen, only as much of it as is in sight: lines on a canvas, nodes as elements whose texts can be read, or as
// plain rectangles on the canvas where they could not. Draws at most once a frame, whenever the camera moves.
const drawing = (() => {
  const { nodes, children, isBest, colourOf } = search;
  const { BOX, STEP, x, y, shown } = layout;
  const BOXES_FROM = 0.5; // below this scale text cannot be read
  const view = document.querySelector(".view");
  const canvas = document.querySelector("canvas");
  const plane = document.querySelector(".plane");
  const ink = canvas.getContext("2d");

  const made = new Map(); // the elements in sight, by node
  const spare = [];
  let chosen = 0;
  let density = 1;
  let colours = {};
  let isScheduled = false;

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    colours = Object.fromEntries(["line", "accent"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  function measure() {
    density = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = Math.round(view.clientWidth * density);
    canvas.height = Math.round(view.clientHeight * density);
    camera.resize(view.clientWidth, view.clientHeight);
  }

  function draw() {
    if (!isScheduled) requestAnimationFrame(render);
    isScheduled = true;
  }

  // The first entry of a row whose value is at least `least`; rows are sorted by it.
  function firstFrom(row, least, value) {
    let low = 0;
    let high = row.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value(row[middle]) < least) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function render() {
    isScheduled = false;
    const { width, height } = camera.bounds;
    const { scale } = camera.at;
    const { rows } = layout;
    plane.style.transform = `translate(${camera.at.x}px, ${camera.at.y}px) scale(${scale})`;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, canvas.width, canvas.height);
    ink.setTransform(density * scale, 0, 0, density * scale, density * camera.at.x, density * camera.at.y);
    const [left, top] = [-camera.at.x / scale, -camera.at.y / scale];
    const sight = { left, top, right: left + width / scale, bottom: top + height / scale };
    const first = Math.max(0, Math.floor((sight.top - BOX.height) / STEP.y));
    const last = Math.min(rows.length - 1, Math.floor(sight.bottom / STEP.y));
    drawEdges(first, last, sight);
    const isText = scale >= BOXES_FROM;
    const wanted = new Set([chosen]);
    for (let depth = first; depth <= last; depth++) {
      const row = rows[depth];
      for (let at = firstFrom(row, sight.left - BOX.width, (node) => x[node]); at < row.length && x[row[at]] <= sight.right; at++) {
        if (isText) wanted.add(row[at]);
        else drawBox(row[at]);
      }
    }
    keepOnly(wanted);
    for (const node of wanted) if (!made.has(node)) place(node);
    for (const [node, box] of made) box.classList.toggle("chosen", node === chosen);
    view.setAttribute("aria-activedescendant", `n${chosen}`);
  }

  function drawEdges(first, last, sight) {
    for (const isThick of [false, true]) {
      ink.beginPath();
      ink.strokeStyle = isThick ? colours.accent : colours.line;
      ink.lineWidth = Math.max(isThick ? 2.5 : 1.2, 0.8 / camera.at.scale);
      for (let depth = Math.max(0, first - 1); depth <= last; depth++) {
        const parents = layout.rows[depth].filter((node) => shown(node).length);
        const start = firstFrom(parents, sight.left - BOX.width, (node) => x[children[node][children[node].length - 1]]);
        for (let at = start; at < parents.length; at++) {
          const node = parents[at];
          const kids = children[node];
          if (x[kids[0]] > sight.right) break;
          if (isThick && !isBest[node]) continue;
          fork(node, isThick ? kids.filter((kid) => isBest[kid]) : kids, sight);
        }
      }
      ink.stroke();
    }
  }

  // A line down from the parent, one across, and one down to each child in sight.
  function fork(node, kids, sight) {
    if (!kids.length) return;
    const half = BOX.width / 2;
    const across = y[node] + BOX.height + (STEP.y - BOX.height) / 2;
    const from = x[node] + half;
    ink.moveTo(from, y[node] + BOX.height);
    ink.lineTo(from, across);
    ink.moveTo(Math.max(sight.left, Math.min(from, x[kids[0]] + half)), across);
    ink.lineTo(Math.min(sight.right, Math.max(from, x[kids[kids.length - 1]] + half)), across);
    for (let at = firstFrom(kids, sight.left - BOX.width, (kid) => x[kid]); at < kids.length && x[kids[at]] <= sight.right; at++) {
      ink.moveTo(x[kids[at]] + half, across);
      ink.lineTo(x[kids[at]] + half, y[kids[at]]);
    }
  }

  function drawBox(node) {
    ink.fillStyle = colourOf(node);
    ink.fillRect(x[node], y[node], BOX.width, BOX.height);
    if (isBest[node]) {
      ink.strokeStyle = colours.accent;
      ink.lineWidth = 3 / camera.at.scale;
      ink.strokeRect(x[node], y[node], BOX.width, BOX.height);
    }
  }

  function newBox() {
    const { element } = text;
    const box = element("div", "box");
    box.setAttribute("role", "treeitem");
    const foot = element("div", "foot");
    foot.append(element("span", "figures"), element("span", "says"), element("span", "more"));
    box.append(element("div", "text"), foot);
    return box;
  }

  function place(node) {
    const box = spare.pop() || newBox();
    const [words, foot] = box.children;
    const [figures, says, more] = foot.children;
    const isFolded = layout.isFolded[node];
    box.className = `box${isBest[node] ? " best" : ""}${search.isForced(node) ? " forced" : ""}`;
    box.id = `n${node}`;
    box.dataset.node = node;
    box.style.transform = `translate(${x[node]}px, ${y[node]}px)`;
    box.style.setProperty("--shade", colourOf(node));
    words.textContent = node === 0 ? text.visible(search.question).slice(0, 160) : text.caption(node) || "(no text)";
    figures.textContent = `N ${nodes.visits[node]} · ${nodes.value[node].toFixed(2)}`;
    const candidate = nodes.candidate[node];
    const isFalse = search.isFalse(node) || (candidate < 0 && text.slip(node) !== "");
    const said = candidate >= 0 ? text.answer(search.candidates[candidate]) : text.slip(node);
    says.textContent = said && `${isFalse ? "✗" : "→"} ${said}`;
    says.className = `says${isFalse ? " false" : ""}`;
    more.hidden = !children[node].length;
    more.className = `more${isFolded ? "" : " open"}`;
    more.textContent = isFolded ? `+${search.below[node]}` : "−";
    label(box, node);
    plane.append(box);
    made.set(node, box);
  }

  function label(box, node) {
    const level = Math.round(y[node] / STEP.y) + 1;
    const siblings = node === 0 ? [0] : children[nodes.parent[node]];
    const about = { level, setsize: siblings.length, posinset: siblings.indexOf(node) + 1, selected: node === chosen };
    for (const [name, value] of Object.entries(about)) box.setAttribute(`aria-${name}`, value);
    if (children[node].length) box.setAttribute("aria-expanded", !layout.isFolded[node]);
    else box.removeAttribute("aria-expanded");
  }

  function keepOnly(wanted) {
    for (const [node, box] of made) {
      if (wanted.has(node)) continue;
      box.remove();
      spare.push(box);
      made.delete(node);
    }
  }

  // After folding: all nodes have other places.
  function renew() {
    layout.place();
    keepOnly(new Set());
    const { size } = search;
    const { numShown } = layout;
    document.querySelector(".count").textContent = numShown === size ? `${size} nodes` : `${numShown} of ${size} nodes`;
  }

  function mark(node) {
    made.get(chosen)?.setAttribute("aria-selected", "false");
    chosen = node;
    made.get(chosen)?.setAttribute("aria-selected", "true");
    draw();
  }

  camera.watch(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    draw();
  });
  readColours();
  return {
    view, measure, renew, mark,
    get chosen() { return chosen; },
  };
})();
