"""Code that wants out, or wants to be called right: none gets either, and each ends in its limit."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from marco_cli.check.base import Submission, Verdict
from marco_cli.check.jail import python_jail
from marco_cli.check.limits import Limits
from marco_cli.check.monty import Monty
from marco_cli.check.python import LIMITS, PythonCheck
from marco_cli.check.python3 import Python3Check
from marco_cli.check.tampering import suspicion

TESTS = "assert abs(f(2) - 4) < 1e-9\nassert sorted(g([2, 1])) == [1, 2]\nassert f(3) == 9"
HONEST = "def f(x):\n    return x * x\n\ndef g(items):\n    return items\n"
WRONG = "def f(x):\n    return 7\n\ndef g(items):\n    return []\n"

needs_jail = pytest.mark.skipif(
    os.name != "posix" or not python_jail().is_closed,
    reason="this machine has neither bubblewrap, Landlock nor sandbox-exec",
)

ESCAPES = {
    "read a file": "open('/etc/passwd').read()",
    "read a file by pathlib": "from pathlib import Path\nPath('/etc/hostname').read_text()",
    "read the user's files": "import os\nos.listdir(os.path.expanduser('~root'))",
    "read the environment of others": "open('/proc/1/environ').read()",
    "read itself": "open('/proc/self/maps').read()",
    "list the root": "import os\nos.listdir('/home')",
    "write a file": "open('/tmp/marco-was-here', 'w').write('x')",
    "write beside itself": "open('../marco-was-here', 'w').write('x')",
    "link a file": "import os\nos.symlink('/etc/passwd', 'p')\nopen('p').read()",
    "open a socket": "import socket\nsocket.socket().connect(('127.0.0.1', 9))",
    "resolve a name": "import socket\nsocket.create_connection(('example.org', 80))",
    "send a datagram": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "open a local socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "fetch a page": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')",
    "start a program": "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'id'], check=True)",
    "start a shell": "import os\nassert os.system('id') == 0",
    "become a program": "import os\nos.execv('/bin/cat', ['cat', '/etc/passwd'])",
    "fork": "import os\nos.fork()",
    "fork bomb": "import os\nwhile True:\n    os.fork()",
    "kill its parent": "import os\nos.kill(os.getppid(), 9)",
    "kill everything": "import os\nos.kill(-1, 9)",
    "trace its parent": "import ctypes, os\nassert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
    "own namespaces": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "raise its limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "load a library": "import ctypes\nctypes.CDLL('/etc/passwd')",
    "dunder escape": "().__class__.__base__.__subclasses__()[-1].__init__.__globals__['os'].system('id')",
    "builtins by a function": "f.__globals__['__builtins__']['open']('/etc/passwd').read()",
    "import by name": "__import__('os').listdir('/etc')",
    "format string": "assert 'passwd' in '{0.__init__.__globals__}'.format(Exception())",
}  # fmt: skip
"""Each statement must fail: code that goes on behind it proves that it did not."""

HARMLESS = ("format string", "kill its parent")
"""What need not fail to lead nowhere: bubblewrap's first process cannot be killed from within."""

LIMITS_BROKEN = {
    "endless loop": "while True:\n    pass",
    "endless loop that catches all": "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
    "memory": "x = [0] * 10**9",
    "memory, bit by bit": "x = []\nwhile True:\n    x.append('y' * 10**6)",
    "a huge integer": "x = 7 ** (10 ** 9)",
    "a huge string": "x = 'x' * 10**11",
    "recursion": "def r(n):\n    return r(n + 1)\nr(0)",
    "sleep": "import time\ntime.sleep(1000)\nwhile True:\n    pass",
    "an endless generator": "sum(1 for _ in iter(int, 1))",
    "a slow pattern": "import re\nre.match('(a+)+b', 'a' * 60)\nwhile True:\n    pass",
}

