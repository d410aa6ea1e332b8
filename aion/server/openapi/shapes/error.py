"""The one form of all errors."""

from __future__ import annotations

from pydantic import Field

from aion.server.openapi.answer import Shape


class ErrorDetails(Shape):
    """What was wrong, and the way out."""

    message: str = Field(description="One sentence for a person: what was wrong, and what to do.")
    type: str = Field(
        description="The kind, as OpenAI names them: invalid_request_error, overloaded_error ..."
    )
    param: str | None = Field(description="The field or parameter that is wrong; null where it is none.")
    code: str | None = Field(
        description="OpenAI's word for it (context_length_exceeded, invalid_api_key, rate_limit_exceeded, "
        "model_not_found), or null."
    )


class Error(Shape):
    """Every error has this form."""

    error: ErrorDetails = Field(description="What was wrong.")


class ErrorEvent(Shape):
    """An error after the stream began: the last event before the end."""

    error: ErrorDetails = Field(description="What was wrong.")
