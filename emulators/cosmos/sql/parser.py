"""The parser of the query language of Azure Cosmos DB for NoSQL (learn.microsoft.com/cosmos-db/query).

Recursive descent, one method a precedence level. No SQL library reads this dialect: `SELECT VALUE`, `JOIN x IN c.y`,
JSON literals, `??` and `c["x"]` are syntax errors to them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from emulators.cosmos.sql.syntax import (
    ArrayLiteral,
    Between,
    Binary,
    Call,
    Conditional,
    Expression,
    In,
    Like,
    Literal,
    ObjectLiteral,
    OrderItem,
    Parameter,
    Property,
    Query,
    SelectItem,
    Source,
    Span,
    Subquery,
    Unary,
    Variable,
)
from emulators.cosmos.sql.tokens import CONSTANTS, KEYWORDS, QuerySyntaxError, TokenReader, number, string

MAX_LENGTH = 512 * 1024
"""Longest query text, as documented."""
MAX_DEPTH = 200


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The tree of a query. Raises `QuerySyntaxError`."""
    if len(text) > MAX_LENGTH:
        raise QuerySyntaxError("the query text is too long")
    parser = _Parser(text)
    query = parser.query()
    parser.expect_end()
    return query


class _Parser(TokenReader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.unnamed = 0

    # Clauses

    def query(self) -> Query:
        self.expect_keyword("SELECT")
        distinct = bool(self.keyword("DISTINCT"))
        top = self.count() if self.keyword("TOP") else None
        value, items = self.projection()
        sources: tuple[Source, ...] = ()
        from_span = where_span = None
        if self.keyword("FROM"):
            sources, from_span = self.spanned(self.sources)
        where = None
        if self.keyword("WHERE"):
            where, where_span = self.spanned(self.expression)
        groups: list[tuple[Expression, Span]] = []
        if self.keyword("GROUP"):
            self.expect_keyword("BY")
            groups.append(self.spanned(self.expression))
            while self.symbol(","):
                groups.append(self.spanned(self.expression))
        order_by: tuple[OrderItem, ...] = ()
        if self.keyword("ORDER"):
            self.expect_keyword("BY")
            self.keyword("RANK")
            order_by = self.order_items()
        offset = limit = None
        if self.keyword("OFFSET"):
            offset = self.count()
            self.expect_keyword("LIMIT")
            limit = self.count()
        return Query(
            distinct, top, value, items, sources, where, tuple(group for group, _ in groups), order_by, offset, limit,
            from_span, where_span, tuple(span for _, span in groups),
        )  # fmt: skip

    def spanned[T](self, parse: Callable[[], T]) -> tuple[T, Span]:
        start = self.token.start
        made = parse()
        return made, Span(start, self.tokens[self.at - 1].end)

    def count(self) -> Expression:
        token = self.next()
        if token.kind == "parameter":
            return Parameter(token.text)
        if token.kind == "number" and token.text.isdigit():
            return Literal(int(token.text))
        self.at -= 1
        raise self.wrong("a whole number or a parameter")

    def projection(self) -> tuple[bool, tuple[SelectItem, ...] | None]:
        if self.symbol("*"):
            return False, None
        if self.peek_keyword("VALUE") and not (self.peek_symbol(".", 1) or self.ends_item(1)):
            self.next()
            expression, span = self.spanned(self.expression)
            return True, (SelectItem(expression, "", span),)
        items = [self.select_item()]
        while self.symbol(","):
            items.append(self.select_item())
        return False, tuple(items)

    def ends_item(self, ahead: int) -> bool:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return (
            token.kind == "end" or token.text == "," or (token.kind == "name" and token.text.upper() in ("FROM", "AS"))
        )

    def select_item(self) -> SelectItem:
        expression, span = self.spanned(self.expression)
        if self.keyword("AS") or self.is_alias():
            return SelectItem(expression, self.name(), span)
        match expression:
            case Property(_, Literal(str(key))):
                return SelectItem(expression, key, span)
            case Variable(name):
                return SelectItem(expression, name, span)
            case _:
                self.unnamed += 1
                return SelectItem(expression, f"${self.unnamed}", span)

    def sources(self) -> tuple[Source, ...]:
        sources = [self.source()]
        while self.keyword("JOIN"):
            sources.append(self.source())
        return tuple(sources)

    def source(self) -> Source:
        if self.token.kind == "name" and self.peek_keyword("IN", 1):
            alias = self.name()
            self.next()
            root, path, query = self.collection()
            return Source(alias, root, path, query, each=True)
        root, path, query = self.collection()
        alias = self.name() if self.keyword("AS") or self.is_alias() else None
        if alias is None:
            last = path[-1] if path else root
            alias = str(last) if last is not None else ""
        return Source(alias, root, path, query, each=False)

    def collection(self) -> tuple[str | None, tuple[str | int, ...], Query | None]:
        if self.symbol("("):
            query = self.query()
            self.expect(")")
            return None, (), query
        root = self.name()
        path: list[str | int] = []
        while True:
            if self.symbol("."):
                path.append(self.next().text)
            elif self.symbol("["):
                token = self.next()
                path.append(int(token.text) if token.kind == "number" else string(token.text))
                self.expect("]")
            else:
                return root, tuple(path), None

    def order_items(self) -> tuple[OrderItem, ...]:
        items: list[OrderItem] = []
        while True:
            expression, span = self.spanned(self.expression)
            direction = self.keyword("ASC", "DESC")
            items.append(OrderItem(expression, direction == "DESC", span, directed=direction is not None))
            if not self.symbol(","):
                return tuple(items)

    def expressions(self) -> tuple[Expression, ...]:
        found = [self.expression()]
        while self.symbol(","):
            found.append(self.expression())
        return tuple(found)

    # Expressions, the loosest binding first

    def expression(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QuerySyntaxError("the query is nested too deeply")
        try:
            test = self.coalesce()
            if not self.symbol("?"):
                return test
            then = self.expression()
            self.expect(":")
            return Conditional(test, then, self.expression())
        finally:
            self.depth -= 1

    def coalesce(self) -> Expression:
        left = self.disjunction()
        while self.symbol("??"):
            left = Binary("??", left, self.disjunction())
        return left

    def disjunction(self) -> Expression:
        left = self.conjunction()
        while self.keyword("OR"):
            left = Binary("OR", left, self.conjunction())
        return left

    def conjunction(self) -> Expression:
        left = self.negation()
        while self.keyword("AND"):
            left = Binary("AND", left, self.negation())
        return left

    def negation(self) -> Expression:
        if self.keyword("NOT"):
            return Unary("NOT", self.negation())
        return self.comparison()

    def comparison(self) -> Expression:
        left = self.bits()
        while True:
            operator = self.symbol("=", "!=", "<>", "<", "<=", ">", ">=")
            if operator:
                left = Binary("!=" if operator == "<>" else operator, left, self.bits())
                continue
            negated = self.peek_keyword("NOT") and any(self.peek_keyword(word, 1) for word in ("IN", "BETWEEN", "LIKE"))
            if negated:
                self.next()
            found = self.membership(left)
            if found is None:
                return left
            left = Unary("NOT", found) if negated else found

    def membership(self, left: Expression) -> Expression | None:
        if self.keyword("IN"):
            self.expect("(")
            options = self.expressions()
            self.expect(")")
            return In(left, options)
        if self.keyword("BETWEEN"):
            low = self.bits()
            self.expect_keyword("AND")
            return Between(left, low, self.bits())
        if self.keyword("LIKE"):
            pattern = self.bits()
            escape = None
            if self.keyword("ESCAPE"):
                escape = string(self.next().text)
            return Like(left, pattern, escape)
        return None

    def bits(self) -> Expression:
        left = self.shift()
        while operator := self.symbol("|", "&", "^"):
            left = Binary(operator, left, self.shift())
        return left

    def shift(self) -> Expression:
        left = self.concatenation()
        while operator := self.symbol("<<", ">>", ">>>"):
            left = Binary(operator, left, self.concatenation())
        return left

    def concatenation(self) -> Expression:
        left = self.sum()
        while self.symbol("||"):
            left = Binary("||", left, self.sum())
        return left

    def sum(self) -> Expression:
        left = self.product()
        while operator := self.symbol("+", "-"):
            left = Binary(operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.unary()
        while operator := self.symbol("*", "/", "%"):
            left = Binary(operator, left, self.unary())
        return left

    def unary(self) -> Expression:
        operator = self.symbol("-", "+", "~")
        if not operator:
            return self.postfix()
        operand = self.unary()
        if operator == "-" and isinstance(operand, Literal) and type(operand.value) in (int, float):
            return Literal(-operand.value)
        return Unary(operator, operand)

    def postfix(self) -> Expression:
        target = self.primary()
        while True:
            if self.symbol("."):
                token = self.next()
                if token.kind != "name":
                    self.at -= 1
                    raise self.wrong("a property")
                target = Property(target, Literal(token.text))
            elif self.symbol("["):
                target = Property(target, self.expression())
                self.expect("]")
            else:
                return target

    def primary(self) -> Expression:
        token = self.token
        if token.kind == "name":
            return self.named()
        self.next()
        if token.kind == "string":
            return Literal(string(token.text))
        if token.kind == "number":
            return Literal(number(token.text))
        if token.kind == "parameter":
            return Parameter(token.text)
        if token.text == "(":
            if self.peek_keyword("SELECT"):
                query = self.query()
                self.expect(")")
                return Subquery("scalar", query)
            inner = self.expression()
            self.expect(")")
            return inner
        if token.text == "[":
            return self.array()
        if token.text == "{":
            return self.object()
        self.at -= 1
        raise self.wrong("an expression")

    def named(self) -> Expression:
        token = self.next()
        word = token.text.upper()
        if word in ("EXISTS", "ARRAY") and self.peek_symbol("("):
            self.expect("(")
            query = self.query()
            self.expect(")")
            return Subquery("exists" if word == "EXISTS" else "array", query)
        if self.peek_symbol("("):
            return Call(word, self.arguments())
        if word == "UDF" and self.peek_symbol(".") and self.peek_symbol("(", 2):
            self.next()
            name = self.next().text
            return Call(name, self.arguments(), user_defined=True)
        if word in CONSTANTS and token.text in (word.lower(), word):
            return Literal(CONSTANTS[word])
        if word in KEYWORDS and word not in ("VALUE", "RANK"):
            self.at -= 1
            raise self.wrong("an expression")
        return Variable(token.text)

    def arguments(self) -> tuple[Expression, ...]:
        self.expect("(")
        if self.symbol(")"):
            return ()
        found = self.expressions()
        self.expect(")")
        return found

    def array(self) -> Expression:
        if self.symbol("]"):
            return ArrayLiteral(())
        items = self.expressions()
        self.expect("]")
        return ArrayLiteral(items)

    def object(self) -> Expression:
        pairs: list[tuple[str, Expression]] = []
        while not self.symbol("}"):
            if pairs:
                self.expect(",")
            token = self.next()
            if token.kind not in ("string", "name"):
                self.at -= 1
                raise self.wrong("a property name")
            self.expect(":")
            name = string(token.text) if token.kind == "string" else token.text
            pairs.append((name, self.expression()))
        return ObjectLiteral(tuple(pairs))
