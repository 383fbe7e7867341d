"""Shows a story on stderr, the answer on stdout: `show_story.py SIMULATIONS PACE [END]`.

With END, the display stays after the last simulation until SIGUSR1 comes: `finish` then goes on, `crash` raises an error.
"""

import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from view.story import Story

from marco_cli.search.events import SimulationEnded
from marco_cli.view.display import choose_view
from marco_cli.view.live import LiveSearch
from marco_cli.view.summary import summary


def main() -> None:
    """Show it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    told: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: told.append(number))
    simulations, pace, *ending = sys.argv[1:]
    sys.stderr.write("a line before\n")
    story = Story(simulations=int(simulations))
    with choose_view("auto", sys.stderr) as view:
        for event in story.events():
            view.on_event(event)
            if isinstance(event, SimulationEnded):
                time.sleep(float(pace))
            if isinstance(event, SimulationEnded) and event.number == 4:
                view.say("a line that stays")
        while ending and not told:
            time.sleep(0.02)
        if ending == ["crash"]:
            raise RuntimeError("a bug elsewhere")
    sys.stderr.write(summary(story.result(), width=79) + "\n")
    if isinstance(view, LiveSearch):
        sys.stderr.write(f"{view.num_frames} frames\n")
    sys.stdout.write(story.result().reply.output + "\n")


main()
