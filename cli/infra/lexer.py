"""The tokens of a Bicep file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

type Kind = Literal["name", "number", "string", "newline", "mark", "end"]

_SPACE: Final = re.compile(r"(?:[ \t\r]|//[^\n]*|#(?:disable|restore)[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(r"\d+")
_MARK: Final = re.compile(
    r"\.\.\.|=>|==|!=|=~|!~|<=|>=|&&|\|\||\?\?|\.\?|\[\?|::|[{}\[\]():,.=?!<>+\-*/%|@]"
)  # fmt: skip
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "'": "'", "\\": "\\", "$": "$"}


class BicepError(Exception):
    """The file is not Bicep, or uses what this parser does not know; names the line."""


@dataclass(frozen=True)
class Token:
    """One token. A string's `parts` alternate between texts and the tokens of its expressions."""

    kind: Kind
    value: str
    line: int
    parts: tuple[str | tuple[Token, ...], ...] = ()


class Lexer:
    """Cuts a text into tokens."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._line = 1

    def tokens(self) -> tuple[Token, ...]:
        """All tokens, with an `end` after them. Raises BicepError."""
        return (*self._until(""), Token("end", "", self._line))

    def _until(self, end: str) -> tuple[Token, ...]:
        """Tokens up to the text's end, or to an unmatched `}` where `end` is one."""
        found: list[Token] = []
        depth = 0
        while self._at < len(self._source):
            if space := _SPACE.match(self._source, self._at):
                self._take(space)
                continue
            here = self._source[self._at]
            if end and here == end and depth == 0:
                return tuple(found)
            depth += (here == "{") - (here == "}")
            found.append(self._next(here))
        if end:
            raise BicepError(f"line {self._line}: a string's expression has no end")
        return tuple(found)

    def _next(self, here: str) -> Token:
        line = self._line
        if here == "\n":
            self._at, self._line = self._at + 1, self._line + 1
            return Token("newline", "\n", line)
        if here == "'":
            return self._string(line)
        kinds: tuple[tuple[Kind, re.Pattern[str]], ...] = (("name", _NAME), ("number", _NUMBER), ("mark", _MARK))
        for kind, pattern in kinds:
            if found := pattern.match(self._source, self._at):
                return Token(kind, self._take(found), line)
        raise BicepError(f"line {line}: {here!r} is not expected")

    def _take(self, found: re.Match[str]) -> str:
        self._at = found.end()
        self._line += found[0].count("\n")
        return found[0]

    def _string(self, line: int) -> Token:
        if self._source.startswith("'''", self._at):
            end = self._source.find("'''", self._at + 3)
            if end < 0:
                raise BicepError(f"line {line}: the string has no end")
            value = self._source[self._at + 3 : end].removeprefix("\n")
            self._line += self._source.count("\n", self._at, end)
            self._at = end + 3
            return Token("string", value, line, (value,))
        self._at += 1
        parts: list[str | tuple[Token, ...]] = [""]
        while self._at < len(self._source) and self._source[self._at] != "\n":
            here = self._source[self._at]
            if here == "'":
                self._at += 1
                return Token("string", "".join(part for part in parts if isinstance(part, str)), line, tuple(parts))
            if here == "\\":
                parts[-1] = f"{parts[-1]}{self._escape()}"
            elif self._source.startswith("${", self._at):
                self._at += 2
                parts += [self._until("}"), ""]
                self._at += 1
            else:
                parts[-1] = f"{parts[-1]}{here}"
                self._at += 1
        raise BicepError(f"line {line}: the string has no end")

    def _escape(self) -> str:
        if found := re.compile(r"\\u\{([0-9a-fA-F]+)\}").match(self._source, self._at):
            self._at = found.end()
            return chr(int(found[1], 16))
        letter = self._source[self._at + 1 : self._at + 2]
        self._at += 2
        if letter not in _ESCAPES:
            raise BicepError(f"line {self._line}: there is no escape \\{letter}")
        return _ESCAPES[letter]
