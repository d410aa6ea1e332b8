"""What each route does and answers, by its row in the table of routes."""

from __future__ import annotations

from aion.server.openapi.answer import Answer, Answers, Event, Shape
from aion.server.openapi.shapes import chat, documents, metrics, openai, responses, service
from aion.server.openapi.shapes.error import ErrorEvent

_WRITES = (404, 504)


def _json(about: str, told: str, shape: type[Shape], *errors: int, status: int = 200) -> Answers:
    return Answers((Answer(status, told, shape),), errors, about)


def _nothing(about: str, told: str, *errors: int) -> Answers:
    return Answers((Answer(204, told, None, ""),), errors, about)


def _streamed(about: str, told: str, shape: type[Shape], stream: str, *events: Event) -> Answers:
    """A whole answer, or, with `stream`, the same in events."""
    in_events = Answer(200, stream, None, "text/event-stream", events)
    return Answers((Answer(200, told, shape), in_events), _WRITES, about)


READY = _json(
    "Makes a token, so that nothing is said that is not so. For load balancers and whatever starts AION.",
    "A question would be answered now.",
    service.Ready,
    503,
)
HEALTH = Answers(
    (
        Answer(200, "It answers, or is loading.", service.Health),
        Answer(503, "It has failed.", service.Health),
    ),
    about="Answered from the first second on. Whoever may read figures (the role `metrics`) is told what is "
    "loaded, what waits and what goes wrong; anyone else whether it works, and which model answers.",
)
SESSION = _json(
    "Tells the page whether it has to ask for a key. Takes away a cookie that is good for nothing.",
    "Who asks.",
    service.Session,
)
SIGNED_IN = _json(
    "The page sends a key once and has a cookie in its place, which scripts cannot read. Programs send the "
    "key itself with each request.",
    "Who the key's holder is; the session is in the cookie.",
    service.Session,
    401,
    status=201,
)
SIGNED_OUT = _nothing("Ends the browser's session, if it has one.", "The session is over.")

CHAT = _streamed(
    "Passages are searched for, and C says how sure AION is of them. Where C reaches tau, the local model "
    "answers from them and cites them as `[1]`. Else a paid API does, where the operator allows that and the "
    "budget does too, or AION says that it does not know. Who answered and why is in the answer and in the "
    "headers `X-AION-Used`, `X-AION-Reason` and `X-AION-Adapter`.",
    "The answer, and why it is as it is.",
    chat.ChatAnswer,
    "With `stream`: pieces of the text, then the whole answer; after an error nothing more.",
    Event("delta", chat.Piece),
    Event("answer", chat.ChatAnswer),
    Event("error", ErrorEvent),
)
FEEDBACK = _json(
    "It counts in the figures, judged passages count in `aion eval`, and good and corrected answers become "
    "training data. An admin may judge any answer, others those to their own questions.",
    "It is on record.",
    chat.FeedbackAnswer,
    404,
    status=201,
)
STORY = _json(
    "What was searched for, the passages with their scores, who wrote the answer, what left the machine, and "
    "what was said of it. `event_id` of an answer is the number.",
    "The event, and what is known of it.",
    chat.Story,
    404,
)
FOUND = _json(
    "By wording and by meaning together. Nothing is generated.",
    "The passages, best first.",
    chat.Found,
    404,
)

STORED = Answers(
    (
        Answer(200, "One at least is stored; each says what became of it.", documents.DocumentsStored),
        Answer(422, "Nothing could be stored.", documents.NoneStored),
    ),
    (404,),
    "Files as a form, of every kind that `aion ingest` reads, or one text as JSON. Each goes in whole or not "
    "at all; the same name again replaces it.",
)
DOCUMENTS = _json("By their sources, a page at a time.", "The documents.", documents.DocumentsPage, 404)
DOCUMENT = _json("With its passages in order.", "The document.", documents.DocumentRead, 404)
DELETED = _nothing("Its passages are found no more.", "It is gone.", 404)
EXPORTED = _json(
    "What is new goes into AION_EVENTS_JSONL, or, as every event, into the file beside it. Personal data is "
    "masked.",
    "The file is up to date.",
    documents.DatasetExported,
    404,
)

