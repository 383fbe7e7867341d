r"""Read a formula, in LaTeX or as people type it, into a tree.

In: text such as `\left( 3, \frac{\pi}{2} \right)`, `2k+2`, `x \in [-2,7]`. Out: a `Node`, or `NotFormulaError` where the text
is no formula. Work is linear in the text, which may hold `MOST_TOKENS` tokens and brackets `DEEPEST` deep. What the tree is
worth is the business of `expression`, and what its commas, brackets and relations mean that of `compound`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from marco_cli.answer.symbols import NotFormulaError, Token, tokenise

DEEPEST: Final = 40


@dataclass(frozen=True, slots=True)
class Node:
    """An operation, what it is applied to, and the text that belongs to it: digits, a name, brackets or a sign."""

    op: str
    args: tuple["Node", ...] = ()
    text: str = ""


def parse(text: str, *, is_math: bool = True) -> Node:
    r"""Return the tree of a formula; several with commas between are a `list`.

    Args:
        text: the formula.
        is_math: whether it stood in a box or between dollars, where letters are variables and no words.

    Raises:
        NotFormulaError: it is none, or it is too long or too deep.

    """
    parser = _Parser(tokenise(text, is_math=is_math))
    node = parser.items()
    if parser.here.kind != "end":
        raise NotFormulaError(text)
    return node


_END: Final = Token("end", "")
_CLOSING: Final = {"(": ")]", "[": "])", r"\{": (r"\}",), r"\langle": (r"\rangle",)}
_AROUND: Final = {r"\lfloor": (r"\rfloor", "floor"), r"\lceil": (r"\rceil", "ceil"), r"\lvert": (r"\rvert", "abs")}
_CONSTANTS: Final = {r"\pi": "pi", "pi": "pi", "e": "e", "i": "i", r"\infty": "inf", r"\emptyset": "empty"}
_POSTFIX: Final = {"!": "factorial", "deg": "degrees", "%": "percent"}
_INVERSE: Final = {"sin": "asin", "cos": "acos", "tan": "atan"}


class _Parser:
    """Recursive descent, one token of look-ahead."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._bars = 0

    @property
    def here(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _accept(self, *texts: str) -> str | None:
        token = self.here
        if token.kind not in {"number", "text"} and token.text in texts:
            self._at += 1
            return token.text
        return None

    def _expect(self, *texts: str) -> str:
        found = self._accept(*texts)
        if found is None:
            raise NotFormulaError(self.here.text)
        return found

    def items(self) -> Node:
        """A list: one or more relations with commas, semicolons, `and` or `or` between."""
        found = [self._relation()]
        while self._accept(",", ";", "and"):
            self._accept("and")
            found.append(self._relation())
        return found[0] if len(found) == 1 else Node("list", tuple(found))

    def _relation(self) -> Node:
        if self.here.kind == "text" and self._tokens[self._at + 1 : self._at + 2] == [Token("relation", "=")]:
            self._at += 2  # a label, of which the right side says the value
        sides, signs = [self._ratio()], []
        while self.here.kind == "relation":
            signs.append(self.here.text)
            self._at += 1
            sides.append(self._ratio())
        return Node("relation", tuple(sides), " ".join(signs)) if signs else sides[0]

    def _ratio(self) -> Node:
        return self._joined(":", "ratio", lambda: self._joined(r"\cup", "union", self._sum))

    def _joined(self, sign: str, op: str, operand: Callable[[], Node]) -> Node:
        parts = [operand()]
        while self._accept(sign):
            parts.append(operand())
        return parts[0] if len(parts) == 1 else Node(op, tuple(parts))

    def _sum(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotFormulaError("too deep")
        terms = [self._term()]
        while sign := self._accept("+", "-"):
            term = self._term()
            terms.append(Node("negative", (term,)) if sign == "-" else term)
        self._depth -= 1
        self._skip_unit()
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def _skip_unit(self) -> None:
        """Pass over words after a value, such as a unit with its power."""
        while self.here.kind == "text":
            self._at += 1
            if self._accept("^"):
                self._argument()

    def _term(self) -> Node:
        node = self._signed()
        while True:
            if self._accept("*"):
                node = Node("multiply", (node, self._signed()))
            elif self._accept("/"):
                node = Node("divide", (node, self._signed()))
            elif self._begins_atom():
                node = self._implicit(node)
            else:
                return node

    def _implicit(self, node: Node) -> Node:
        """Two factors side by side; a whole number before a plain fraction is a mixed number."""
        mixed = self.here.text == "frac" and node.op == "number"
        if self.here.kind == "number" and self._tokens[self._at - 1].text not in {")", "}"}:
            return self._mixed(node)
        factor = self._power()
        if mixed and factor.op == "divide" and all(part.op == "number" for part in factor.args):
            return Node("add", (node, factor))
        return Node("multiply", (node, factor))

    def _mixed(self, whole: Node) -> Node:
        above = self._atom()
        if whole.op != "number" or not self._accept("/") or self.here.kind != "number":
            raise NotFormulaError("two numbers side by side")
        return Node("add", (whole, Node("divide", (above, self._atom()))))

    def _begins_atom(self) -> bool:
        token = self.here
        if token.text in {"|", "["}:
            return token.text == "|" and not self._bars
        return token.kind in {"number", "letter", "function", "open"}

    def _signed(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotFormulaError("too deep")
        negative = False
        while sign := self._accept("-", "+"):
            negative ^= sign == "-"
        node = self._power()
        self._depth -= 1
        return Node("negative", (node,)) if negative else node

    def _power(self) -> Node:
        node = self._postfix(self._atom())
        while self._accept("^"):
            if self._accept("*"):  # a conjugate, a star
                raise NotFormulaError("^*")
            node = self._postfix(Node("power", (node, self._argument())))
        return node

    def _postfix(self, node: Node) -> Node:
        while self.here.text in _POSTFIX and self.here.kind == "sign":
            node = Node(_POSTFIX[self.here.text], (node,))
            self._at += 1
        return node

    def _argument(self) -> Node:
        """What belongs to a command, an exponent or a root: a group in braces, else one digit or letter."""
        if self._accept("{"):
            node = self._sum()
            self._expect("}")
            return node
        if self._accept("-"):
            return Node("negative", (self._argument(),))
        token = self.here
        if token.kind == "number" and token.is_latex and len(token.text) > 1 and token.text.isdigit():
            self._tokens[self._at] = Token("number", token.text[1:], is_latex=True)
            return Node("number", text=token.text[0])
        return self._atom()

    def _atom(self) -> Node:
        token = self.here
        self._at += 1
        read = {"number": self._numeral, "letter": self._named, "function": self._call}.get(token.kind, self._group)
        return read(token.text)

    def _group(self, opening: str) -> Node:
        """What stands between two signs that belong together; the first is read."""
        if opening == "|":
            self._bars += 1
            node = Node("abs", (self._sum(),))
            self._bars -= 1
            self._expect("|")
            return node
        if opening in _AROUND:
            closing, op = _AROUND[opening]
            node = Node(op, (self._sum(),))
            self._expect(closing)
            return node
        if opening == "{":
            node = self.items()
            self._expect("}")
            return Node("bracket", node.args, r"\{\}") if node.op == "list" else node
        return self._matrix(opening[7:-1]) if opening.startswith(r"\begin") else self._bracketed(opening)

    def _numeral(self, digits: str) -> Node:
        """A number; with an index it is written in another base, and no more is known of it."""
        if self._accept("_"):
            return Node("variable", text=f"{digits}_{self._index()}")
        return Node("number", text=digits)

    def _named(self, name: str) -> Node:
        if name in _CONSTANTS and self.here.text != "_":
            return Node("constant", text=_CONSTANTS[name])
        if self._accept("_"):
            name = f"{name}_{self._index()}"
        while self._accept("'"):
            name += "'"
        return Node("variable", text=name)

    def _index(self) -> str:
        if not self._accept("{"):
            self._at += 1
            return self._tokens[self._at - 1].text if self._at <= len(self._tokens) else ""
        start = self._at
        while self.here.kind != "end" and self.here.text != "}":
            self._at += 1
        self._expect("}")
        return "".join(token.text for token in self._tokens[start : self._at - 1])

    def _call(self, name: str) -> Node:
        if name in {"frac", "binom"}:
            op = "divide" if name == "frac" else "binomial"
            return Node(op, (self._argument(), self._argument()))
        if name == "√":  # typed, it takes a whole number; LaTeX takes a digit
            return Node("root", (Node("number", text="2"), self._atom()))
        if name == "sqrt":
            degree = Node("number", text="2")
            if self._accept("["):
                degree = self._sum()
                self._expect("]")
            return Node("root", (degree, self._argument()))
        base = (self._argument(),) if name == "log" and self._accept("_") else ()
        exponent = self._argument() if self._accept("^") else None
        if exponent == Node("negative", (Node("number", text="1"),)):
            if name not in _INVERSE:
                raise NotFormulaError(name)
            name, exponent = _INVERSE[name], None
        node = Node("call", (self._applied(), *base), name)
        return node if exponent is None else Node("power", (node, exponent))

    def _applied(self) -> Node:
        """The argument of a function: a bracket, else the factors up to the next sign or function."""
        if self.here.text in {"(", "{", "["}:
            return self._atom()
        node = self._signed()
        while self._begins_atom() and (self.here.kind != "function" or self.here.text in {"frac", "sqrt", "√"}):
            node = self._implicit(node)
        return node

    def _bracketed(self, opening: str) -> Node:
        if opening not in _CLOSING:
            raise NotFormulaError(opening)
        if self._accept(*_CLOSING[opening]):
            return Node("bracket", (), opening + self._tokens[self._at - 1].text)
        node = self.items()
        closing = self._expect(*_CLOSING[opening])
        inside = node.args if node.op == "list" else (node,)
        if len(inside) == 1 and (opening + closing in {"()", "[]"} or inside[0].op == "matrix"):
            # Only a sum can be in brackets for the order of work alone.
            return inside[0]
        return Node("bracket", inside, opening + closing)

    def _matrix(self, name: str) -> Node:
        if not name.endswith("matrix"):
            raise NotFormulaError(name)
        end = rf"\end{{{name}}}"
        rows, row = [], [self._sum()]
        while sign := self._accept("&", r"\\"):
            if sign == r"\\":
                rows.append(Node("row", tuple(row)))
                row = []
                if self.here.text == end:
                    break
            row.append(self._sum())
        self._expect(end)
        rows += [Node("row", tuple(row))] if row else []
        return Node("matrix", tuple(rows), name)
