"""Reading CloudFormation templates in tests."""

import re
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, `!Ref x` becoming `{"Ref": "x"}`."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            value: Any = loader.construct_scalar(node)
            value = value.split(".", 1) if suffix == "GetAtt" else value
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def parse(text: str) -> dict[str, Any]:
    return dict(yaml.load(text, _Loader))  # noqa: S506 - a SafeLoader with tags of our own


def load(path: str) -> dict[str, Any]:
    """A template of the repository."""
    return parse((PROJECT / path).read_text())


def resolved(node: Any, values: dict[str, Any]) -> Any:
    """A part of a template with its `!Ref` and `!Sub` replaced by `values`."""
    match node:
        case {"Ref": str(name)}:
            return values[name]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(values[match[1]]), text)
        case dict():
            return {key: resolved(value, values) for key, value in node.items()}
        case list():
            return [resolved(item, values) for item in node]
    return node