FRAUDS = {
    "exit": "raise SystemExit(0)",
    "sys.exit": "import sys\nsys.exit(0)",
    "os._exit": "import os\nos._exit(0)",
    "exit when called": "import os\ndef f(x):\n    os._exit(0)",
    "says that it passed": "print('{\"mark\": \"\", \"failure\": null}')",
    "redefines abs": "abs = lambda x: 0\nf = lambda x: 9\ng = lambda x: [1, 2]",
    "redefines abs by a function": "def abs(x):\n    return 0\nf = lambda x: 9\ng = lambda x: [1, 2]",
    "redefines abs by import": "from operator import neg as abs\nf = lambda x: 9\ng = lambda x: [1, 2]",
    "redefines abs when called": "def f(x):\n    global abs\n    abs = lambda x: 0\n    return 9\ng = lambda x: [1, 2]",
    "redefines sorted": "def sorted(x):\n    return [1, 2]\nf = lambda x: x * x",
    "equals everything": "class A(float):\n    def __eq__(self, other):\n        return True\n    def __sub__(self, other):\n        return 0\nf = lambda x: A()\ng = lambda x: [1, 2]",
    "equals everything by assignment": "class A(float):\n    __eq__ = lambda self, other: True\n    __sub__ = lambda self, other: 0\nf = lambda x: A()\ng = lambda x: [1, 2]",
    "equals everything by type": "A = type('A', (float,), {'__' + 'eq__': lambda s, o: True, '__' + 'sub__': lambda s, o: 0})\nf = lambda x: A()\ng = lambda x: [1, 2]",
    "is never checked": "class A:\n    def __bool__(self):\n        return True\nf = lambda x: A()",
    "patches builtins": "import builtins\nbuiltins.abs = lambda x: 0\nf = lambda x: 9\ng = lambda x: [1, 2]",
    "patches builtins by a name": "globals()['abs'] = lambda x: 0\nf = lambda x: 9\ng = lambda x: [1, 2]",
    "patches a module": "import math\nmath.isclose = lambda *a: True\nf = lambda x: 9",
    "looks for the tests": "import sys\nf = lambda x: sys._getframe(1).f_locals\ng = lambda x: [1, 2]",
    "traces the tests": "import sys\nsys.settrace(lambda *a: None)\nf = lambda x: 7",
    "ends at the exit": "import atexit, os\natexit.register(os._exit, 0)\nf = lambda x: 7",
    "no function at all": "x = 1",
}  # fmt: skip
"""None of these computes what is asked for."""

REACHING = {
    "a class of a data class": 'from dataclasses import make_dataclass\nX = make_dataclass("X", [], namespace={"__e" + "q__": lambda a, b: True})',
    "a class of a metaclass": 'import abc\nX = abc.ABCMeta("X", (), {"_" + "_eq_" + "_": lambda a, b: True})',
    "a metaclass by another name": 'from abc import ABCMeta as M\nX = M("X", (), {"_" + "_eq_" + "_": lambda a, b: True})',
    "a metaclass by inheritance": 'import abc\nclass M(abc.ABCMeta):\n    pass\nX = M("X", (), {})',
    "the class of classes": 'X = type(int)("X", (), {"_" + "_eq_" + "_": lambda a, b: True})',
    "the class of classes, kept": 'T = type(int)\nX = T("X", (), {})',
    "the class of enumerations": 'import enum\nX = enum.EnumMeta("X", (), {})',
    "a module by another name": "import math\nm = math\nm.isclose = lambda *a: True",
    "a module in a list": "import math\n[math][0].isclose = lambda *a: True",
    "a module handed on": "import math\ndef change(m):\n    m.isclose = lambda *a: True\nchange(math)",
    "a module's class": "import collections\ncollections.Counter.most_common = lambda *a: []",
    "a module in a loop": "import math\nfor math.isclose in [lambda *a: True]:\n    pass",
    "a module inside a module": "import enum\nenum.bltns.sorted = lambda x: [1]",
    "a private module": "import random\nrandom._os.environ",
    "a private module by import": "from random import _os",
    "an imported module by import": "from dataclasses import sys",
    "attributes by text": 'import string\nstring.Formatter().get_field("0._" + "_globals_" + "_", (f,), {})[0]["abs"] = id',
    "globals by a format": '("{0._" + "_globals_" + "_}").format(f)',
    "globals by a function that formats": 'list(map(str.format, ["{0._" + "_globals_" + "_}"], [f]))',
    "code in an annotation": 'import typing\ndef g(x: "globals().clear()"):\n    pass\ntyping.get_type_hints(g)',
    "code in an annotation that is looked up": 'from functools import singledispatch as s\n@s\ndef g(x):\n    pass\n@g.register\ndef h(x: "globals().clear()"):\n    pass',
    "attributes that are copied": 'from functools import wraps\nwraps(D, ("_" + "_eq_" + "_",))(X)',
    "attributes by a copy": "import copy\nclass C:\n    def __reduce_ex__(self, version):\n        return (list, (), None)\ncopy.copy(C())",
    "a division that is always one": "class A:\n    def __truediv__(self, other):\n        return 1.0",
    "a special name as a keyword": "dict(__eq__=lambda a, b: True)",
    "a builtin in a default": "def h(x=(sorted := list)):\n    pass",
    "a builtin in a base": "class H((sorted := list)):\n    pass",
    "a builtin in a decorator": "@(sorted := lambda x: x)\ndef h():\n    pass",
    "a builtin in a pattern": "match {}:\n    case {**sorted}:\n        pass",
    "frames of asynchronous generators": "async def g():\n    yield\ng().ag_frame",
}
"""What leads to the judge, or makes results that nothing can be said of."""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return an event loop that the checks of the module share, so that the interpreter need not start for each."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.fixture(scope="module")
def monty(loop: asyncio.AbstractEventLoop) -> Iterator["Judge"]:
    """Return `python:` with tests, and a limit of time that is soon broken."""
    pytest.importorskip("pydantic_monty")
    check = PythonCheck("", monty=Monty(replace(LIMITS, seconds=2.0), what="this test"))
    yield Judge(loop, check)
    loop.run_until_complete(check.close())


