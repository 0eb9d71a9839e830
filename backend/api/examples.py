"""An example for every body and answer: made from the schema and its own examples, so that it always fits it."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

DEPTH_MAX = 8
_BY_FORMAT = {
    "date-time": "2026-11-02T10:00:00Z", "date": "2026-11-02", "uuid": "0d9f1c6e-7f57-4a0e-9a51-0c2f6f7d3a10",
    "uri": "https://ads.example/autumn", "binary": "…",
}
_BY_NAME: tuple[tuple[str, object], ...] = (     # the first that ends like this
    ("chain_id", 31_337), ("wallet", "0x" + "a1" * 20), ("owner", "0x" + "a1" * 20), ("account", "0x" + "a1" * 20),
    ("recipient", "0x" + "b2" * 20), ("escrow", "0x" + "e5" * 20), ("address", "0x" + "c3" * 20),
    ("sha256", "9f" * 32), ("hash", "0x" + "4d" * 32), ("root", "0x" + "7c" * 32), ("meta", "0x" + "3e" * 32),
    ("signature", "0x" + "1b" * 64), ("click_url", "https://shop.example/autumn"), ("url", "https://ads.example/autumn"),
    ("country", "DE"), ("language", "de"), ("currency", "usd"), ("domain", "ads.example"),
    ("uri", "https://ads.example"), ("name", "Autumn launch"), ("micro_usdc", 2_500_000),
    ("width", 1_024), ("height", 512),
    ("expires_in_seconds", 300),
    ("token", "f3Zq0c7bF0p0c5J1u4m9aWnPzGd1xq8wQ2v7Lr6tYhE"), ("secret", "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
    ("count", 12), ("next_after", None), ("page", 1),
)


def example_of(schema: Schema, components: Mapping[str, Schema], name: str = "", depth: int = 0) -> Any:
    """A value that `schema` (JSON Schema 2020-12 as FastAPI writes it) accepts. `components` resolves its references.

    What a model gives as its own example wins; then defaults and constants; then what the field's name suggests.
    """
    schema = _resolved(schema, components)
    for given in (*schema.get("examples", ()), *([schema["example"]] if "example" in schema else ())):
        return _completed(given, schema, components, depth)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("default") is not None:
        return schema["default"]
    if "anyOf" in schema or "oneOf" in schema:
        return _choice(schema, components, name, depth)
    if "allOf" in schema:
        return example_of(schema["allOf"][0], components, name, depth)
    return _plain(schema, components, name, depth)


def _completed(given: Any, schema: Schema, components: Mapping[str, Schema], depth: int) -> Any:
    """FastAPI drops nulls from what a model gives as its example: a required field that may be null gets it back. One
    that a model inherited its example without gets an example of its own."""
    if not isinstance(given, dict):
        return given
    missing = {name: schema["properties"][name] for name in schema.get("required", ()) if name not in given}
    return given | {
        name: None if _may_be_null(field) else example_of(field, components, name, depth + 1)
        for name, field in missing.items()
    }


def _may_be_null(schema: Schema) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", ()))


def _resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    while "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**components[str(schema["$ref"]).rpartition("/")[2]], **rest}
    return schema


def _choice(schema: Schema, components: Mapping[str, Schema], name: str, depth: int) -> Any:
    """The first kind that says something; null only when nothing else is offered, or the name suggests it."""
    options = schema.get("anyOf") or schema["oneOf"]
    telling = [option for option in options if option.get("type") != "null"]
    if not telling or (len(telling) < len(options) and _named(name) == (None,)):
        return None
    return example_of(telling[0], components, name, depth)


def _plain(schema: Schema, components: Mapping[str, Schema], name: str, depth: int) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind == "object":
        return _object(schema, components, depth)
    if kind == "array":
        return _array(schema, components, name, depth)
    if kind in ("integer", "number"):
        return _number(schema, name)
    if kind == "string":
        return _text(schema, name)
    return {"boolean": True, "null": None}.get(str(kind), {})


def _object(schema: Schema, components: Mapping[str, Schema], depth: int) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if depth > DEPTH_MAX:       # a model that contains itself
        properties = {key: value for key, value in properties.items() if key in schema.get("required", ())}
    return {key: example_of(value, components, key, depth + 1) for key, value in properties.items()}


def _array(schema: Schema, components: Mapping[str, Schema], name: str, depth: int) -> list[Any]:
    if depth > DEPTH_MAX:
        return []
    if "prefixItems" in schema:
        return [example_of(item, components, name, depth + 1) for item in schema["prefixItems"]]
    least = max(1, int(schema.get("minItems", 1)))
    return [example_of(schema.get("items", {}), components, name, depth + 1)] * least


def _number(schema: Schema, name: str) -> int:
    suggested = _named(name)
    value = suggested[0] if suggested and isinstance(suggested[0], int) else 7
    low = int(schema.get("minimum", schema.get("exclusiveMinimum", value - 1) + 1))
    high = int(schema.get("maximum", schema.get("exclusiveMaximum", value + 1) - 1))
    return max(low, min(high, value))


def _text(schema: Schema, name: str) -> str:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    suggested = _named(name)
    text = suggested[0] if suggested and isinstance(suggested[0], str) else "text"
    text = text.ljust(int(schema.get("minLength", 0)), "x")
    return text[: int(schema.get("maxLength", len(text)))]


def _named(name: str) -> tuple[object, ...]:
    """What a field of this name usually holds, in a tuple; empty when nothing is known."""
    return next(((value,) for ending, value in _BY_NAME if name.endswith(ending)), ())
