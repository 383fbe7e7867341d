import pytest

from marco_cli.errors import ConfigError
from marco_cli.prompt.sandbox import run_template


def run(template: str, **variables: object) -> str:
    """Run a template with the hint that all errors carry."""
    return run_template(template, variables, hint="try --chat-template chatml")


def test_blocks_leave_no_white_space() -> None:
    """Tags on lines of their own vanish with their lines, as chat templates expect."""
    assert run("{% if true %}\n  {% set x = 1 %}\na{{ x }}\n{% endif %}\n") == "a1\n"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("{% for i in range(3) %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "02"),
        ("{{ {'a': '你<b>'} | tojson }}", '{"a": "你<b>"}'),
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
        ("{{ lipsum(100000) }}", "failed"),
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
    assert caught.value.hint == "try --chat-template chatml"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(10 ** 9) %}{% endfor %}",
        "{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(50000) %}{% for j in range(50000) %}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * [1] }}",
        "{{ 9 ** 999999999 }}",
        "{% for i in range(2000) %}{{ 'a' * 10000 }}{% endfor %}",
        # Loops, calls and recursion.
        "{% set r = range(50000) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
        "{% set r = range(50000) | list %}{% for i in r %}{% for j in r if j %}{% endfor %}{% endfor %}",
        "{% for i in [1] * 60 recursive %}{% if i %}{{ loop([0] * 100000) }}{% endif %}{% endfor %}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        # Doubling.
        *(
            "{% set ns = namespace(x=" + seed + ") %}{% for i in range(60) %}" + step + "{% endfor %}"
            for seed, step in (
                ("'aaaaaaaaaa'", "{% set ns.x = ns.x ~ ns.x %}"),
                ("'aaaaaaaaaa'", "{% set ns.x = ns.x + ns.x %}"),
                ("'aaaaaaaaaa'", "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
                ("'aaaaaaaaaa'", "{% set ns.x = '{0}{0}'.format(ns.x) %}"),
                ("'aaaaaaaaaa'", "{% set ns.x = '%s%s' % (ns.x, ns.x) %}"),
                ("[1]", "{% set ns.x = ns.x + ns.x %}"),
                ("9", "{% set ns.x = ns.x * ns.x %}"),
                ("'\"'", "{% set ns.x = ns.x | tojson %}"),
            )
        ),
        "{% macro m(x, n) %}{% if n %}{{ m(x ~ x, n - 1) }}{% endif %}{% endmacro %}{{ m('aaaaaaaaaa', 60) }}",
        # Padding.
        "{{ 'a'.ljust(4000000000) }}",
        "{{ 'a'.rjust(4000000000) }}",
        "{{ 'a'.center(4000000000) }}",
        "{{ '1'.zfill(4000000000) }}",
        "{{ '\t'.expandtabs(2000000000) }}",
        "{{ (5).to_bytes(4000000000, 'big') }}",
        "{{ '%4000000000d' % 1 }}",
        "{{ '%*d' % (4000000000, 1) }}",
        "{{ '%.999999999f' % 1.0 }}",
        "{{ '%4000000000d' | format(1) }}",
        "{{ '{:4000000000}'.format(1) }}",
        "{{ '{:{}}'.format(1, 4000000000) }}",
        "{{ '{a:4000000000}'.format_map({'a': 1}) }}",
        "{{ 'a\na' | indent(4000000000) }}",
        "{{ [1] | tojson(indent=4000000000) }}",
        "{{ 1.5 | round(400000000, 'ceil') }}",
        # Products.
        "{{ ('a' * 100000).replace('a', 'a' * 100000) }}",
        "{{ ('a' * 100000) | replace('a', 'a' * 100000) }}",
        "{{ ('a' * 100000).join(range(90000) | map('string')) }}",
        "{{ range(90000) | join('a' * 100000) }}",
        "{{ ('{0}' * 30000).format('a' * 100000) }}",
        "{% set x = 'a' * 100000 %}{% for i in range(90000) %}{% set y = x[1:] %}{% endfor %}",
    ],
)
def test_counting_repetition_and_output_are_bounded(template: str) -> None:
    """A short template cannot keep the machine busy or fill its memory by looping, doubling, padding or multiplying."""
    with pytest.raises(ConfigError, match="the chat template failed: "):
        run(template)


@pytest.mark.parametrize("name", ["batch", "center", "slice", "urlize", "wordwrap"])
def test_filters_that_lay_out_pages_are_not_there(name: str) -> None:
    """They pad by any number; a template that asks for one is told its name."""
    with pytest.raises(ConfigError, match=f"No filter named '{name}'"):
        run("{{ 'a' | " + name + " }}")


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


def test_each_run_counts_anew() -> None:
    """The bound is per run: a template that is used often never wears out."""
    template = "{% for i in range(60000) %}{% endfor %}ok"

    assert [run(template) for _ in range(3)] == ["ok"] * 3