@pytest.fixture(scope="module")
def real(loop: asyncio.AbstractEventLoop) -> "Judge":
    """Return `python3:` with tests, and limits that are soon broken."""
    return Judge(loop, Python3Check("", limits=Limits(seconds=4, cpu_seconds=2, memory=300 << 20, processes=4)))


class Judge:
    """A check that is asked from outside of its event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, check: object) -> None:
        self._loop = loop
        self._check = check

    def __call__(self, code: str, tests: str = TESTS) -> Verdict:
        """Judge code."""
        submission = Submission(question="", output=f"```python\n{code}\n```", tests=tests)
        verdict: Verdict = self._loop.run_until_complete(self._check.check(submission))  # type: ignore[attr-defined]
        return verdict


def test_honest_code_is_right(monty: Judge) -> None:
    """What passes by computing is called right."""
    assert monty(HONEST).judgement == "right"
    assert monty(WRONG).judgement == "wrong"


@needs_jail
def test_honest_code_is_right_in_python(real: Judge) -> None:
    """The same in the sandbox of commands."""
    assert real(HONEST).judgement == "right"
    assert real(WRONG).judgement == "wrong"


@pytest.mark.parametrize("attack", ESCAPES)
def test_nothing_gets_out_of_the_interpreter(attack: str, monty: Judge) -> None:
    """A statement that reaches for files, network or programs ends the code, which is then not right."""
    assert monty(f"{HONEST}{ESCAPES[attack]}\n").judgement != "right"


@needs_jail
@pytest.mark.parametrize("attack", ESCAPES)
def test_nothing_gets_out_of_the_sandbox(attack: str, real: Judge) -> None:
    """The same for the Python that has all of it: the statement itself fails, not only the guard behind it."""
    verdict = real(f"{HONEST}{ESCAPES[attack]}\n")

    assert verdict.judgement == "wrong" or (verdict.judgement == "unknown" and attack in HARMLESS)
    assert not Path("/tmp/marco-was-here").exists()  # noqa: S108 (where the attack writes)


@pytest.mark.parametrize("attack", LIMITS_BROKEN)
def test_each_ends_in_its_limit_in_the_interpreter(attack: str, monty: Judge) -> None:
    """Time and memory are bounded, whatever the code catches."""
    assert monty(f"{HONEST}{LIMITS_BROKEN[attack]}\n").judgement != "right"


@needs_jail
@pytest.mark.parametrize("attack", LIMITS_BROKEN)
def test_each_ends_in_its_limit_in_the_sandbox(attack: str, real: Judge) -> None:
    """The same in the sandbox of commands."""
    assert real(f"{HONEST}{LIMITS_BROKEN[attack]}\n").judgement == "wrong"


@needs_jail
@pytest.mark.parametrize(
    "attack",
    [
        "print('x' * 10**7)",
        "import sys\nwhile True:\n    sys.stdout.write('x' * 10**6)",
        "import os\nwhile True:\n    os.write(1, b'x' * 10**6)",
        "n = 0\nwhile True:\n    n += 1\n    open(str(n), 'wb').write(bytes(10**6) + b'x' * 10**7)",
        "open('big', 'wb').write(b'x' * 10**8)",
        "import threading\nwhile True:\n    threading.Thread(target=threading.Event().wait).start()",
    ],
)
def test_floods_end(attack: str, real: Judge) -> None:
    """Output goes nowhere; files and threads have limits."""
    verdict = real(f"{HONEST}{attack}\n")

    assert verdict.judgement == "wrong" or attack.startswith("print")


@pytest.mark.parametrize("attack", FRAUDS)
def test_no_fraud_is_called_right(attack: str, monty: Judge) -> None:
    """Code that fools its tests instead of passing them is wrong, or proves nothing."""
    assert monty(FRAUDS[attack]).judgement != "right"


@needs_jail
@pytest.mark.parametrize("attack", FRAUDS)
def test_no_fraud_is_called_right_in_python(attack: str, real: Judge) -> None:
    """The same where all of Python is at hand."""
    assert real(FRAUDS[attack]).judgement != "right"


@pytest.mark.parametrize(
    "code",
    [
        HONEST,
        "import math\nfrom typing import List, Optional\nfrom collections import Counter, defaultdict\n" + HONEST,
        "import sys\nsys.setrecursionlimit(10000)\nf = lambda x: sys.maxsize",
        'class Stack:\n    """A stack.\n\n    See __init__ and __eq__.\n    """\n    def __init__(self):\n        self.items = []\n    def __repr__(self):\n        return "Stack"',
        "def f(list):\n    max = list[0]\n    sum = 0\n    for abs in list:\n        sum += abs\n    return sum\n",
        'if __name__ == "__main__":\n    print(type(3), isinstance(3, int))',
        "import abc\nclass A(metaclass=abc.ABCMeta):\n    @abc.abstractmethod\n    def f(self): ...",
        "def f(x):\n    return type(x).__name__ if type(x) is int or type(x) == str else f'{type(x)}'",
        "from functools import wraps, lru_cache\ndef d(f):\n    @wraps(f)\n    def g(*a):\n        return '{}'.format(f(*a))\n    return g",
        "import collections.abc\nimport heapq as h\ndef f(x: collections.abc.Iterable) -> 'list[int]':\n    return h.nlargest(1, x)",
        "import re\nimport datetime as dt\nre.compile('x').sub('', str(dt.datetime.now()))",
        "class V:\n    def __init__(self, x):\n        self.x = x\n    def __add__(self, other):\n        return V(self.x + other.x)",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n",
    ],
)
def test_usual_code_is_not_suspicious(code: str) -> None:
    """What models write every day, names of builtins inside functions included, raises no suspicion."""
    assert suspicion(code, TESTS) == ""


@pytest.mark.parametrize("attack", REACHING)
def test_what_reaches_for_its_judge_is_not_believed(attack: str) -> None:
    """By whatever way of the language and of the modules that code may import."""
    assert suspicion(HONEST + REACHING[attack], TESTS)


@needs_jail
def test_no_socket_is_reached(real: Judge) -> None:
    """A server on this machine hears nothing of code that calls it."""
    heard = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        real(f"{HONEST}\nimport socket\nsocket.create_connection(('127.0.0.1', {port}))\n")
        try:
            server.accept()
            heard.set()
        except TimeoutError:
            pass
    assert not heard.is_set()
