"""A formula as a tree, and the row of symbols that it is read from."""

from dataclasses import dataclass
from typing import Final

from marco_cli.answer.symbols import NotFormulaError, Token

_END: Final = Token("end", "")


@dataclass(frozen=True, slots=True)
class Node:
    """An operation, what it is applied to, and the text that belongs to it: digits, a name, brackets or a sign."""

    op: str
    args: tuple["Node", ...] = ()
    text: str = ""


class Cursor:
    """A place in a row of tokens, one token of look-ahead."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def here(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def accept(self, *texts: str) -> str | None:
        """Pass over the next token if it is one of these signs; return which."""
        token = self.here
        if token.kind not in {"number", "text"} and token.text in texts:
            self.at += 1
            return token.text
        return None

    def expect(self, *texts: str) -> str:
        """Pass over one of these signs, which must come next.

        Raises:
            NotFormulaError: it does not.
        """
        found = self.accept(*texts)
        if found is None:
            raise NotFormulaError(self.here.text)
        return found

    def index(self) -> str:
        """Pass over an index, in braces or not, and return it."""
        if not self.accept("{"):
            self.at += 1
            return self.tokens[self.at - 1].text if self.at <= len(self.tokens) else ""
        start = self.at
        while self.here.kind != "end" and self.here.text != "}":
            self.at += 1
        self.expect("}")
        return "".join(token.text for token in self.tokens[start : self.at - 1])
