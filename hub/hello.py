"""The smallest script: the second step of a first flow."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from windflow import Context, script


@script(title="Say hello", summary="Greet one or more people")
def say_hello(
    ctx: Context,
    name: Annotated[
        str | list[str], Field(title="Who", description="A name, or a list of names.")
    ] = "world",
) -> str:
    """Returns a greeting, e.g. `Hello Bob and Carol!`.

    Good for trying out a flow: wire its input to `approvers` and see who approved.
    """
    names = [name] if isinstance(name, str) else name
    *others, last = names or ["nobody"]
    greeting = f"Hello {', '.join(others)} and {last}!" if others else f"Hello {last}!"
    ctx.log(greeting)
    return greeting
