"""The tokens of the query language."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import inf

from emulators.cosmos.sql.values import UNDEFINED, plain

KEYWORDS = frozenset({
    "SELECT", "DISTINCT", "TOP", "VALUE", "AS", "FROM", "JOIN", "IN", "WHERE", "GROUP", "BY", "ORDER", "ASC", "DESC",
    "OFFSET", "LIMIT", "OR", "AND", "NOT", "BETWEEN", "LIKE", "ESCAPE", "TRUE", "FALSE", "NULL", "UNDEFINED", "EXISTS",
    "ARRAY", "RANK",
})  # fmt: skip


CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None, "UNDEFINED": UNDEFINED}


_TOKEN = re.compile(
    r"""\s*(?:--[^\n]*\n?\s*)*(?:
      (?P<number>0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<parameter>@[A-Za-z0-9_]+)
    | (?P<string>"(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.|'')*')
    | (?P<symbol>!=|<>|<=|>=|\?\?|\|\||>>>|>>|<<|[-+*/%=<>.,:?()\[\]{}|&^~])
    | (?P<end>\Z)
    | (?P<wrong>.)
    )""",
    re.VERBOSE | re.DOTALL,
)


class QuerySyntaxError(ValueError):
    """The query is not of the language; the message says near what."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        assert match is not None
        kind = match.lastgroup or "end"
        if kind == "wrong":
            raise QuerySyntaxError(f"Syntax error, incorrect syntax near '{match[kind][:40]}'.")
        found.append(Token(kind, match[kind], match.start(kind), match.end(kind)))
        if kind == "end":
            return found
        at = match.end()


def number(text: str) -> int | float:
    if text[:2].lower() == "0x":
        value = plain(int(text[2:18], 16) if len(text) <= 18 else inf)
    else:
        value = plain(int(text) if text.isdecimal() and len(text) < 20 else float(text))
    if value is UNDEFINED:
        raise QuerySyntaxError(f"The number {text[:40]} is too large.")
    return value


_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def string(text: str) -> str:
    if len(text) < 2 or text[0] not in "\"'":
        raise QuerySyntaxError(f"Syntax error, incorrect syntax near '{text[:40]}': expected a string.")
    body = text[1:-1]
    if "\\" not in body:
        return body.replace("''", "'") if text[0] == "'" else body

    def unescape(match: re.Match[str]) -> str:
        escaped = match[1]
        if escaped[0] == "u" and len(escaped) == 5:
            return chr(int(escaped[1:], 16))
        return _SIMPLE.get(escaped, escaped)

    plain = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", unescape, body, flags=re.DOTALL)
    # Two escapes may name one character beyond the basic plane.
    return json.loads(json.dumps(plain))


class TokenReader:
    """The tokens of a query, and which is next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        self.at: int = 0

    # Tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        token = self.token
        self.at += 1
        return token

    def keyword(self, *words: str) -> str | None:
        """Consume one of the keywords if it is next; returns it."""
        token = self.token
        if token.kind == "name" and token.text.upper() in words:
            self.at += 1
            return token.text.upper()
        return None

    def symbol(self, *symbols: str) -> str | None:
        """Consume one of the symbols if it is next; returns it."""
        token = self.token
        if token.kind == "symbol" and token.text in symbols:
            self.at += 1
            return token.text
        return None

    def peek_keyword(self, word: str, ahead: int = 0) -> bool:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.kind == "name" and token.text.upper() == word

    def peek_symbol(self, symbol: str, ahead: int = 0) -> bool:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.kind == "symbol" and token.text == symbol

    def expect_keyword(self, word: str) -> None:
        if not self.keyword(word):
            raise self.wrong(word)

    def expect(self, symbol: str) -> None:
        if not self.symbol(symbol):
            raise self.wrong(f"'{symbol}'")

    def expect_end(self) -> None:
        if self.token.kind != "end":
            raise self.wrong("the end of the query")

    def wrong(self, expected: str) -> QuerySyntaxError:
        found = self.token.text or "the end of the query"
        return QuerySyntaxError(f"Syntax error, incorrect syntax near '{found[:40]}': expected {expected}.")

    def name(self) -> str:
        """A name that is no keyword (`VALUE` and `RANK` may be names)."""
        token = self.token
        if token.kind != "name" or (token.text.upper() in KEYWORDS and token.text.upper() not in ("VALUE", "RANK")):
            raise self.wrong("a name")
        self.at += 1
        return token.text

    def is_alias(self) -> bool:
        token = self.token
        return token.kind == "name" and token.text.upper() not in KEYWORDS
