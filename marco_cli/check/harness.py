"""The program that runs code and its tests in the sandbox of `python3:`; run as a script, without the rest of the package.

In: a JSON object on stdin: the code, the tests, and a mark. Out: a JSON object with the mark and the first failure, null if there is
none. Without that object the tests did not run to their end, whatever the exit code is.
"""

import json
import os
import sys


def main() -> None:
    """Run code and tests, and say how they fail."""
    order = json.load(sys.stdin)
    report = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    names: dict[str, object] = {"__name__": "solution"}
    failure = None
    try:
        for file in ("code", "tests"):
            exec(compile(order[file], f"{file}.py", "exec"), names)  # noqa: S102 (what this is for; the sandbox is around it)
    except BaseException as error:  # noqa: BLE001 (whatever it is, it is what is told)
        failure = f"{type(error).__name__}: {str(error) or failing_line(error, order['tests'])}"[:1000]
    os.write(report, json.dumps({"mark": order["mark"], "failure": failure}).encode())


def failing_line(error: BaseException, tests: str) -> str:
    """Return the line of the tests at which an error came up; "" if none."""
    place, line = error.__traceback__, 0
    while place is not None:
        line = place.tb_lineno if place.tb_frame.f_code.co_filename == "tests.py" else line
        place = place.tb_next
    return tests.splitlines()[line - 1].strip() if 0 < line <= len(tests.splitlines()) else ""


if __name__ == "__main__":
    main()
