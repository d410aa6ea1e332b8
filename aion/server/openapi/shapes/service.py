"""The model alone, its adapters, and how the service is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aion.server.openapi.answer import ABSENT, Shape


class Generated(Shape):
    """What the model wrote."""

    ok: Literal[True] = Field(description="true")
    ms: int = Field(description="How long it took, in milliseconds.")
    text: str = Field(description="The text.")


class TokenPiece(Shape):
    """A token and its text."""

    id: int = Field(description="The token.")
    piece: str | list[int] = Field(description="Its text, or its bytes where they are no whole text.")


class Tokens(Shape):
    """A text's tokens."""

    tokens: list[int | TokenPiece] = Field(description="Their ids, or, with `with_pieces`, objects.")


class TextOfTokens(Shape):
    """The text of tokens."""

    content: str = Field(description="The text.")


class Prompt(Shape):
    """A conversation as the model reads it."""

    prompt: str = Field(description="In the model's template, its control tokens spelled out.")


class AdapterCard(Shape):
    """An adapter that is loaded."""

    id: str = Field(description="What requests call it.")
    object: Literal["adapter"] = Field(description="What this is.")
    path: str = Field(description="Its file on AION's machine; to an admin with its folder.")
    sha256: str = Field(description="The hash of its content.")
    effect: float = Field(description="How much it changes what a probe prompt computes.")
    default: bool = Field(description="Whether requests that name none get it.")


class AdapterCards(Shape):
    """The adapters that are loaded."""

    object: Literal["list"] = Field(description="What this is.")
    data: list[AdapterCard] = Field(description="The adapters.")


class Reloaded(Shape):
    """Whether the adapter is loaded; what served before goes on where it is not."""

    ok: bool = Field(description="Whether it is.")
    adapter: AdapterCard = Field(ABSENT, description="What is loaded, with `ok` true.")
    error: str = Field(ABSENT, description="Why not, with `ok` false.")


class Merged(Shape):
    """Whether the adapter is part of the model now."""

    ok: bool = Field(description="Whether it is.")
    model: str = Field(ABSENT, description="The merged GGUF, with `ok` true.")
    error: str = Field(ABSENT, description="Why not, with `ok` false.")


class LocalLlm(Shape):
    """The other place that writes the local answers."""

    url: str = Field(description="Its address.")
    model: str = Field(description="The model that is asked there.")


class Progress(Shape):
    """How far something is."""

    done: int = Field(description="What is done.")
    total: int = Field(description="What there is to do.")


class FailedFile(Shape):
    """A file of the watched folder that could not be read."""

    path: str = Field(description="Which one.")
    reason: str = Field(description="Why.")


class WatchedFolder(Shape):
    """The watched folder."""

    folder: str = Field(description="Where it is.")
    n_documents: int = Field(description="Documents of it that are stored.")
    n_waiting: int = Field(description="Files that are still to be read.")
    last_pass: str | None = Field(description="When it was last gone through: UTC, ISO 8601.")
    problem: str = Field(description='What keeps it from being read, "" when nothing does.')
    n_failures: int = Field(description="Files that could not be read.")
    failures: list[FailedFile] = Field(description="The first of them.")


class Health(Shape):
    """Whether AION works and which model answers, for anyone; what is loaded, for who may read figures."""

    status: Literal["ok", "loading", "failed"] = Field(description="Whether it answers.")
    base_model: str = Field(description="The model that answers; while loading, the one that is set.")
    adapter_loaded: bool = Field(description="Whether an adapter is applied at run time.")
    failure: str | None = Field(ABSENT, description="What stopped it for good.")
    stage: str = Field(ABSENT, description="While loading: what is being loaded.")
    progress: dict[str, object] | None = Field(ABSENT, description="While converting a model: how far.")
    adapters: list[str] = Field(ABSENT, description="The adapters that are loaded.")
    adapter_merged: str = Field(ABSENT, description='The adapter that is part of the model, "" for none.')
    version: str = Field(ABSENT, description="AION's version.")
    embedded_model: bool = Field(ABSENT, description="Whether the small embedded model answers.")
    configured_model: str = Field(
        ABSENT, description="AION_BASE_MODEL; for anyone where the embedded model stands in for it."
    )
    local_llm: LocalLlm | None = Field(ABSENT, description="Where else the local answers are written.")
    embedder: str = Field(ABSENT, description="The embedding model.")
    notice: str = Field(ABSENT, description='What the operator should know, "" for nothing.')
    n_ctx: int = Field(ABSENT, description="Tokens that a prompt and its answer may have together.")
    placement: dict[str, int | str | bool] = Field(ABSENT, description="What memory allowed, in bytes.")
    n_documents: int = Field(ABSENT, description="Documents of AION's own tenant.")
    reembedding: Progress | None = Field(ABSENT, description="How far the vectors of a new embedder are.")
    watch: WatchedFolder | None = Field(ABSENT, description="The watched folder.")
    n_running: int = Field(ABSENT, description="Answers being written.")
    n_waiting: int = Field(ABSENT, description="Requests that wait for a place.")
    n_preempted: int = Field(ABSENT, description="Answers that gave their place away, and wait.")


class Ready(Shape):
    """A question would be answered."""

    status: Literal["ready"] = Field(description="ready")


class Session(Shape):
    """Who asks."""

    signed_in: bool = Field(description="Whether with a key or a session.")
    name: str = Field(description="The key's name.")
    roles: list[str] = Field(description="What it may do.")
    tenants: list[str] = Field(description='Whose documents it may use; "*" for all.')
    key_needed: bool = Field(description="Whether it takes a key to ask anything.")
