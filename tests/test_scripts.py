"""A function's signature as a script's schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tests.scripts import later
from windflow import Context, script
from windflow.exceptions import InvalidInput, ScriptRefused, UnknownScript
from windflow.scripts import Catalogue, Script, catalogue


class Receipt(BaseModel):
    """A typed argument."""

    amount: float


class Opaque:
    """Nothing that JSON could hold."""


@pytest.fixture(autouse=True)
def _keep_the_catalogue() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    registered = dict(catalogue._registered)
    yield
    catalogue._registered = registered
    catalogue._scripts = None


def registered(function: Callable[..., Any], **options: Any) -> Script:
    script(**{"summary": "For a test", **options})(function)
    return catalogue[f"tests/{function.__name__}"]


def refusal(function: Callable[..., Any], **options: Any) -> str:
    with pytest.raises(ScriptRefused) as caught:
        registered(function, **options)
    return caught.value.message


def wrong(found: Script, inputs: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        found.arguments(inputs)
    return caught.value.errors


def pay_invoice(
    ctx: Context,
    invoice: Annotated[int, Field(title="Invoice number", description="As printed.", ge=1)],
    currency: Literal["EUR", "USD"] = "EUR",
    notes: list[str] = [],  # noqa: B006
) -> str:
    """Pays it.

    - at once
    """
    return f"{invoice} {currency} {notes}"


# The schema


def test_the_path_is_the_app_and_the_functions_name() -> None:
    assert registered(pay_invoice).path == "tests/pay_invoice"


def test_the_signature_is_the_schema() -> None:
    schema = registered(pay_invoice).schema
    assert list(schema["properties"]) == ["invoice", "currency", "notes"]
    assert schema["required"] == ["invoice"]
    assert schema["additionalProperties"] is False


def test_annotations_give_titles_descriptions_and_bounds() -> None:
    invoice = registered(pay_invoice).schema["properties"]["invoice"]
    assert invoice["title"] == "Invoice number"
    assert invoice["description"] == "As printed."
    assert (invoice["type"], invoice["minimum"]) == ("integer", 1)


def test_literals_are_choices_and_defaults_are_kept() -> None:
    currency = registered(pay_invoice).schema["properties"]["currency"]
    assert (currency["enum"], currency["default"]) == (["EUR", "USD"], "EUR")


def test_a_model_may_be_an_argument() -> None:
    def check(ctx: Context, receipt: Receipt) -> float:
        return receipt.amount

    found = registered(check)
    assert found.arguments({"receipt": {"amount": 3}})["receipt"] == Receipt(amount=3)


def test_a_script_may_take_nothing() -> None:
    def ping(ctx: Context) -> None: ...

    found = registered(ping)
    assert found.schema["properties"] == {}
    assert found.arguments({}) == {}


def test_the_docstring_is_the_description_and_the_title_has_a_default() -> None:
    found = registered(pay_invoice)
    assert found.description == "Pays it.\n\n- at once"
    assert (found.title, found.kind, found.atomic) == ("Pay invoice", "action", False)


def test_the_function_itself_stays_as_it_was() -> None:
    assert script(summary="For a test")(pay_invoice) is pay_invoice


def test_an_async_function_is_a_script() -> None:
    assert catalogue["tests/later"].function is later
    assert inspect.iscoroutinefunction(later)


# Arguments


def test_defaults_fill_what_is_left_out() -> None:
    arguments = registered(pay_invoice).arguments({"invoice": 7})
    assert arguments == {"invoice": 7, "currency": "EUR", "notes": []}


def test_a_default_list_is_not_shared_between_calls() -> None:
    found = registered(pay_invoice)
    found.arguments({"invoice": 1})["notes"].append("mine")
    assert found.arguments({"invoice": 1})["notes"] == []


def test_arguments_are_converted_to_their_types() -> None:
    assert registered(pay_invoice).arguments({"invoice": "7"})["invoice"] == 7


def test_every_argument_that_does_not_fit_is_named() -> None:
    errors = wrong(registered(pay_invoice), {"currency": "GBP", "notes": ["ok", 2], "tip": 1})
    assert errors.keys() == {"invoice", "currency", "notes.1", "tip"}
    assert errors["currency"] == "Input should be 'EUR' or 'USD'"


def test_arguments_of_every_name_reach_the_function() -> None:
    def store(ctx: Context, items: list[int], values: dict[str, int], keys: str) -> None: ...

    inputs = {"items": [1], "values": {"a": 2}, "keys": "k"}
    assert registered(store).arguments(inputs) == inputs


# Signatures that are refused, each with its sentence


def without_context(invoice: int) -> None: ...


def context_second(invoice: int, ctx: Context) -> None: ...


def nothing() -> None: ...


def untyped(ctx, invoice) -> None: ...  # type: ignore[no-untyped-def]


def positional(ctx: Context, *invoices: int) -> None: ...


def keywords(ctx: Context, **invoices: int) -> None: ...


def nameless(ctx: Context, invoice: int, /) -> None: ...


def opaque(ctx: Context, thing: Opaque) -> None: ...


def callback(ctx: Context, then: Callable[[], int]) -> None: ...


def unknown_type(ctx: Context, invoice: Invoice) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def underscore(ctx: Context, _invoice: int) -> None: ...


def config_name(ctx: Context, model_config: str) -> None: ...


def wrong_default(ctx: Context, count: int = "many") -> None: ...  # type: ignore[assignment]


def wrong_choice(ctx: Context, size: Literal["s", "m"] = "xl") -> None: ...  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (without_context, "without_context: the first argument must be ctx"),
        (context_second, "context_second: the first argument must be ctx"),
        (nothing, "nothing: the first argument must be ctx"),
        (untyped, "untyped: invoice has no type, e.g. invoice: str"),
        (positional, "positional: *invoices: 'int' cannot be filled by name"),
        (keywords, "keywords: **invoices: 'int' cannot be filled by name"),
        (nameless, "nameless: invoice: 'int' cannot be filled by name"),
        (opaque, "opaque: its arguments have no JSON Schema: "),
        (callback, "callback: its arguments have no JSON Schema: "),
        (unknown_type, "unknown_type: its arguments have no JSON Schema: name 'Invoice' is not"),
        (underscore, "underscore: no argument can be called _invoice; rename it."),
        (config_name, "config_name: no argument can be called model_config; rename it."),
        (wrong_default, "wrong_default: the default of count does not fit its type: "),
        (wrong_choice, "wrong_choice: the default of size does not fit its type: "),
    ],
)
def test_a_signature_that_cannot_be_a_schema_is_refused(
    function: Callable[..., Any], sentence: str
) -> None:
    assert refusal(function).startswith(sentence)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    sentence = "kind is 'job'; it must be one of action, approval, trigger, error_handler."
    assert sentence in refusal(pay_invoice, kind="job")


def test_an_atomic_script_cannot_be_async() -> None:
    async def fetch(ctx: Context) -> None: ...

    assert "is async and atomic" in refusal(fetch, atomic=True)


def test_a_refused_script_is_not_in_the_catalogue() -> None:
    refusal(untyped)
    assert "tests/untyped" not in catalogue


# The catalogue


def test_two_scripts_of_one_name_are_refused_with_both_places() -> None:
    def echo(ctx: Context) -> None: ...

    message = refusal(echo)
    assert message.startswith("Two scripts are called tests/echo: ")
    assert "tests.scripts and tests.test_scripts" in message


def test_registering_the_same_function_again_replaces_it() -> None:
    registered(pay_invoice, title="Old")
    assert registered(pay_invoice, title="New").title == "New"


def test_a_function_of_no_installed_app_is_refused() -> None:
    def stray(ctx: Context) -> None: ...

    stray.__module__ = "elsewhere.scripts"
    assert "elsewhere.scripts" in refusal(stray)
    assert "belongs to no installed app" in refusal(stray)


def test_an_unknown_path_says_what_to_do() -> None:
    with pytest.raises(UnknownScript, match=r"hub/gone is not installed here\. Install the app"):
        catalogue.find("hub/gone")


def test_every_apps_scripts_are_found_without_being_imported_by_hand() -> None:
    assert {"hub/email_approval", "hub/say_hello", "hub/send_email"} <= set(catalogue)


def test_the_catalogue_is_in_order_and_counts_itself() -> None:
    assert list(catalogue) == sorted(catalogue)
    assert len(catalogue) == len(set(catalogue))


def test_every_script_of_the_hub_is_described() -> None:
    for path, found in catalogue.items():
        if path.startswith("hub/"):
            assert found.title
            assert found.summary
            assert found.description


def test_an_empty_catalogue_has_nothing() -> None:
    assert dict(Catalogue()) == {}
