"""Measure whether a judge sees which of two replies is about the question, in either place.

    python benchmarks/judging.py qwen-0.5b --pairs 10 --threads 1

Prints how often the judge prefers the reply in place A, how often it is right in one order alone, and how often once both orders are
subtracted.
"""

import argparse
import asyncio
import os

from marco_cli.assessors import examiner
from marco_cli.config.settings import Settings
from marco_cli.models import locate
from marco_cli.reward.judge import comparison
from marco_cli.solver import open_solver

REPLIES = {
    "How can I sleep better?": "Go to bed at the same time every day, keep the room dark and cool, and drink no coffee after noon.",
    "How do I learn to swim as an adult?": "Take lessons in shallow water, learn to breathe out under water first, and practise twice a week.",
    "What should I see in Rome in one day?": "Begin at the Colosseum, walk through the Forum to the Pantheon, and end at the Trevi Fountain.",
    "How do I write a letter of complaint?": "State what you bought and when, what is wrong with it, and what you want the seller to do by which date.",
    "How can I save money on food?": "Plan the week's meals, buy what is in season, cook double portions and freeze half of them.",
    "How do I keep a houseplant alive?": "Put it where it gets bright light, water it when the soil is dry to the touch, and let the pot drain.",
    "How do I prepare for a job interview?": "Read about the company, practise answers to common questions aloud, and bring two questions of your own.",
    "How should I begin to run?": "Alternate a minute of slow running with two of walking, three times a week, and lengthen the runs slowly.",
    "How do I back up my photos?": "Keep one copy on an external disk and another in the cloud, and check once a year that both open.",
    "How can I calm a crying baby?": "Check for hunger, a wet nappy and cold, then hold it close, rock it gently and speak in a low voice.",
}


async def measure(name: str, num_pairs: int, threads: int) -> None:
    """Ask about pairs in both orders and print what comes of it."""
    solver = open_solver(Settings(threads=threads, ctx=2048), locate(name, os.environ), os.environ)
    asked = examiner(solver.engine)
    questions = list(REPLIES)[:num_pairs]
    likes_first, right_alone, right_both = 0, 0, 0
    for number, question in enumerate(questions):
        good, bad = REPLIES[question], REPLIES[questions[(number + 1) % len(questions)]]
        there = await asked.verdict(comparison(question, good, bad))
        back = await asked.verdict(comparison(question, bad, good))
        if there is None or back is None:
            raise SystemExit("the context is too small")
        likes_first += (there.log_odds > 0) + (back.log_odds > 0)
        right_alone += (there.log_odds > 0) + (back.log_odds < 0)
        right_both += there.log_odds > back.log_odds
        print(f"{there.log_odds:+.2f} {back.log_odds:+.2f} {question}", flush=True)
    await solver.close()
    total = 2 * len(questions)
    print(f"{name}: place A preferred {likes_first} of {total}, right in one order {right_alone} of {total}")
    print(f"right with both orders: {right_both} of {len(questions)}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--pairs", type=int, default=len(REPLIES))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(measure(options.model, options.pairs, options.threads))


if __name__ == "__main__":
    main()
