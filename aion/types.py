"""Small frozen dataclasses that cross rooms, and the Protocols one room asks of another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # a process that only reads documents does without numpy and starts in a third of the time
    import numpy as np
    from numpy.typing import NDArray

FinishReason = Literal["stop", "length", "abort", "error"]
ErrorCause = Literal["failed", "busy", "timeout"]
Priority = Literal["interactive", "batch"]
Role = Literal["system", "user", "assistant", "tool"]
Vectors: TypeAlias = "NDArray[np.float32]"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function a model may ask to be called; `parameters` is the JSON schema of its arguments, and
    `is_strict` asks that they follow all of it."""

    name: str
    description: str = ""
    parameters: Mapping[str, object] = field(default_factory=lambda: {"type": "object", "properties": {}})
    is_strict: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call a model asked for; `arguments` is JSON as text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `tool_calls` are those an assistant asked for beside its text; a message of
    the role "tool" is what the call `tool_call_id` brought."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The tools of a request; `opening` is what the answer must begin with, in which control tokens count."""

    tools: tuple[Tool, ...]
    opening: str = ""


@dataclass(frozen=True, slots=True)
class GrammarStart:
    """From where a grammar holds: from one of the texts `markers`, which it begins with, or from the first
    character of a text whose beginning the regular expression `beginning` matches. Before, all is allowed."""

    markers: tuple[str, ...] = ()
    beginning: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. `temperature` 0 is greedy; `seed` None draws one.

    `logit_bias` adds to the logits of tokens; `logprobs` is how many of the most probable tokens to tell
    beside each drawn one, None to tell nothing; `grammar` is GBNF, which holds from `grammar_start` on (None:
    from the first token); `min_tokens` come before an end; `shown` are texts of control tokens that are part
    of the answer's text, where they are otherwise left out of it.
    """

    temperature: float = 0.6
    top_p: float = 0.9
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    max_new_tokens: int = 512
    stop: tuple[str, ...] = ()
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    logprobs: int | None = None
    grammar: str | None = None
    grammar_start: GrammarStart | None = None
    shown: tuple[str, ...] = ()
    ignore_eos: bool = False
    min_tokens: int = 0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token with its bytes and its natural log probability; `top` are the most probable, best first."""

    token: int
    piece: bytes
    logprob: float
    top: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class AdapterChoice:
    """An adapter a request asks for, by name; `scale` 1 is its full effect."""

    name: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one generation; the first `n_cached` of the prompt did not have to be computed."""

    n_prompt: int
    n_completion: int
    n_cached: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text as it was generated; `n_tokens` tokens are behind it (0: text held back before);
    `logprobs` are those of the tokens that begin in it, where they were asked for. The first one has in
    `n_prompt` the tokens of the prompt, where they are known before the end; others have 0."""

    text: str
    n_tokens: int = 1
    logprobs: tuple[TokenLogprob, ...] = ()
    n_prompt: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The one terminal event of a sequence. `error` is set when `reason` is "error", and `cause` says of
    what kind it is then; `adapter` names the adapters it was generated under, "" for the base alone."""

    reason: FinishReason
    usage: Usage
    error: str | None = None
    adapter: str = ""
    cause: ErrorCause = "failed"


GenerationEvent = Delta | Finished


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole generation, put together from its events."""

    text: str
    reason: FinishReason
    usage: Usage
    adapter: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()


class Generator(Protocol):
    """Turns messages into text. Raises AionError before the first event, never after it."""

    @property
    def model_name(self) -> str: ...

    @property
    def n_ctx(self) -> int:
        """The most tokens prompt and answer may have together."""
        ...

    @property
    def n_ctx_effective(self) -> int:
        """The longest prompt the model makes good use of; at most `n_ctx`."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt these messages make. Thread-safe."""
        ...

    def stream(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        adapters: Sequence[AdapterChoice] | None = None,
        *,
        priority: Priority = "interactive",
        timeout_s: float | None = None,
        tools: ToolUse | None = None,
    ) -> AsyncGenerator[GenerationEvent, None]:
        """Yield deltas, then exactly one Finished. Closing the iterator aborts the generation.

        `adapters` None takes the service's default, an empty one the base alone. Batch work gives way to
        interactive work; what is not complete in `timeout_s` seconds ends with an error.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors. Thread-safe."""

    @property
    def name(self) -> str:
        """Identifies the model, so that vectors of another one are never mixed in."""
        ...

    @property
    def n_dims(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), n_dims), each of length 1."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """A vector of shape (n_dims,), of length 1."""
        ...


class Reranker(Protocol):
    """Judges how well passages answer a question. Thread-safe."""

    @property
    def name(self) -> str: ...

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts),), each in [0, 1], higher is better."""
        ...


