"""Keep the turns of a conversation as traces."""

from collections.abc import Mapping
from dataclasses import replace

from marco_cli.commands._chat_saying import note
from marco_cli.commands._chat_turn import Shown
from marco_cli.conversation.dialogue import Dialogue
from marco_cli.trace.recording import from_result
from marco_cli.trace.store import save_if_wanted


class Journal:
    """The traces of one conversation; the first one names it."""

    def __init__(self, environ: Mapping[str, str], *, session: str | None = None, num_lost: int = 0) -> None:
        """Begin a conversation, or go on with one whose first `num_lost` turns are not known any more."""
        self._environ = environ
        self._num_lost = num_lost
        self.session = session
        """Its id; None before its first turn."""

    def save(self, shown: Shown, dialogue: Dialogue) -> None:
        """Keep a turn, if traces are wanted; what cannot be kept is only said."""
        taken = shown.taken
        if not taken.plan.settings.trace:
            return
        num_turns = len(dialogue.conversation.turns) + (not taken.is_kept)
        trace = from_result(
            dialogue.solver, taken.problem, taken.result, source="chat", history=taken.history, plan=taken.plan
        )
        trace = replace(trace, session=self.session or trace.id, turn=self._num_lost + num_turns)
        notice = save_if_wanted(trace, taken.plan.settings, self._environ)
        if notice is not None:
            note(notice)
            return
        self.session = trace.session
