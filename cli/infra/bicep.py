"""Parses Bicep files into `cli.infra.syntax`: declarations and expressions of the language without user-defined types.

The grammar is that of https://github.com/Azure/bicep/blob/main/docs/grammar.md; types are kept as text.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from cli.infra.lexer import BicepError, Lexer, Token
from cli.infra.syntax import (
    Array,
    Call,
    Expression,
    File,
    For,
    If,
    Index,
    Interpolation,
    Lambda,
    Literal,
    Member,
    Module,
    Name,
    Object,
    Operation,
    Output,
    Parameter,
    Property,
    Resource,
    Variable,
)

_LEVELS: Final = (
    ("??",), ("||",), ("&&",), ("==", "!=", "=~", "!~"), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
"""Binary operators, the loosest first."""
_MAY_FOLLOW_NEWLINE: Final = {"?", ":", ".", ".?", "??", "||", "&&", "==", "!="}
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


@lru_cache(maxsize=64)
def parse(source: str) -> File:
    """Parse a file's text; the same text gives the same tree, which is not to be changed. Raises BicepError."""
    return _Parser(Lexer(source).tokens()).file()


def parse_file(path: Path) -> File:
    """Parse a file. Raises BicepError, which names it."""
    try:
        return parse(path.read_text())
    except BicepError as error:
        raise BicepError(f"{path.name}, {error}") from None