class RowQuantizer(Protocol):
    """Encodes rows of float32 as one of ggml's types. Deterministic and thread-safe."""

    def __call__(self, rows: NDArray[np.float32], kind: int) -> NDArray[np.uint8]:
        """`rows` (n, k) as `kind`, a GGMLQuantizationType's number; bytes of shape (n, bytes a row)."""
        ...


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text under one heading path, as a reader found it; `line` counts from 1, and so does `page`
    where the format has pages (of slides and sheets likewise)."""

    headings: tuple[str, ...]
    text: str
    line: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class LoadedDocument:
    """A document as it was read: where it came from, its title, its sections in order.

    `source` is what people see; `location`, the absolute path or URL, says which document it is, and is ""
    for one that was sent by itself. `language` is "pt", "en" or "" (not known); `date`, ISO 8601, is
    what the document or its file says of its age. `note` says what of it could not be read.
    """

    source: str
    title: str
    sections: tuple[Section, ...]
    content_hash: str
    n_bytes: int
    location: str = ""
    language: str = ""
    date: str | None = None
    tags: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document as it is stored, embedded and cited.

    `text` begins with the heading path, so that a chunk read alone still says what it is about.
    """

    title: str
    text: str
    line: int
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents a search may find: all that is given must hold. `source` is a whole source,
    `path_prefix` how it begins; dates are ISO 8601 and inclusive; a document has all of `tags`."""

    source: str | None = None
    path_prefix: str | None = None
    date_from: str | None = None
    date_to: str | None = None
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is asked at all."""
        return self != Filters()


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as retrieved. `n` counts from 1 in the order it is shown; `score` is the fused
    score in [0, 1]; `cosine` in [-1, 1]; `bm25` >= 0, 0 when the lexical search did not find it;
    `rerank` in [0, 1] where a reranker judged it. Why it was chosen: its place, from 1, in the lexical and
    the dense list, None when not in it; `wording` in [0, 1], how much of the question's wording one of
    its sentences has; `stems`, those of the question that it has."""

    n: int
    chunk_id: int
    document_id: int
    source: str
    title: str
    text: str
    line: int
    score: float
    cosine: float
    bm25: float
    page: int | None = None
    rerank: float | None = None
    lexical_rank: int | None = None
    dense_rank: int | None = None
    wording: float = 0.0
    stems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signals:
    """What stands behind a choice of passages and tells how far it is to be trusted.

    `bm25` and `cosines` are of the two lists, best first, and `n_both` chunks are in both. `stem_counts` says
    in how many of the tenant's `n_chunks` chunks each stem of the question is; common ones are counted to a
    tenth of the chunks only. `embedder` and `reranker` are "" where there was none.
    """

    embedder: str = ""
    reranker: str = ""
    languages: tuple[str, ...] = ("pt",)
    n_chunks: int = 0
    stem_counts: Mapping[str, int] = field(default_factory=dict)
    bm25: tuple[float, ...] = ()
    cosines: tuple[float, ...] = ()
    n_both: int = 0


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What a question found: the chosen passages in order.

    `query` is what was searched for; where a follow-up was rewritten, `original` is what was asked. `stems`
    are those searched for, `ms` is in all, `stages` are (name, ms) in order, `n_similar` were left out
    because they say what a better one says; `signals` are for who judges it.
    """

    query: str
    passages: tuple[Passage, ...]
    ms: float = 0.0
    original: str | None = None
    stems: tuple[str, ...] = ()
    stages: tuple[tuple[str, float], ...] = ()
    n_similar: int = 0
    signals: Signals = Signals()


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the append-only log."""

    kind: str
    value: float
    meta: dict[str, object] = field(default_factory=dict)
