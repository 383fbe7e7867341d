"use strict";
(() => {
  const data = JSON.parse(document.getElementById("trace").textContent);
  const { nodes, strings, candidates, votes } = data;
  const size = nodes.parent.length;
  const BOX = { width: 184, height: 66 };
  const STEP = { x: BOX.width + 18, y: BOX.height + 34 };
  const SMALLEST = 0.02;
  const LARGEST = 2;
  const BOXES_FROM = 0.5; // below this scale text cannot be read: boxes are drawn as plain rectangles
  const READABLE = 0.75; // a page does not open smaller than this
  const FORCED = 1;
  const MOST_BARS = 8;
  const ALL_OPEN = 60; // trees up to this size begin unfolded
  const one = (selector) => document.querySelector(selector);
  const view = one(".view");
  const canvas = one("canvas");
  const plane = one(".plane");
  const ink = canvas.getContext("2d");

  const children = Array.from({ length: size }, () => []);
  for (let node = 1; node < size; node++) children[nodes.parent[node]].push(node);
  const below = new Uint32Array(size);
  for (let node = size - 1; node > 0; node--) below[nodes.parent[node]] += below[node] + 1;
  const isBest = new Uint8Array(size);
  for (const node of data.best) isBest[node] = 1;
  const isFolded = new Uint8Array(size);
  // The best path in the middle of its siblings, so that it lies below the root and not at an edge.
  for (const kids of children) {
    const at = kids.findIndex((kid) => isBest[kid]);
    if (at >= 0) kids.splice(kids.length >> 1, 0, ...kids.splice(at, 1));
  }

  // ---- text -------------------------------------------------------------------------------------------------

  const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  const symbol = (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  };
  const visible = (text) => text.replace(CONTROL, symbol);
  const pieces = (node) => nodes.text[node].map((index) => strings[index]);
  const textOf = (node) => visible(pieces(node).join(""));
  const decimals = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  const element = (tag, classes, text) => {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // ---- layout: leaves side by side, parents above the middle of their children ---------------------------------

  const x = new Float64Array(size);
  const y = new Float64Array(size);
  let rows = [];
  let extent = { width: 0, height: 0 };
  let numShown = 0;
  const shown = (node) => (isFolded[node] ? [] : children[node]);

  function layOut() {
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
    one(".count").textContent = numShown === size ? `${size} nodes` : `${numShown} of ${size} nodes`;
  }

  // ---- drawing: only what is in sight ----------------------------------------------------------------------------

  const camera = { x: 0, y: 0, scale: 1 };
  let chosen = 0;
  let isScheduled = false;
  let colours = {};
  const made = new Map();
  const spare = [];

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const names = ["line", "accent", "paper", "sure", "sure0", "sure1", "sure2", "sure3", "sure4"];
    colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  function sureness(node) {
    const confidence = nodes.confidence[node];
    // Means of a step lie near 1: equal shades below 0.6 leave the others for what differs.
    return confidence === null ? "" : String(Math.min(4, Math.max(0, Math.floor((confidence - 0.5) / 0.1 + 1e-9))));
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
    const { width, height } = bounds;
    const { scale } = camera;
    plane.style.transform = `translate(${camera.x}px, ${camera.y}px) scale(${scale})`;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, canvas.width, canvas.height);
    ink.setTransform(density * scale, 0, 0, density * scale, density * camera.x, density * camera.y);
    const sight = {
      left: -camera.x / scale, right: (width - camera.x) / scale, top: -camera.y / scale, bottom: (height - camera.y) / scale,
    };
    const isText = scale >= BOXES_FROM;
    const first = Math.max(0, Math.floor((sight.top - BOX.height) / STEP.y));
    const last = Math.min(rows.length - 1, Math.floor(sight.bottom / STEP.y));
    drawEdges(first, last, sight);
    const wanted = new Set([chosen]);
    for (let depth = first; depth <= last; depth++) {
      const row = rows[depth];
      for (let at = firstFrom(row, sight.left - BOX.width, (node) => x[node]); at < row.length && x[row[at]] <= sight.right; at++) {
        if (isText) wanted.add(row[at]);
        else drawBox(row[at]);
      }
    }
    for (const [node, box] of made) {
      if (!wanted.has(node)) {
        box.remove();
        spare.push(box);
        made.delete(node);
      }
    }
    for (const node of wanted) if (!made.has(node)) place(node);
    for (const [node, box] of made) box.classList.toggle("chosen", node === chosen);
    view.setAttribute("aria-activedescendant", `n${chosen}`);
  }

  function drawEdges(first, last, sight) {
    const half = BOX.width / 2;
    for (const isThick of [false, true]) {
      ink.beginPath();
      ink.strokeStyle = isThick ? colours.accent : colours.line;
      ink.lineWidth = Math.max(isThick ? 2.5 : 1.2, 0.8 / camera.scale);
      for (let depth = Math.max(0, first - 1); depth <= last; depth++) {
        const row = rows[depth];
        const parents = row.filter((node) => shown(node).length);
        const start = firstFrom(parents, sight.left - BOX.width, (node) => x[children[node][children[node].length - 1]]);
        for (let at = start; at < parents.length; at++) {
          const node = parents[at];
          const kids = children[node];
          if (x[kids[0]] > sight.right) break;
          if (isThick && !isBest[node]) continue;
          fork(node, isThick ? kids.filter((kid) => isBest[kid]) : kids, half, sight);
        }
      }
      ink.stroke();
    }
  }

  // A line down from the parent, one across, and one down to each child in sight.
  function fork(node, kids, half, sight) {
    if (!kids.length) return;
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
    ink.fillStyle = colours[`sure${sureness(node)}`];
    ink.fillRect(x[node], y[node], BOX.width, BOX.height);
    if (isBest[node]) {
      ink.strokeStyle = colours.accent;
      ink.lineWidth = 3 / camera.scale;
      ink.strokeRect(x[node], y[node], BOX.width, BOX.height);
    }
  }

  function newBox() {
    const box = element("div", "box");
    box.setAttribute("role", "treeitem");
    const foot = element("div", "foot");
    foot.append(element("span", "figures"), element("span", "says"), element("span", "more"));
    box.append(element("div", "text"), foot);
    return box;
  }

  function place(node) {
    const box = spare.pop() || newBox();
    const [text, foot] = box.children;
    const [figures, says, more] = foot.children;
    box.className = `box c${sureness(node)}${isBest[node] ? " best" : ""}${nodes.flags[node] & FORCED ? " forced" : ""}`;
    box.id = `n${node}`;
    box.dataset.node = node;
    box.style.transform = `translate(${x[node]}px, ${y[node]}px)`;
    text.textContent = node === 0 ? visible(data.question).slice(0, 160) : textOf(node).trim().slice(0, 160) || "(no text)";
    figures.textContent = `N ${nodes.visits[node]} · ${nodes.value[node].toFixed(2)}`;
    const candidate = nodes.candidate[node];
    says.textContent = candidate >= 0 ? `→ ${visible(candidates[candidate].answer ?? data.nameless)}` : "";
    more.hidden = !children[node].length;
    more.className = `more${isFolded[node] ? "" : " open"}`;
    more.textContent = isFolded[node] ? `+${below[node]}` : "−";
    const level = Math.round(y[node] / STEP.y) + 1;
    const siblings = node === 0 ? [0] : children[nodes.parent[node]];
    const about = { level, setsize: siblings.length, posinset: siblings.indexOf(node) + 1, selected: node === chosen };
    for (const [name, value] of Object.entries(about)) box.setAttribute(`aria-${name}`, value);
    if (children[node].length) box.setAttribute("aria-expanded", !isFolded[node]);
    else box.removeAttribute("aria-expanded");
    plane.append(box);
    made.set(node, box);
  }

  function forget() {
    for (const [, box] of made) {
      box.remove();
      spare.push(box);
    }
    made.clear();
  }

  // ---- moving ------------------------------------------------------------------------------------------------

  let bounds = { width: 1, height: 1 };
  let density = 1;

  function measure() {
    bounds = { width: view.clientWidth, height: view.clientHeight };
    density = Math.min(2, window.devicePixelRatio || 1);
    canvas.width = Math.round(bounds.width * density);
    canvas.height = Math.round(bounds.height * density);
    draw();
  }

  function pan(dx, dy) {
    const spare = 60; // so much of the tree always stays in sight
    const right = bounds.width - spare;
    const bottom = bounds.height - spare;
    camera.x = Math.min(right, Math.max(spare - extent.width * camera.scale, camera.x + dx));
    camera.y = Math.min(bottom, Math.max(spare - extent.height * camera.scale, camera.y + dy));
    draw();
  }

  function zoom(factor, atX = bounds.width / 2, atY = bounds.height / 2) {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, camera.scale * factor));
    const change = scale / camera.scale;
    camera.x = atX - (atX - camera.x) * change;
    camera.y = atY - (atY - camera.y) * change;
    camera.scale = scale;
    pan(0, 0);
  }

  function fit() {
    const wanted = Math.min((bounds.width - 40) / extent.width, (bounds.height - 40) / extent.height);
    camera.scale = Math.min(1, Math.max(SMALLEST, wanted));
    camera.x = Math.max(20, (bounds.width - extent.width * camera.scale) / 2);
    camera.y = 20;
    draw();
  }

  // Bring a node into sight; `isCentred` also when it is there already.
  function show(node, isCentred) {
    const left = x[node] * camera.scale + camera.x;
    const top = y[node] * camera.scale + camera.y;
    const [wide, high] = [BOX.width * camera.scale, BOX.height * camera.scale];
    if (isCentred) {
      camera.x += bounds.width / 2 - (left + wide / 2);
      camera.y += bounds.height / 2 - (top + high / 2);
    } else {
      camera.x += Math.max(0, 12 - left) - Math.max(0, left + wide + 12 - bounds.width);
      camera.y += Math.max(0, 12 - top) - Math.max(0, top + high + 12 - bounds.height);
    }
    draw();
  }

  // Lay out anew and leave `node` where it is on the screen.
  function unfoldAround(node, change) {
    const before = [x[node], y[node]];
    change();
    layOut();
    forget();
    camera.x -= (x[node] - before[0]) * camera.scale;
    camera.y -= (y[node] - before[1]) * camera.scale;
    draw();
  }

  function toggle(node) {
    if (!children[node].length) return;
    unfoldAround(node, () => {
      isFolded[node] = isFolded[node] ? 0 : 1;
    });
  }

  function choose(node, isCentred = false) {
    let above = nodes.parent[node];
    let isHidden = false;
    for (; above >= 0; above = nodes.parent[above]) {
      isHidden ||= isFolded[above] === 1;
      isFolded[above] = 0;
    }
    if (isHidden) {
      layOut();
      forget();
    }
    made.get(chosen)?.setAttribute("aria-selected", "false");
    chosen = node;
    made.get(chosen)?.setAttribute("aria-selected", "true");
    show(node, isCentred || isHidden);
    describe(node);
  }

  function foldAllBut(keep) {
    for (let node = 0; node < size; node++) isFolded[node] = children[node].length && !keep(node) ? 1 : 0;
  }

  // ---- details -------------------------------------------------------------------------------------------------

  const HEATS = [0.99, 0.95, 0.9, 0.75, 0.5, 0.3];

  function heat(sure) {
    return HEATS.findIndex((least) => sure >= least * 1000) === -1 ? 6 : HEATS.findIndex((least) => sure >= least * 1000);
  }

  function alternatives(others) {
    return others.map(([index, share]) => `${JSON.stringify(visible(strings[index]))} ${(share / 10).toFixed(1)} %`).join(", ");
  }

  function tokens(into, texts, sures, others) {
    texts.forEach((index, at) => {
      const sure = sures[at];
      const span = element("span", sure < 0 ? "given" : `h${heat(sure)}`, visible(strings[index]));
      span.title = sure < 0 ? "inserted, not scored" : `confidence ${(sure / 1000).toFixed(3)}`;
      if (others?.[at]) span.title += `\nlikeliest: ${alternatives(others[at])}`;
      into.append(span);
    });
  }

  function pairs(list) {
    const into = element("dl");
    for (const [name, value] of list) into.append(element("dt", "", name), element("dd", "", value));
    return into;
  }

  function legend() {
    const into = element("p", "legend");
    into.append("confidence ");
    ["≥ .99", "≥ .95", "≥ .9", "≥ .75", "≥ .5", "≥ .3", "< .3"].forEach((text, at) => into.append(element("i", `h${at}`, text)));
    return into;
  }

  function doubts(node) {
    const worst = nodes.sure[node].map((sure, at) => [sure, at]).filter(([sure]) => sure >= 0 && sure < 900);
    worst.sort((left, right) => left[0] - right[0]);
    const list = element("ul", "doubts");
    for (const [sure, at] of worst.slice(0, 5)) {
      const item = element("li");
      const others = data.others[node]?.[at];
      item.append(element("code", "", JSON.stringify(visible(strings[nodes.text[node][at]]))), ` ${(sure / 1000).toFixed(3)}`);
      if (others) item.append(`, likeliest ${alternatives(others)}`);
      list.append(item);
    }
    return list;
  }

  function describe(node) {
    const into = one(".node");
    const flags = nodes.flags[node];
    const candidate = nodes.candidate[node];
    const list = [
      ["visits N", String(nodes.visits[node])],
      ["value", nodes.visits[node] ? decimals(nodes.value[node], 3) : "not visited"],
      ["confidence", nodes.confidence[node] === null ? "nothing sampled" : decimals(nodes.confidence[node], 3)],
      ["tokens", `${nodes.text[node].length}${flags & FORCED ? ", some of them inserted (forced)" : ""}`],
      ["below", `${below[node]} nodes`],
    ];
    const states = [flags & 2 && "the reply ends here", flags & 4 && "nothing new below", isBest[node] && "on the best path"].filter(Boolean);
    if (states.length) list.push(["state", states.join(", ")]);
    if (candidate >= 0) list.push(["answer", visible(candidates[candidate].answer ?? data.nameless)]);
    const step = element("div", "heat");
    tokens(step, nodes.text[node], nodes.sure[node], data.others[node]);
    into.replaceChildren(element("h2", "", node === 0 ? "Question" : `Step ${node}`), pairs(list));
    if (node === 0) {
      into.append(element("p", "heat", visible(data.question)));
      return;
    }
    into.append(step, legend());
    const worst = doubts(node);
    if (worst.children.length) into.append(element("h2", "", "Most doubtful tokens"), worst);
    into.append(reply(node, candidate));
  }

  function reply(node, candidate) {
    const whole = element("details");
    whole.open = candidate >= 0;
    whole.append(element("summary", "", candidate >= 0 ? "The whole reply" : "The reply up to here"));
    const path = [];
    for (let above = node; above > 0; above = nodes.parent[above]) path.unshift(above);
    const text = element("div", "heat");
    const fill = () => {
      if (text.firstChild || !whole.open) return;
      for (const each of path) tokens(text, nodes.text[each], nodes.sure[each], data.others[each]);
      const rest = candidates[candidate]?.rest;
      if (rest) tokens(text, rest.text, rest.sure);
    };
    whole.addEventListener("toggle", fill);
    fill();
    whole.append(text);
    return whole;
  }

  function tell() {
    const total = votes.reduce((sum, vote) => sum + vote.weight, 0) || 1;
    const bars = votes.map((vote) => {
      const row = element("div", "vote");
      const bar = element("div", "bar");
      const filled = element("div");
      filled.style.width = `${(100 * vote.weight) / total}%`;
      bar.append(filled);
      const name = element("span", "name", visible(vote.answer ?? data.nameless));
      name.title = name.textContent;
      const share = `${Math.round((100 * vote.weight) / total)} % · ${vote.candidates.length}`;
      row.append(name, bar, element("span", "share", share));
      return row;
    });
    if (bars.length) one(".votes").append(element("h2", "", "Votes (share, paths)"), ...bars.slice(0, MOST_BARS));
    if (bars.length > MOST_BARS) {
      const rest = element("details");
      rest.append(element("summary", "", `${bars.length - MOST_BARS} more`), ...bars.slice(MOST_BARS));
      one(".votes").append(rest);
    }
    if (candidates.length) one(".candidates").append(element("h2", "", "Finished paths"), table());
    one(".facts").append(element("h2", "", "Search"), pairs(data.facts.map(([name, value]) => [name, visible(value)])));
  }

  function table() {
    const into = element("table");
    const head = element("tr");
    for (const name of ["answer", "confidence", "reward", "tokens", ""]) {
      const cell = element("th", name && name !== "answer" ? "number" : "", name);
      cell.scope = "col";
      head.append(cell);
    }
    into.append(head);
    candidates.forEach((candidate) => {
      const row = element("tr");
      const go = element("button", "", visible(candidate.answer ?? data.nameless));
      go.type = "button";
      go.title = `Show where it ends: step ${candidate.node}`;
      go.addEventListener("click", () => choose(candidate.node, true));
      const cell = element("td");
      cell.append(go);
      row.append(cell);
      for (const value of [decimals(candidate.confidence, 3), decimals(candidate.reward, 3), candidate.tokens]) {
        row.append(element("td", "number", value));
      }
      row.append(element("td", "flag", candidate.note));
      into.append(row);
    });
    const scroll = element("div", "scroll");
    scroll.append(into);
    return scroll;
  }

  // ---- hands -----------------------------------------------------------------------------------------------------

  const ACTIONS = {
    best: () => {
      if (camera.scale < READABLE) camera.scale = READABLE;
      choose(data.best[data.best.length - 1], true);
    },
    unfold: () => unfoldAround(chosen, () => isFolded.fill(0)),
    fold: () => {
      unfoldAround(0, () => foldAllBut((node) => isBest[node]));
      if (!rows[Math.round(y[chosen] / STEP.y)]?.includes(chosen)) choose(0);
    },
    in: () => zoom(1.25),
    out: () => zoom(0.8),
    fit,
  };

  function beside(node, by) {
    const row = rows[Math.round(y[node] / STEP.y)];
    return row[row.indexOf(node) + by] ?? node;
  }

  const KEYS = {
    ArrowUp: () => choose(Math.max(0, nodes.parent[chosen])),
    ArrowDown: () => {
      if (isFolded[chosen]) toggle(chosen);
      const kids = children[chosen];
      if (kids.length) choose(kids.find((kid) => isBest[kid]) ?? kids[0]);
    },
    ArrowLeft: () => choose(beside(chosen, -1)),
    ArrowRight: () => choose(beside(chosen, 1)),
    Enter: () => toggle(chosen),
    " ": () => toggle(chosen),
    Home: () => choose(0),
    End: ACTIONS.best,
    b: ACTIONS.best,
    u: ACTIONS.unfold,
    f: ACTIONS.fold,
    "+": ACTIONS.in,
    "=": ACTIONS.in,
    "-": ACTIONS.out,
    0: fit,
  };

  view.addEventListener("keydown", (event) => {
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });

  one(".tools").addEventListener("click", (event) => ACTIONS[event.target.dataset?.do]?.());

  const fingers = new Map();
  let isMoved = false;

  const spread = () => {
    const [first, second] = [...fingers.values()];
    return { distance: Math.hypot(first.x - second.x, first.y - second.y), x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  };

  const position = (event) => {
    const frame = view.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  };

  view.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    fingers.set(event.pointerId, position(event));
    if (fingers.size === 1) isMoved = false;
  });

  view.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const at = position(event);
    const [dx, dy] = [at.x - finger.x, at.y - finger.y];
    if (!isMoved && Math.hypot(dx, dy) < 5) return;
    if (!isMoved) view.setPointerCapture(event.pointerId); // not before: a click must reach the box
    isMoved = true;
    view.classList.add("panning");
    if (fingers.size === 2) {
      const before = spread();
      fingers.set(event.pointerId, at);
      const after = spread();
      if (before.distance > 0) zoom(after.distance / before.distance, after.x, after.y);
      pan(after.x - before.x, after.y - before.y);
    } else {
      fingers.set(event.pointerId, at);
      pan(dx, dy);
    }
  });

  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) view.classList.remove("panning");
  };
  view.addEventListener("pointerup", lift);
  view.addEventListener("pointercancel", lift);

  view.addEventListener("click", (event) => {
    const box = event.target.closest(".box");
    if (isMoved || !box) return;
    const node = Number(box.dataset.node);
    if (event.target.classList.contains("more")) toggle(node);
    choose(node);
  });
  view.addEventListener("dblclick", (event) => {
    const box = event.target.closest(".box");
    if (box && !event.target.classList.contains("more")) toggle(Number(box.dataset.node));
  });

  view.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? bounds.height : 1;
      if (event.ctrlKey || event.metaKey) {
        const frame = view.getBoundingClientRect();
        zoom(Math.exp((-event.deltaY * unit) / 300), event.clientX - frame.left, event.clientY - frame.top);
      } else if (event.shiftKey && !event.deltaX) pan(-event.deltaY * unit, 0);
      else pan(-event.deltaX * unit, -event.deltaY * unit);
    },
    { passive: false },
  );

  // ---- begin -----------------------------------------------------------------------------------------------------

  if (size > ALL_OPEN) foldAllBut((node) => isBest[node]);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    draw();
  });
  readColours();
  layOut();
  measure();
  new ResizeObserver(measure).observe(view);
  fit();
  if (camera.scale < READABLE) {
    camera.scale = READABLE;
    camera.x = bounds.width / 2 - (x[0] + BOX.width / 2) * READABLE;
  }
  tell();
  describe(0);
  draw();
})();
