r"""Read a formula, in LaTeX or as people type it, into a tree.

In: text such as `\left( 3, \frac{\pi}{2} \right)`, `2k+2`, `x \in [-2,7]`. Out: a `Node`, or `NotFormulaError` where the text
is not a formula. Work is linear in the text, which may hold `MOST_TOKENS` tokens and brackets `DEEPEST` deep. What the tree is
worth is the business of `expression`, and what its commas, brackets and relations mean that of `compound`.
"""

from collections.abc import Callable
from typing import Final

from marco_cli.answer.formula import Cursor, Node
from marco_cli.answer.notation import AROUND, BRACKETS, CONSTANTS, INVERSE, POSTFIX
from marco_cli.answer.symbols import NotFormulaError, Token, tokenise

DEEPEST: Final = 40
MOST_FACTORS: Final = 60
"""Of a product without brackets."""


def parse(text: str, *, is_math: bool = True) -> Node:
    """Return the tree of a formula; several with commas between are a `list`.

    With `is_math` it stood in a box or between dollars, where letters are variables and no words. Raises `NotFormulaError`.
    """
    parser = _Parser(tokenise(text, is_math=is_math))
    node = parser.items()
    if parser.here.kind != "end":
        raise NotFormulaError(text)
    return node


class _Parser(Cursor):
    """Recursive descent."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._depth = 0
        self._bars = 0

    def items(self) -> Node:
        """A list: one or more relations with commas, semicolons, `and` or `or` between."""
        found, joints = [self._relation()], set()
        while joint := self.accept(",", ";", "and", "or"):
            joints.add(self.accept("and", "or") or joint)
            found.append(self._relation())
        return found[0] if len(found) == 1 else Node("list", tuple(found), "or" if "or" in joints else "")

    def _relation(self) -> Node:
        if self.here.kind == "text" and self.tokens[self.at + 1 : self.at + 2] == [Token("relation", "=")]:
            self.at += 2  # a label, of which the right side says the value
        sides, signs = [self._ratio()], []
        while self.here.kind == "relation":
            signs.append(self.here.text)
            self.at += 1
            sides.append(self._ratio())
        return Node("relation", tuple(sides), " ".join(signs)) if signs else sides[0]

    def _ratio(self) -> Node:
        return self._joined(":", "ratio", lambda: self._joined(r"\cup", "union", self._sum))

    def _joined(self, sign: str, op: str, operand: Callable[[], Node]) -> Node:
        parts = [operand()]
        while self.accept(sign):
            parts.append(operand())
        return parts[0] if len(parts) == 1 else Node(op, tuple(parts))

    def _sum(self) -> Node:
        terms = [self._term()]
        while sign := self.accept("+", "-"):
            term = self._term()
            terms.append(Node("negative", (term,)) if sign == "-" else term)
        while self.here.kind == "text":  # a unit, with its power
            self.at += 1
            if self.accept("^"):
                self._argument()
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def _term(self) -> Node:
        node = self._signed()
        for _ in range(MOST_FACTORS):
            if self.accept("*"):
                node = Node("multiply", (node, self._signed()))
            elif self.accept("/"):
                node = Node("divide", (node, self._signed()))
            elif self._begins_atom():
                node = self._implicit(node)
            else:
                return node
        raise NotFormulaError("too many factors")

    def _implicit(self, node: Node) -> Node:
        """Two factors side by side; a whole number before a plain fraction is a mixed number."""
        mixed = self.here.text == "frac" and node.op == "number"
        if self.here.kind == "number" and self.tokens[self.at - 1].text not in {")", "}"}:
            return self._mixed(node)
        factor = self._power()
        if mixed and factor.op == "divide" and all(part.op == "number" for part in factor.args):
            return Node("add", (node, factor))
        return Node("multiply", (node, factor))

    def _mixed(self, whole: Node) -> Node:
        above = self._atom()
        if whole.op != "number" or not self.accept("/") or self.here.kind != "number":
            raise NotFormulaError("two numbers side by side")
        return Node("add", (whole, Node("divide", (above, self._atom()))))

    def _begins_atom(self) -> bool:
        token = self.here
        if token.text in {"|", "["}:
            return token.text == "|" and not self._bars
        return token.kind in {"number", "letter", "function", "open"}

    def _signed(self) -> Node:
        negative = False
        while sign := self.accept("-", "+"):
            negative ^= sign == "-"
        node = self._power()
        if node.op == "number" and (self.here.text == "frac" or self.here.kind == "number"):
            node = self._implicit(node)
        return Node("negative", (node,)) if negative else node

    def _power(self) -> Node:
        node = self._postfix(self._atom())
        if self.accept("^"):
            node = self._postfix(Node("power", (node, self._argument())))
        if self.here.text in {"^", "_"}:
            raise NotFormulaError("no one power or index")
        return node

    def _postfix(self, node: Node) -> Node:
        for sign, op in POSTFIX.items():
            if self.accept(sign):
                node = Node(op, (node,))
        return node

    def _argument(self) -> Node:
        """What belongs to a command, an exponent or a root: a group in braces, else one digit or letter."""
        if self.accept("{"):
            node = self._sum()
            self.expect("}")
            return node
        if self.accept("-"):
            return Node("negative", (self._atom(),))
        token = self.here
        if token.kind == "number" and token.is_latex and len(token.text) > 1 and token.text.isdigit():
            self.tokens[self.at] = Token("number", token.text[1:], is_latex=True)
            return Node("number", text=token.text[0])
        return self._atom()

    def _atom(self) -> Node:
        token = self.here
        self.at += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotFormulaError("too deep")
        read = {"number": self._numeral, "letter": self._named, "function": self._call}.get(token.kind, self._group)
        node = read(token.text)
        self._depth -= 1
        return node

    def _group(self, opening: str) -> Node:
        """What stands between two signs that belong together; the first is read."""
        if opening == "|":
            self._bars += 1
            node = Node("abs", (self._sum(),))
            self._bars -= 1
            self.expect("|")
            return node
        if opening in AROUND:
            closing, op = AROUND[opening]
            node = Node(op, (self._sum(),))
            self.expect(closing)
            return node
        if opening == "{":
            node = self.items()
            self.expect("}")
            return Node("bracket", node.args, r"\{\}") if node.op == "list" else node
        return self._matrix(opening[7:-1]) if opening.startswith(r"\begin") else self._bracketed(opening)

    def _numeral(self, digits: str) -> Node:
        """A number; with an index it is written in another base, and no more is known of it."""
        if self.accept("_"):
            return Node("variable", text=f"{digits}_{self.index()}")
        return Node("number", text=digits)

    def _named(self, name: str) -> Node:
        if name in CONSTANTS and self.here.text != "_":
            return Node("constant", text=CONSTANTS[name])
        if self.accept("_"):
            name = f"{name}_{self.index()}"
        while self.accept("'"):
            name += "'"
        return Node("variable", text=name)

    def _call(self, name: str) -> Node:
        if name in {"frac", "binom"}:
            op = "divide" if name == "frac" else "binomial"
            return Node(op, (self._argument(), self._argument()))
        if name == "√":  # typed, it takes a whole number; LaTeX takes a digit
            return Node("root", (Node("number", text="2"), self._atom()))
        if name == "sqrt":
            degree = Node("number", text="2")
            if self.accept("["):
                degree = self._sum()
                self.expect("]")
            return Node("root", (degree, self._argument()))
        base = (self._argument(),) if name == "log" and self.accept("_") else ()
        exponent = self._argument() if self.accept("^") else None
        if exponent == Node("negative", (Node("number", text="1"),)):
            if name not in INVERSE:
                raise NotFormulaError(name)
            name, exponent = INVERSE[name], None
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
        if opening not in BRACKETS:
            raise NotFormulaError(opening)
        if self.accept(*BRACKETS[opening]):
            return Node("bracket", (), opening + self.tokens[self.at - 1].text)
        node = self.items()
        closing = self.expect(*BRACKETS[opening])
        inside = node.args if node.op == "list" else (node,)
        if len(inside) == 1 and (opening + closing in {"()", "[]"} or inside[0].op == "matrix"):
            return inside[0]  # brackets for the order of work alone
        return Node("bracket", inside, opening + closing)

    def _matrix(self, name: str) -> Node:
        if not name.endswith("matrix"):
            raise NotFormulaError(name)
        end = rf"\end{{{name}}}"
        rows, row = [], [self._sum()]
        while sign := self.accept("&", r"\\"):
            if sign == r"\\":
                rows.append(Node("row", tuple(row)))
                row = []
                if self.here.text == end:
                    break
            row.append(self._sum())
        self.expect(end)
        rows += [Node("row", tuple(row))] if row else []
        return Node("matrix", tuple(rows), name)
