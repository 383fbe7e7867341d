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
    ],
)
def test_counting_repetition_and_output_are_bounded(template: str) -> None:
    """A short template cannot keep the machine busy or fill its memory by counting or multiplying."""
    with pytest.raises(ConfigError, match="the chat template failed: "):
        run(template)


def test_each_run_counts_anew() -> None:
    """The bound is per run: a template that is used often never wears out."""
    template = "{% for i in range(60000) %}{% endfor %}ok"

    assert [run(template) for _ in range(3)] == ["ok"] * 3
