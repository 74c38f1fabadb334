"""`${…}` and `$[…]` as Asterisk evaluates them: the part of it that our dialplan uses. What is not known is said.

Sources: main/pbx_variables.c, main/ast_expr2.y (operators), funcs/func_strings.c, func_cut.c, func_logic.c.
"""

import re
from collections.abc import Callable, Mapping

Function = Callable[[str], str]
"""Argument text, already filled in → value."""

OPERATORS = (("|",), ("&",), ("=", "==", "!=", "<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%"), ("=~",))
"""From the loosest to the tightest."""
TOKEN = re.compile(r'\s*("(?:[^"]*)"|=~|<=|>=|!=|==|[|&=<>+*/%()!-]|[^\s|&=<>+*/%()!"-]+)')


class NotKnown(Exception):
    """The dialplan uses something that the simulation does not know; it does not guess."""


def fill(text: str, variables: Mapping[str, str], functions: Mapping[str, Function]) -> str:
    """Everything of `${}` and `$[]` replaced, from the inside out. Raises `NotKnown`."""
    out, at = [], 0
    while at < len(text):
        if text[at : at + 2] in ("${", "$["):
            end = _closing(text, at + 1)
            inside = fill(text[at + 2 : end], variables, functions)
            out.append(evaluate(inside) if text[at + 1] == "[" else _value(inside, variables, functions))
            at = end + 1
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _closing(text: str, at: int) -> int:
    opening, closing = text[at], {"{": "}", "[": "]"}[text[at]]
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == opening) - (text[place] == closing)
        if depth == 0:
            return place
    raise NotKnown(f"a {closing} is missing in {text}")


def _value(inside: str, variables: Mapping[str, str], functions: Mapping[str, Function]) -> str:
    """`NAME`, `NAME:offset:length`, `FUNCTION(arguments)`, `FUNCTION(…):offset:length`."""
    found = re.fullmatch(r"(\w+)\((.*)\)((?::-?\d*){0,2})", inside, re.DOTALL)
    if found:
        if found[1] not in functions:
            raise NotKnown(f"function {found[1]}()")
        return _part(functions[found[1]](found[2]), found[3])
    name, colon, rest = inside.partition(":")
    return _part(variables.get(name, ""), colon + rest)


def _part(value: str, where: str) -> str:
    if not where:
        return value
    offset, _, length = where[1:].partition(":")
    start = int(offset or 0)
    value = value[start:] if abs(start) <= len(value) or start > 0 else value
    return value[: int(length)] if length else value


def evaluate(text: str) -> str:
    """An expression. Strings compare as text unless both sides are numbers, as in Asterisk. Raises `NotKnown`."""
    tokens = TOKEN.findall(text)
    if "".join(tokens).replace(" ", "") != re.sub(r"\s", "", text) and '"' not in text:
        raise NotKnown(f"expression {text}")
    value, rest = _level(tokens, 0)
    if rest:
        raise NotKnown(f"expression {text}")
    return value


def _level(tokens: list[str], level: int) -> tuple[str, list[str]]:
    if level == len(OPERATORS):
        return _atom(tokens)
    left, rest = _level(tokens, level + 1)
    while rest and rest[0] in OPERATORS[level]:
        operator = rest[0]
        right, rest = _level(rest[1:], level + 1)
        left = _apply(operator, left, right)
    return left, rest


def _atom(tokens: list[str]) -> tuple[str, list[str]]:
    if not tokens:
        return "", []
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        value, rest = _level(rest, 0)
        return value, rest[1:]
    if first in ("-", "!"):
        value, rest = _atom(rest)
        return (str(-int(value or 0)) if first == "-" else _truth(not _true(value))), rest
    if any(first in level for level in OPERATORS):
        return "", tokens
    return first.strip('"') if first.startswith('"') else first, rest


def _apply(operator: str, left: str, right: str) -> str:
    if operator == "|":
        return left if _true(left) else right if _true(right) else "0"
    if operator == "&":
        return left if _true(left) and _true(right) else "0"
    if operator == "=~":
        found = re.search(right, left)
        return (found[1] if found.groups() else str(len(found[0]))) if found else "0"
    if operator in OPERATORS[2]:
        return _truth(_compare(operator, left, right))
    try:
        one, two = float(left or 0), float(right or 0)
        result = {"+": one + two, "-": one - two, "*": one * two}.get(operator)
        result = result if result is not None else one / two if operator == "/" else one % two
    except (ValueError, ZeroDivisionError):
        raise NotKnown(f"{left} {operator} {right}") from None
    return str(int(result)) if result == int(result) else str(result)


def _compare(operator: str, left: str, right: str) -> bool:
    one: float | str = left
    two: float | str = right
    if _number(left) and _number(right):
        one, two = float(left), float(right)
    order = (one > two) - (one < two)  # type: ignore[operator]
    tests = {"=": order == 0, "==": order == 0, "!=": order != 0, "<": order < 0, ">": order > 0, "<=": order <= 0}
    return tests.get(operator, order >= 0)


def _number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(?:\.\d+)?", text) is not None


def _true(text: str) -> bool:
    return text not in ("", "0")


def _truth(value: bool) -> str:
    return "1" if value else "0"


def keep(allowed: str, text: str) -> str:
    """FILTER(): the characters of `text` that are named, with ranges and \\xNN escapes."""
    plain = re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: re.escape(chr(int(m[1], 16))), allowed)
    plain = re.sub(r"\\([^\w])", r"\1", plain) if "\\x" not in allowed else plain
    signs = re.sub(r"([\]\[^&])", r"\\\1", plain) if "\\x" not in allowed else plain
    return "".join(re.findall(f"[{signs}]", text))


def cut(value: str, delimiter: str, fields: str) -> str:
    """CUT(): the named fields (`2`, `3-`, `1-2`) of a value."""
    sign = delimiter.replace("\\", "") or "-"
    parts = value.split(sign)
    first, dash, last = fields.partition("-")
    begin = int(first or 1)
    end = int(last) if last else (len(parts) if dash else begin)
    return sign.join(parts[begin - 1 : end])
