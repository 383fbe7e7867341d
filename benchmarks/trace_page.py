"""Measure the HTML page of a search with thousands of nodes: its size, and whether it stays smooth.

    pip install playwright                                           # drives a browser that is installed already
    python benchmarks/trace_page.py --nodes 5000 --browser /usr/bin/chromium [--keep page.html]

A search of marco-nano is blown up to the wanted number of nodes out of its own steps, of about 40 tokens each. The page is
opened in a headless browser at 1280 x 800 and at 400 x 800, dragged about with the mouse, zoomed out until all nodes are in
sight, folded and unfolded. For each: the time between frames (16.7 ms at 60 Hz; a browser without a GPU on a busy machine does
not reach that), and the page's own work a frame: script, styles and layout. A message on the console, an error, or any request fails the run.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from marco_cli.config.settings import Settings
from marco_cli.engine.base import Tokens
from marco_cli.models import locate
from marco_cli.search.tree import Step, Tree
from marco_cli.solver import open_solver
from marco_cli.trace.export.base import plain_captions
from marco_cli.trace.export.page import page
from marco_cli.trace.record import Trace
from marco_cli.trace.recording import from_result

QUESTION = "Anna has 25 apples. She buys 4 bags with 13 apples each and eats 9. How many apples does she have?"
STEP_TOKENS = 40
SIZES = ((1280, 800), (400, 800))
WORK = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")
RECORD = """() => {
  const frames = [];
  let isOn = true;
  const tick = (now) => { frames.push(now); if (isOn) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  window.stopFrames = () => { isOn = false; return frames; };
}"""


def searched() -> Trace:
    """Return the trace of a real search."""
    settings = Settings(
        strategy="mcts",
        simulations=32,
        temperature=1.2,
        certainty=1.0,
        tags="marco",
        prefill="<Thought>\n",
        step="line",
    )

    async def work() -> Trace:
        solver = open_solver(settings, locate("marco-nano", {}), {})
        try:
            problem = solver.problem(QUESTION)
            return from_result(solver, problem, await solver.solve(problem), source="ask")
        finally:
            await solver.close()

    return asyncio.run(work())


def blown_up(trace: Trace, num_nodes: int, *, seed: int = 0) -> Trace:
    """Return the trace with a tree of `num_nodes` nodes, put together at random from the steps of its own."""
    draw = random.Random(seed)
    steps = [node.step for node in trace.tree.nodes[1:]]
    tree = Tree(trace.prompt_ids)
    while len(tree) < num_nodes:
        # Among the latest as often as among all: deep lines of thought and broad beginnings.
        nodes = tree.nodes[-200:] if draw.random() < 0.5 else tree.nodes
        tree.add(draw.choice(nodes), _joined(steps, draw))
    leaves = [node for node in tree.nodes if not node.children]
    for node in leaves:
        tree.back_up(node, draw.random())
    candidates = tuple(
        replace(draw.choice(trace.candidates), id=number, node_id=node.id)
        for number, node in enumerate(draw.sample(leaves, min(200, len(leaves))))
    )
    for candidate in candidates:
        tree[candidate.node_id].candidate_id = candidate.id
    return replace(trace, result=replace(trace.result, tree=tree, candidates=candidates))


def _joined(steps: list[Step], draw: random.Random) -> Step:
    parts = [draw.choice(steps)]
    while sum(len(part.tokens) for part in parts) < STEP_TOKENS:
        parts.append(draw.choice(steps))
    return Step(tokens=Tokens.concat([part.tokens for part in parts]), data=b"".join(part.data for part in parts))


def drag(tab: Any) -> None:
    """Pan with the mouse, in all directions."""
    box = tab.locator(".view").bounding_box()
    centre = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    reach = min(box["width"], box["height"]) / 2 - 8
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)):
        tab.mouse.move(*centre)
        tab.mouse.down()
        for part in range(1, 31):
            tab.mouse.move(centre[0] + x * reach * part / 30, centre[1] + y * reach * part / 30)
        tab.mouse.up()


def fold(tab: Any) -> None:
    """Fold and unfold all, and the chosen node, again and again."""
    for key in ("f", "u", "Enter", "Enter") * 5:
        tab.keyboard.press(key)
        tab.wait_for_timeout(30)


def walk(tab: Any) -> None:
    """Go down and across from node to node with the arrow keys."""
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp") * 8:
        tab.keyboard.press(key)


SCENES: tuple[tuple[str, str, Callable[[Any], None]], ...] = (
    ("as it opens, panned", "", drag),
    ("all unfolded, panned", "u", drag),
    ("all in sight, panned", "u0", drag),
    ("folded and unfolded", "0", fold),
    ("walked with the keys", "u", walk),
)


def measure(tab: Any, meter: Any, keys: str, act: Callable[[Any], None]) -> tuple[list[float], float]:
    """Return the milliseconds between frames while something is done, and the milliseconds a frame that the page works."""
    tab.reload()
    tab.wait_for_timeout(300)
    tab.focus(".view")
    for key in keys:
        tab.keyboard.press(key)
    tab.wait_for_timeout(300)
    before = _busy(meter)
    tab.evaluate(RECORD)
    act(tab)
    frames = tab.evaluate("() => window.stopFrames()")
    gaps = [after - earlier for earlier, after in pairwise(frames)]
    return gaps, 1000 * (_busy(meter) - before) / max(1, len(gaps))


def _busy(meter: Any) -> float:
    metrics = meter.send("Performance.getMetrics")["metrics"]
    return float(sum(metric["value"] for metric in metrics if metric["name"] in WORK))


def explore(path: Path, browser: str) -> list[str]:
    """Print the table; return what a page must not do: messages, errors, requests."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only this needs it)

    faults: list[str] = []
    with sync_playwright() as driver:
        program = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for width, height in SIZES:
            tab = program.new_context(viewport={"width": width, "height": height}).new_page()
            tab.on("console", lambda message: faults.append(message.text))
            tab.on("pageerror", lambda error: faults.append(str(error)))
            tab.on("request", lambda request: _note(request.url, faults))
            meter = tab.context.new_cdp_session(tab)
            meter.send("Performance.enable")
            started = time.perf_counter()
            tab.goto(path.as_uri())
            tab.wait_for_selector(".box")
            print(f"\n{width} x {height}: first nodes drawn after {time.perf_counter() - started:.2f} s")
            print(f"{'':24}{'frames':>8}{'median ms':>11}{'95 %':>8}{'worst':>8}{'own ms a frame':>16}")
            for name, keys, act in SCENES:
                gaps, own = measure(tab, meter, keys, act)
                high = statistics.quantiles(gaps, n=20)[-1]
                print(f"{name:24}{len(gaps):8}{statistics.median(gaps):11.1f}{high:8.1f}{max(gaps):8.1f}{own:16.2f}")
        program.close()
    return faults


def _note(url: str, faults: list[str]) -> None:
    if not url.startswith("file:"):
        faults.append(f"requested {url}")


def main() -> int:
    """Run the benchmark."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--nodes", type=int, default=5000)
    options.add_argument("--browser", default="/usr/bin/chromium", help="a Chromium or Chrome")
    options.add_argument("--keep", type=Path, help="keep the page here")
    chosen = options.parse_args()
    trace = blown_up(searched(), chosen.nodes)
    started = time.perf_counter()
    text = page(trace, plain_captions(trace))
    seconds = time.perf_counter() - started
    num_tokens = sum(len(node.step.tokens) for node in trace.tree.nodes)
    deepest = max(node.depth for node in trace.tree.nodes)
    print(
        f"{len(trace.tree)} nodes, {num_tokens} tokens, depth {deepest}: {len(text.encode()) / 1e6:.2f} MB in {seconds:.2f} s"
    )
    with TemporaryDirectory() as folder:
        path = (chosen.keep or Path(folder) / "page.html").resolve()
        path.write_text(text, encoding="utf-8")
        faults = explore(path, chosen.browser)
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
