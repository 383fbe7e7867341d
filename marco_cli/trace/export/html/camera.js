// Which part of the drawing is in sight: place and scale of the camera over the layout, and the size of the view in pixels.
// Whoever draws says so with `watch` and is called after each change.
const camera = (() => {
  const { BOX, x, y } = layout;
  const SMALLEST = 0.02;
  const LARGEST = 2;
  const READABLE = 0.75; // a page does not open smaller than this
  const KEPT = 60; // so many pixels of the tree always stay in sight

  const at = { x: 0, y: 0, scale: 1 };
  const bounds = { width: 1, height: 1 };
  let changed = () => {};

  function watch(draw) {
    changed = draw;
  }

  function resize(width, height) {
    Object.assign(bounds, { width, height });
    changed();
  }

  function shift(dx, dy) {
    at.x += dx;
    at.y += dy;
    changed();
  }

  function pan(dx, dy) {
    const { width, height } = layout.extent;
    at.x = Math.min(bounds.width - KEPT, Math.max(KEPT - width * at.scale, at.x + dx));
    at.y = Math.min(bounds.height - KEPT, Math.max(KEPT - height * at.scale, at.y + dy));
    changed();
  }

  function zoom(factor, atX = bounds.width / 2, atY = bounds.height / 2) {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, at.scale * factor));
    const change = scale / at.scale;
    at.x = atX - (atX - at.x) * change;
    at.y = atY - (atY - at.y) * change;
    at.scale = scale;
    pan(0, 0);
  }

  function fit() {
    const { width, height } = layout.extent;
    const wanted = Math.min((bounds.width - 40) / width, (bounds.height - 40) / height);
    at.scale = Math.min(1, Math.max(SMALLEST, wanted));
    at.x = Math.max(20, (bounds.width - width * at.scale) / 2);
    at.y = 20;
    changed();
  }

  // As the page begins: all in sight, or else the root in the middle at a size that can be read.
  function open() {
    fit();
    if (at.scale >= READABLE) return;
    at.scale = READABLE;
    at.x = bounds.width / 2 - (x[0] + BOX.width / 2) * READABLE;
  }

  function enlarge() {
    at.scale = Math.max(READABLE, at.scale);
  }

  function onScreen(node) {
    return { left: x[node] * at.scale + at.x, top: y[node] * at.scale + at.y, wide: BOX.width * at.scale, high: BOX.height * at.scale };
  }

  function centre(node) {
    const { left, top, wide, high } = onScreen(node);
    shift(bounds.width / 2 - (left + wide / 2), bounds.height / 2 - (top + high / 2));
  }

  // Bring a node into sight, by no more than it takes.
  function reveal(node) {
    const { left, top, wide, high } = onScreen(node);
    const dx = Math.max(0, 12 - left) - Math.max(0, left + wide + 12 - bounds.width);
    const dy = Math.max(0, 12 - top) - Math.max(0, top + high + 12 - bounds.height);
    shift(dx, dy);
  }

  return { at, bounds, watch, resize, shift, pan, zoom, fit, open, enlarge, centre, reveal };
})();
