import subprocess
import sys

import pytest
from patience import PATIENCE

from marco_cli.errors import ConfigError
from marco_cli.prompt import worker
from marco_cli.prompt.worker import DEADLINE, fault_error, run_template, stop, template_contents

NOW = "2026-11-30T08:05:00"
HINT = "try --chat-template chatml"


def run(template: str, seconds: float = DEADLINE, **variables: object) -> str:
    """Run a template in the child process; a fault is raised as the error that users see."""
    (result,) = run_template(template, [{"messages": [], "now": NOW, **variables}], seconds)
    if "text" not in result:
        raise fault_error(result, hint=HINT)
    return result["text"]


def test_blocks_leave_no_white_space() -> None:
    """Tags on lines of their own vanish with their lines, as chat templates expect."""
    assert run("{% if true %}\n  {% set x = 1 %}\na{{ x }}\n{% endif %}\n") == "a1\n"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "02"),
        ("{{ {'a': '你<b>'} | tojson }}", '{"a": "你<b>"}'),
        (
            "{{ {'b': 1, 'a': '你'} | tojson(ensure_ascii=true, separators=(',', ':'), sort_keys=true) }}",
            '{"a":"\\u4f60","b":1}',
        ),
        ("{% generation %}a{% if true %}\n  {{ 'b' }}\n{% endif %}{% endgeneration %}c", "a  b\nc"),
        ("{% set a = 1 %}{% generation %}{% set a = 2 %}{{ a }}{% endgeneration %}{{ a }}", "21"),
        ("{{ strftime_now('%d %b %Y %H:%M') }}", "30 Nov 2026 08:05"),
        ("{{ 'a b' | center(7) }}|{{ 'ab'.ljust(4) }}|{{ [1, 2, 3] | batch(2) | list }}", "  a b  |ab  |[[1, 2], [3]]"),
        ("{{ [1] | tojson(indent=2) }}", "[\n  1\n]"),
        ("{{ undefined_name }}|{{ x.missing }}", "|"),
        ("{% set ns = namespace(n=1) %}{% for i in [1, 2] %}{% set ns.n = ns.n * 3 %}{% endfor %}{{ ns.n }}", "9"),
        ("{% macro m(a) %}<{{ a }}>{% endmacro %}{{ m('x') * 2 }}", "<x><x>"),
        ("{{ ' a ' | trim }}{{ 'a-b'.split('-')[-1] }}", "ab"),
        (
            "{% for i in 'abc' %}{{ loop.index }}/{{ loop.length }}{{ i }}{{ loop.nextitem }}{{ loop.last }} {% endfor %}",
            "1/3abFalse 2/3bcFalse 3/3cTrue ",
        ),
        ("{% for i in [1, 2, 3, 4] if i % 2 == 0 %}{{ i }}{{ loop.revindex0 }}{% else %}no{% endfor %}", "2140"),
        ("{% for i in missing %}{{ i }}{% else %}none{% endfor %}", "none"),
        ("{% for key, value in {'a': 1}.items() %}{{ key }}{{ value }}{% endfor %}", "a1"),
        ("{% for i in [1, [2, [3]]] recursive %}{{ loop(i) if i is iterable else i }}{% endfor %}", "123"),
        (
            "{{ 'a' ~ 1 ~ none }}{{ 'abc'[::-1] }}{{ [1, 2, 3][1:] }}{{ [1] + [2] }}{{ 'a' + 'b' }}",
            "a1Nonecba[2, 3][1, 2]ab",
        ),
        ("{{ '%02d:%s' % (5, 'a') }}{{ '%.2f' | format(1) }}{{ '%(a)s' % {'a': 2} }}{{ 7 % 4 }}", "05:a1.0023"),
        ("{{ '{:>3}{}{a}'.format(1, 'b', a='c') }}{{ '{a}'.format_map({'a': 1}) }}", "  1bc1"),
        ("{{ 'aaa'.replace('a', 'bc', 2) }}{{ 'aaa' | replace('a', 'b', 1) }}{{ 11 | replace(1, 2) }}", "bcbcabaa22"),
        (
            "{{ ','.join(['a', 'b']) }}{{ [1, 2] | join('-') }}{{ [{'n': 1}, {'n': 2}] | join('+', attribute='n') }}",
            "a,b1-21+2",
        ),
        ("{{ 'a\nb' | indent(2) }}{{ 'a\nb' | indent('> ', true) }}", "a\n  b> a\n> b"),
        ("{{ 2.5 | round }}{{ 1.25 | round(1, 'floor') | string }}", "2.01.2"),
        ("{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}a{% endcall %}", "<a>"),
        ("{% set x %}a{{ 1 }}{% endset %}{{ x | upper }}{% filter upper %}b{{ x }}{% endfilter %}", "A1BA1"),
    ],
)
def test_what_chat_templates_use_works(template: str, text: str) -> None:
    """Loop controls, JSON without escapes, macros, namespaces and string methods behave as in transformers."""
    assert run(template, x={}) == text