SUMMARY = _json(
    "Questions, answers by who gave them, nDCG from feedback, latency, tokens and money.",
    "The figures.",
    metrics.SummaryFigures,
    404,
)
CONFIDENCE = _json("A histogram for each method.", "The figures.", metrics.ConfidenceFigures, 404)
LATENCY = _json("Median and 95th percentile of each.", "The figures.", metrics.LatencyFigures, 404)
QUESTIONS = _json("Days without a question are there too.", "The figures.", metrics.QuestionFigures, 404)
HEAT = _json("Documents by day, and scores by rank.", "The figures.", metrics.HeatFigures, 404)
BUDGET = _json("Told while the fallback is off, too.", "The budget.", metrics.BudgetFigures, 404)
FIGURES = Answers(
    (Answer(200, "The figures, in Prometheus' text form.", None, "text/plain"),),
    about="Requests, tokens, what waits, KV cells, answers, budget, since AION was started.",
)

GENERATED = _json("A client that goes away ends its generation.", "The text.", service.Generated, 504)
COMPLETION = _streamed(
    "`model` may name an adapter, or `aion-rag` for an answer from the documents, whose reasons are in the "
    "member `aion`; any other name gets the model that is loaded.",
    "The answers.",
    openai.ChatCompletion,
    "With `stream`: pieces of the answers, then `data: [DONE]`.",
    Event("", openai.ChatCompletionChunk),
    Event("", ErrorEvent),
    Event("", "[DONE]"),
)
TEXTS = _streamed(
    "`n` texts for each prompt, in the order of the prompts. No chat template is put around a prompt.",
    "The texts.",
    openai.TextCompletion,
    "With `stream`: pieces of the texts, then `data: [DONE]`.",
    Event("", openai.TextCompletion),
    Event("", ErrorEvent),
    Event("", "[DONE]"),
)
RESPONSE = _streamed(
    "Nothing is kept, so the whole conversation comes with each request.",
    "The answer.",
    responses.Response,
    "With `stream`: OpenAI's events; the last is response.completed, response.incomplete or response.failed.",
    Event("*", responses.ResponseEvent),
)
EMBEDDINGS = _json(
    "By the model that serves the documents. Vectors have the length 1, also those that `dimensions` "
    "shortens, which keeps its meaning with models that were trained for it.",
    "The vectors.",
    openai.Embeddings,
)
RERANKED = _json(
    "As Jina's and Cohere's. Needs AION_RERANK_MODEL. What is too long is read to where it fits.",
    "The documents, best first.",
    openai.Reranked,
    501,
)
MODELS = _json("What requests may name in `model`.", "The models.", openai.Models)
MODEL = _json("One that a request may name in `model`.", "The model.", openai.ModelCard, 404)

TOKENS = _json("As the model that is loaded has them.", "The tokens.", service.Tokens)
TEXT = _json("As the model that is loaded has it.", "The text.", service.TextOfTokens)
PROMPT = _json("In the model's own chat template.", "The prompt.", service.Prompt)
RELOADED = _json(
    "AION_ADAPTER_DIR again, or another one. Answers under way keep the version they began with.",
    "Whether it is loaded.",
    service.Reloaded,
)
MERGED = _json(
    "The fastest way to serve one adapter. A reload parts them again.",
    "Whether it is merged.",
    service.Merged,
)
ADAPTERS = _json("What requests may name in `adapter`.", "The adapters.", service.AdapterCards)
ADAPTER = _json(
    "It goes live once it fits the base and changes what a probe prompt computes.",
    "It is loaded.",
    service.AdapterCard,
    status=201,
)
UNLOADED = _nothing("Answers that use it end with it.", "It is unloaded.", 404)

DESCRIPTION = Answers(
    (Answer(200, "The document.", None), Answer(304, "You have it.", None, "")),
    about="OpenAPI 3.1, made of the schemas that validate requests.",
)
PAGE = Answers(
    (Answer(200, "The page.", None, "text/html"), Answer(304, "You have it.", None, "")),
    about="This page, in the browser's language where it is English or Portuguese.",
)
