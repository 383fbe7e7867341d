"""A check without a process: it knows the right answer."""

from collections.abc import Collection, Hashable

from marco_cli.check.base import Submission, Verdict


class Knows:
    """A verifier that knows which answers are right, and which it cannot judge; it counts what it is asked."""

    def __init__(self, right: str, *, unknown: Collection[str] = (), delays: Collection[int] = ()) -> None:
        self.right = right
        self.unknown = unknown
        self.asked: list[str] = []

    def key(self, submission: Submission) -> Hashable:
        """Return the answer."""
        return submission.answer.key if submission.answer else submission.output

    async def check(self, submission: Submission) -> Verdict:
        """Compare the answer with the right one."""
        answer = submission.answer.canonical if submission.answer else ""
        self.asked.append(answer)
        if answer in self.unknown:
            return Verdict(judgement="unknown", trouble="this check is out of order")
        return Verdict(judgement="right" if answer == self.right else "wrong", why=f"got {answer}")

    async def close(self) -> None:
        """Do nothing."""
