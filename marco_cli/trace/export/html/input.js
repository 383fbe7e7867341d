// Keys, buttons, mouse, wheel and fingers, and what each of them does.
const input = (() => {
  const { view } = drawing;
  const { best, unfold, fold } = selection;
  const DRAGGED = 5; // pixels from which a press is no click

  const ACTIONS = { best, unfold, fold, in: () => camera.zoom(1.25), out: () => camera.zoom(0.8), fit: camera.fit };
  const flip = () => selection.toggle(drawing.chosen);
  const KEYS = {
    ArrowUp: selection.up,
    ArrowDown: selection.down,
    ArrowLeft: () => selection.beside(-1),
    ArrowRight: () => selection.beside(1),
    Enter: flip,
    " ": flip,
    Home: () => selection.choose(0),
    End: best,
    b: best,
    u: unfold,
    f: fold,
    "+": ACTIONS.in,
    "=": ACTIONS.in,
    "-": ACTIONS.out,
    0: ACTIONS.fit,
  };

  function press(event) {
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  const fingers = new Map();
  let isMoved = false;

  function spread() {
    const [first, second] = [...fingers.values()];
    return { distance: Math.hypot(first.x - second.x, first.y - second.y), x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 };
  }

  function position(event) {
    const frame = view.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  function touch(event) {
    if (event.button) return;
    fingers.set(event.pointerId, position(event));
    if (fingers.size === 1) isMoved = false;
  }

  function drag(event) {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const at = position(event);
    const [dx, dy] = [at.x - finger.x, at.y - finger.y];
    if (!isMoved && Math.hypot(dx, dy) < DRAGGED) return;
    if (!isMoved) view.setPointerCapture(event.pointerId); // not before: a click must reach the box
    isMoved = true;
    view.classList.add("panning");
    if (fingers.size === 2) pinch(event.pointerId, at);
    else {
      fingers.set(event.pointerId, at);
      camera.pan(dx, dy);
    }
  }

  function pinch(finger, at) {
    const before = spread();
    fingers.set(finger, at);
    const after = spread();
    if (before.distance > 0) camera.zoom(after.distance / before.distance, after.x, after.y);
    camera.pan(after.x - before.x, after.y - before.y);
  }

  function lift(event) {
    fingers.delete(event.pointerId);
    if (!fingers.size) view.classList.remove("panning");
  }

  function click(event) {
    const box = event.target.closest(".box");
    if (isMoved || !box) return;
    const node = Number(box.dataset.node);
    if (event.target.classList.contains("more")) selection.toggle(node);
    selection.choose(node);
  }

  function clickTwice(event) {
    const box = event.target.closest(".box");
    if (box && !event.target.classList.contains("more")) selection.toggle(Number(box.dataset.node));
  }

  function roll(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? camera.bounds.height : 1;
    if (event.ctrlKey || event.metaKey) {
      const { x, y } = position(event);
      camera.zoom(Math.exp((-event.deltaY * unit) / 300), x, y);
    } else if (event.shiftKey && !event.deltaX) camera.pan(-event.deltaY * unit, 0);
    else camera.pan(-event.deltaX * unit, -event.deltaY * unit);
  }

  function listen() {
    document.querySelector(".tools").addEventListener("click", (event) => ACTIONS[event.target.dataset?.do]?.());
    const heard = {
      keydown: press, pointerdown: touch, pointermove: drag, pointerup: lift, pointercancel: lift, click, dblclick: clickTwice,
    };
    for (const [name, act] of Object.entries(heard)) view.addEventListener(name, act);
    view.addEventListener("wheel", roll, { passive: false });
  }

  return { listen };
})();