@pytest.mark.parametrize(
    ("template", "part"),
    [
        ("{% if %}", "not valid Jinja2, line 1"),
        ("{{ 'a", "not valid Jinja2, line 1"),
        ("a\n{% endfor %}", "not valid Jinja2, line 2"),
        ("{% include 'x' %}", "failed"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "failed"),
        ("{{ raise_exception.__globals__.os }}", "failed"),
        ("{{ range.__closure__[0] }}", "failed"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "failed"),
        ("{% set _ = x.append(1) %}", "failed"),
        (
            "{{ raise_exception('roles must\nalternate \x1b[31m') }}",
            "refused the conversation: roles must alternate �[31m",
        ),
        ("{{ 1 / 0 }}", "failed: division by zero"),
        ("{{ 'a' + 1 }}", "failed"),
        ("{{ missing.deep.er }}", "failed"),
        ("{% for i in [1] %}" * 25 + "{% endfor %}" * 25, "failed: too many statically nested blocks"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "failed"),
        ("{{ '('*60 + '1' }}{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "chat template"),
        ("{{ 'a' * 'b' }}", "failed"),
    ],
)
def test_a_faulty_or_hostile_template_ends_in_one_line(template: str, part: str) -> None:
    """Nothing of Python is reachable, nothing that was given is changed, and every fault is one printable line."""
    with pytest.raises(ConfigError) as caught:
        run(template, x=[1])

    assert part in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 250
    assert caught.value.hint == HINT


def test_a_template_that_did_not_end_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute later it has another chance: the machine may have been asleep."""
    template = "{{ 9 ** 999999998 }}"
    for seconds in (0.5, 600):
        with pytest.raises(ConfigError, match="did not end"):
            run(template, seconds=seconds)
    monkeypatch.setitem(worker._endless, template, -1e9)

    with pytest.raises(ConfigError, match="did not end"):
        run(template, seconds=0.5)


DOUBLED = "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}"


@pytest.mark.parametrize(
    "template",
    [
        "{% set r = range(50000) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{{ 9 ** 999999999 }}",
        DOUBLED + "{{ ns.x == ns.y }}",
        DOUBLED + "{{ ns.x | tojson }}",
        DOUBLED + "{{ ns.x }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
        "{{ 'a' * 100000000000 }}",
        "{{ 'a'.ljust(4000000000) }}",
        "{{ '%4000000000d' % 1 }}",
        "{{ [1] | tojson(indent=4000000000) }}",
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% for i in range(2000) %}{{ 'a' * 10000 }}{% endfor %}",
    ],
)
def test_a_template_that_does_not_end_is_ended(template: str) -> None:
    """Loops, recursion, long calls in C and a filled memory end in one line; the next template finds a fresh process."""
    with pytest.raises(ConfigError, match=r"^the chat template (failed|did not end|ended the process)") as caught:
        run(template, seconds=0.5)

    assert caught.value.message.isprintable()
    assert run("ok") == "ok"


def test_a_template_that_ends_its_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even code that kills the process it runs in costs this one a line."""
    monkeypatch.setattr("marco_cli.prompt.worker._CODE", "print('{}', flush=True); input()")
    stop()

    with pytest.raises(ConfigError, match="ended the process that it ran in"):
        run("ok")
    monkeypatch.undo()
    assert run("ok") == "ok"


def test_a_long_conversation_is_far_from_the_bounds() -> None:
    """Half a million characters in five hundred turns, gathered turn by turn and each looked at several times."""
    turns = [{"role": "user", "content": "word " * 200}] * 500
    template = (
        "{% set ns = namespace(text='') %}{% for turn in messages %}"
        "{% if messages[:loop.index] | length == loop.index %}"
        "{% set ns.text = ns.text + '<|' ~ turn['role'] ~ '|>' + turn.content.split('</think>')[-1] | trim %}"
        "{% endif %}{% endfor %}{{ ns.text }}"
    )

    assert len(run(template, messages=turns)) == 500 * len("<|user|>" + ("word " * 200).strip())


def test_what_a_template_reads_and_compares_with_is_known() -> None:
    """Names that it sets itself count too: it may set what it is not given."""
    template = "{% if not x is defined %}{% set x = 'a' %}{% endif %}{{ x == 'b' }}{{ y.z }}"

    assert template_contents(template) == (frozenset({"x", "y"}), ("a", "b"))


INTERRUPTED = """
import os, signal, threading, time
from marco_cli.prompt.worker import run_template
is_over = threading.Event()
def interrupt():
    while not is_over.wait(0.5):
        os.kill(os.getpid(), signal.SIGINT)
def wait():
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        run_template("{{ 9 ** 999999999 }}", [{"messages": [], "now": "2026-11-30"}], 600)
    except KeyboardInterrupt:
        is_over.set()
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "code",
    [
        "wait()",
        """
import asyncio
async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, int)
    wait()
asyncio.run(main())
""",
    ],
    ids=["plain", "in an event loop"],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_ends_a_template_at_once(code: str) -> None:
    """Neither ten minutes of deadline nor an event loop that cannot run keep it waiting, and no process stays behind."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED + code], capture_output=True, text=True, timeout=PATIENCE, check=False
    )

    assert done.stdout.startswith("interrupted")