class _Parser:
    def __init__(self, tokens: tuple[Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0

    # tokens

    @property
    def _now(self) -> Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _is(self, *values: str) -> bool:
        return self._now.kind in ("mark", "name") and self._now.value in values

    def _take(self) -> Token:
        token = self._now
        self._at += 1
        return token

    def _expect(self, value: str) -> Token:
        if not self._is(value):
            raise BicepError(f"line {self._now.line}: {value!r} is expected, not {self._now.value!r}")
        return self._take()

    def _word(self) -> str:
        if self._now.kind != "name":
            raise BicepError(f"line {self._now.line}: a name is expected, not {self._now.value!r}")
        return self._take().value

    def _text(self) -> str:
        if self._now.kind != "string" or len(self._now.parts) > 1:
            raise BicepError(f"line {self._now.line}: a string is expected, not {self._now.value!r}")
        return self._take().value

    def _lines(self) -> None:
        while self._now.kind == "newline":
            self._at += 1

    def _continues(self, *values: str) -> bool:
        """Whether one of the marks is next; some may come on a line of their own."""
        at = self._at
        while self._tokens[at].kind == "newline":
            at += 1
        token = self._tokens[at]
        if token.kind != "mark" or token.value not in values:
            return False
        if at != self._at and token.value not in _MAY_FOLLOW_NEWLINE:
            return False
        self._at = at
        return True

    # declarations

    def file(self) -> File:
        file = File()
        self._lines()
        while self._now.kind != "end":
            self._declaration(file)
            if self._now.kind not in ("newline", "end"):
                raise BicepError(f"line {self._now.line}: {self._now.value!r} is not expected")
            self._lines()
        return file

    def _decorators(self) -> tuple[Call, ...]:
        found: list[Call] = []
        while self._is("@"):
            self._take()
            call = self._postfix()
            if not isinstance(call, Call):
                raise BicepError(f"line {call.line}: a decorator is a call")
            found.append(call)
            self._lines()
        return tuple(found)

    def _declaration(self, file: File) -> None:
        decorators = self._decorators()
        line, keyword = self._now.line, self._word()
        if keyword == "targetScope":
            self._expect("=")
            file.target_scope = self._text()
        elif keyword == "param":
            name, type = self._new(file, line), self._type()
            file.parameters[name] = Parameter(name, type, self._default(), decorators, line=line)
        elif keyword == "var":
            name = self._new(file, line)
            self._type()
            self._expect("=")
            file.variables[name] = Variable(name, self._value(), line=line)
        elif keyword == "output":
            name = self._word()
            if name in file.outputs:
                raise BicepError(f"line {line}: the output {name} is declared twice (BCP145)")
            self._type()
            self._expect("=")
            file.outputs[name] = Output(name, self._value(), line=line)
        elif keyword == "resource":
            symbol = self._new(file, line)
            file.resources[symbol] = self._resource(symbol, line)
        elif keyword == "module":
            symbol, path = self._new(file, line), self._text()
            self._expect("=")
            file.modules[symbol] = Module(symbol, path, self._body(), line=line)
        elif keyword == "func":
            file.functions.add(self._new(file, line))
            while self._now.kind not in ("newline", "end"):
                self._at += 1
        elif keyword == "metadata":
            self._word()
            self._expect("=")
            self._value()
        else:
            raise BicepError(f"line {line}: declarations that start with {keyword!r} are not supported")

    def _new(self, file: File, line: int) -> str:
        """A name that nothing of the file has yet, but an output may."""
        name = self._word()
        for names in (file.parameters, file.variables, file.resources, file.modules, file.functions):
            if name in names:
                raise BicepError(f"line {line}: {name} is declared twice (BCP028)")
        return name

    def _type(self) -> str:
        """The text of a type: everything up to `=` or the line's end."""
        found: list[str] = []
        while not self._is("=") and self._now.kind not in ("newline", "end"):
            found.append(self._take().value)
        return " ".join(found)

    def _default(self) -> Expression | None:
        if not self._is("="):
            return None
        self._take()
        return self._value()

    def _resource(self, symbol: str, line: int) -> Resource:
        type, _, version = self._text().partition("@")
        existing = self._is("existing")
        if existing:
            self._take()
        self._expect("=")
        return Resource(symbol, type, version, existing, self._body(), line=line)

    def _body(self) -> Expression:
        self._lines()
        if self._is("if"):
            line = self._take().line
            self._expect("(")
            condition = self._inside(")")
            return If(condition, self._body(), line=line)
        return self._value()

    # expressions

    def _value(self) -> Expression:
        self._lines()
        return self._expression()

    def _inside(self, end: str) -> Expression:
        """An expression and the mark that closes it; lines may be broken anywhere around it."""
        value = self._value()
        self._lines()
        self._expect(end)
        return value

    def _expression(self) -> Expression:
        condition = self._binary(0)
        if not self._continues("?"):
            return condition
        self._take()
        first = self._value()
        if not self._continues(":"):
            raise BicepError(f"line {self._now.line}: ':' is expected")
        self._take()
        return Operation("?", (condition, first, self._value()), line=condition.line)

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._continues(*_LEVELS[level]):
            operator = self._take().value
            self._lines()
            left = Operation(operator, (left, self._binary(level + 1)), line=left.line)
        return left

    def _unary(self) -> Expression:
        if self._is("!", "-", "+"):
            token = self._take()
            return Operation(token.value, (self._unary(),), line=token.line)
        return self._postfix()

    def _postfix(self) -> Expression:
        value = self._primary()
        while True:
            line = self._now.line
            if self._continues(".", ".?", "::"):
                nested = self._take().value == "::"
                name = self._word()
                if self._is("(") and not nested:
                    value = Call(value, name, self._arguments(), line=line)
                else:
                    value = Member(value, name, nested, line=line)
            elif self._is("[", "[?"):
                self._take()
                value = Index(value, self._inside("]"), line=line)
            elif self._is("!"):
                self._take()  # says that the value is not null
            else:
                return value

    def _arguments(self) -> tuple[Expression, ...]:
        self._expect("(")
        found: list[Expression] = []
        self._lines()
        while not self._is(")"):
            found.append(self._value())
            self._lines()
            if self._is(","):
                self._take()
            self._lines()
        self._expect(")")
        return tuple(found)

    def _primary(self) -> Expression:
        token = self._now
        if token.kind == "string":
            return self._string(self._take())
        if token.kind == "number":
            return Literal(int(self._take().value), line=token.line)
        if token.kind == "name":
            return self._name(self._take())
        if self._is("("):
            return self._parenthesis()
        if self._is("["):
            return self._array()
        if self._is("{"):
            return self._object()
        raise BicepError(f"line {token.line}: {token.value!r} is not expected")

    def _name(self, token: Token) -> Expression:
        if self._is("=>"):
            self._take()
            return Lambda((token.value,), self._value(), line=token.line)
        if self._is("("):
            return Call(None, token.value, self._arguments(), line=token.line)
        if token.value in _CONSTANTS:
            return Literal(_CONSTANTS[token.value], line=token.line)
        return Name(token.value, line=token.line)

    def _parenthesis(self) -> Expression:
        start, line = self._at, self._take().line
        names: list[str] = []
        while self._now.kind == "name" or self._is(","):
            token = self._take()
            if token.kind == "name":
                names.append(token.value)
        if self._is(")") and self._tokens[self._at + 1].value == "=>":
            self._at += 2
            return Lambda(tuple(names), self._value(), line=line)
        self._at = start + 1
        return self._inside(")")

    def _string(self, token: Token) -> Literal | Interpolation:
        if len(token.parts) <= 1:
            return Literal(token.value, line=token.line)
        end = Token("end", "", token.line)
        parts = (part if isinstance(part, str) else _Parser((*part, end))._value() for part in token.parts)
        return Interpolation(tuple(part for part in parts if part != ""), line=token.line)

    def _array(self) -> Expression:
        line = self._expect("[").line
        self._lines()
        if self._is("for"):
            return self._for(line)
        items: list[Expression] = []
        while not self._is("]"):
            if self._is("..."):
                spread = self._take().line
                items.append(Operation("...", (self._value(),), line=spread))
            else:
                items.append(self._value())
            self._separator()
        self._expect("]")
        return Array(tuple(items), line=line)

    def _for(self, line: int) -> Expression:
        self._expect("for")
        index: str | None = None
        if self._is("("):
            self._take()
            item = self._word()
            self._expect(",")
            index = self._word()
            self._expect(")")
        else:
            item = self._word()
        self._expect("in")
        source = self._value()
        self._expect(":")
        body = self._body()
        self._lines()
        self._expect("]")
        return For(item, index, source, body, line=line)

    def _object(self) -> Object:
        line = self._expect("{").line
        properties: list[Property] = []
        resources: list[Resource] = []
        spreads: list[Expression] = []
        self._lines()
        while not self._is("}"):
            if self._is("..."):
                self._take()
                spreads.append(self._value())
            elif self._is("@") or (self._is("resource") and self._tokens[self._at + 1].kind == "name"):
                self._decorators()
                line_of_it = self._expect("resource").line
                resources.append(self._resource(self._word(), line_of_it))
            else:
                properties.append(self._property())
            self._separator()
        self._expect("}")
        return Object(tuple(properties), tuple(resources), tuple(spreads), line=line)

    def _property(self) -> Property:
        token = self._take()
        if token.kind == "string":
            key = self._string(token)
        elif token.kind == "name":
            key = Literal(token.value, line=token.line)
        else:
            raise BicepError(f"line {token.line}: a property is expected, not {token.value!r}")
        self._expect(":")
        return Property(key, self._value(), line=token.line)

    def _separator(self) -> None:
        """A comma or the line's end, after an item."""
        if self._is(","):
            self._take()
        self._lines()
