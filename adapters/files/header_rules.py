"""Header rules as a camera's file writes them."""

from typing import Any

import cattrs
from cattrs.gen import make_dict_structure_fn, override

from adapters.common.converters import UnfitError, shown
from domain.cameras.header_rules import Bound, CardRule, HeaderRules

__all__ = ["add_header_hooks"]


def add_header_hooks(converter: cattrs.Converter) -> None:
    """Let a converter read header rules: a fact's is a mapping, or a list of them."""
    converter.register_structure_hook_func(
        lambda kind: kind == str | float | int | None, lambda value, _: _scalar(value)
    )
    converter.register_structure_hook_func(
        lambda kind: kind == Bound | None, lambda value, _: None if value is None else Bound.parse(str(value))
    )
    as_written = make_dict_structure_fn(CardRule, converter, table=override(struct_hook=_table))
    converter.register_structure_hook(CardRule, lambda rule, kind: as_written(_with_cards(rule), kind))
    converter.register_structure_hook_func(
        lambda kind: kind == tuple[CardRule, ...], lambda rules, _: _rules(converter, rules)
    )
    header = make_dict_structure_fn(HeaderRules, converter, corrections=override(omit=True))
    converter.register_structure_hook(HeaderRules, lambda rules, kind: header(_mapping(rules), kind))


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnfitError("is not a mapping")
    return value


def _rules(converter: cattrs.Converter, rules: object) -> tuple[CardRule, ...]:
    if isinstance(rules, list):
        return tuple(converter.structure(rules, list[CardRule]))
    if not isinstance(rules, dict):
        raise UnfitError("is not a mapping, or a list of them")
    return (converter.structure(rules, CardRule),)


def _with_cards(rule: object) -> dict[str, Any]:
    """Write the one ``card`` of a rule as its ``cards``."""
    given = _mapping(rule)
    if "card" not in given:
        return given
    if "cards" in given:
        raise UnfitError("has both card and cards")
    return {**{name: value for name, value in given.items() if name != "card"}, "cards": [given["card"]]}


def _table(table: object, _: object) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise UnfitError("is not a mapping to texts")
    return {str(written): text for written, text in table.items()}


def _scalar(value: object) -> str | float | int | None:
    if isinstance(value, bool) or not isinstance(value, str | float | int | None):
        raise UnfitError(f"{shown(value)} is neither text nor a number")
    return value
