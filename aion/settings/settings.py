"""Every AION_* setting, its default and its meaning, a field each."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from aion.settings.hosts import HostList, OriginList

DEFAULT_BASE_MODEL = "mistralai/Mistral-7B-Instruct-v0.3"
SYSTEM_PROMPT = (
    "Você é o AION, especialista da plataforma. Responda em PT-BR, cite as fontes internas quando couber "
    "e seja objetivo."
)

_MOST_MONEY = 1_000_000_000  # as micros it fits the 64 bits of SQLite, and sums of it do

Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseSettings):
    """Immutable settings: keyword arguments over environment over `.env` over defaults."""

    model_config = SettingsConfigDict(
        env_prefix="AION_",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    env_file: Path = Field(
        Path(".env"), description="the file of these settings; named in the environment only"
    )
    base_model: str = Field(DEFAULT_BASE_MODEL, description="base model: a GGUF path, a folder or a hub id")
    adapter_dir: Path = Field(
        Path("./trainer/lora/out/adapter"), description="adapter: the PEFT folder of the trainer, or a GGUF"
    )
    embed_model: Path | None = Field(None, description="embedding GGUF; the embedded one when empty")
    models_dir: Path = Field(Path("models"), description="where GGUF files are looked for")
    db: Path = Field(Path("aion.db"), description="the one SQLite file")
    host: str = Field("0.0.0.0", description="address to listen on; 127.0.0.1 until strangers are kept out")  # noqa: S104
    port: int = Field(8008, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    allow_anonymous: bool = Field(False, description="answer questions of anyone, without a key")
    allowed_hosts: HostList = Field(
        "",
        description="names this server is asked by, by commas (aion.empresa.pt, *.empresa.pt); addresses and "
        "localhost always are",
    )
    cors_origins: OriginList = Field(
        "",
        description="web pages of other hosts that may ask (https://app.empresa.pt), by commas; empty: none",
    )
    rate_key: int = Field(1200, ge=0, description="requests a minute with one key; 0: any number")
    rate_address: int = Field(
        300, ge=0, description="requests a minute from one address without a key; 0: any number"
    )
    streams: int = Field(
        32, ge=0, description="answers at once for one key, or one address without a key; 0: any number"
    )
    session_hours: int = Field(168, ge=1, le=8760, description="hours a sign-in on the page lasts")
    body_mb: int = Field(
        4, ge=1, le=1024, description="megabytes a request may have; documents have their own"
    )
    send_timeout_s: float = Field(
        30.0, gt=0, description="seconds a client may read nothing of a stream before it is dropped"
    )
    grace_s: float = Field(10.0, ge=0, description="seconds running answers have to end when AION is stopped")
    log: Literal["auto", "text", "json"] = Field(
        "auto", description="lines of the log: json, text, or auto (text in a terminal)"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least that is logged: debug, info, warning or error"
    )
    log_texts: bool = Field(False, description="write questions and answers into the log too")
    load_in_4bit: bool = Field(True, description="prefer 4-bit weights")
    max_new_tokens: int = Field(512, ge=1, description="default length of /generate")
    temperature: float = Field(0.6, ge=0.0, le=2.0, description="default temperature of /generate")
    top_p: float = Field(0.9, gt=0.0, le=1.0, description="default top_p of /generate")
    system_prompt: str = Field(SYSTEM_PROMPT, description="system prompt")
    tau_confidence: Unit = Field(0.62, description="below it, no local answer is given on trust")
    parallel: int = Field(
        0,
        ge=0,
        le=64,
        description="sequences computed together; 0 takes what memory allows, at most 8 on a CPU",
    )
    ctx: int = Field(
        4096,
        ge=256,
        description="tokens of context a sequence, at most what it was trained for; fewer where memory "
        "is short and this is not set",
    )
    kv_type: Literal["f16", "q8_0", "f32"] = Field(
        "f16", description="type of the KV cache: f16, q8_0 (half of it) or f32"
    )
    flash_attention: Literal["auto", "on", "off"] = Field(
        "auto", description="attention without its whole matrix in memory: auto, on or off"
    )
    mmap: bool = Field(True, description="leave the weights to the system's page cache; false reads them all")
    kept_prefixes: int = Field(
        8,
        ge=0,
        le=128,
        description="prompts kept in the KV cache for those that begin alike; on a CPU the latest of each of "
        "AION_PARALLEL, however many that are; 0 keeps none",
    )
    speculation: bool = Field(True, description="compute guessed tokens ahead where that pays")
    threads: int = Field(0, ge=0, description="compute threads; 0 takes the physical cores")
    gpu_layers: int = Field(-1, ge=-1, description="layers on the GPU; -1 takes as many as fit")
    kv_tokens: int = Field(
        0,
        ge=0,
        description="tokens the KV cache holds for all sequences together; fewer than they may need let "
        "more of them fit, and the youngest begins again when it is full; 0 takes AION_CTX for each, and on "
        "a CPU to itself",
    )
    queue: int = Field(64, ge=1, description="requests that may wait; more are told to come back")
    queue_timeout_s: float = Field(
        120.0, ge=0, description="seconds a request may wait for its turn; 0 lets it wait without end"
    )
    mmr_lambda: Unit = Field(
        0.9, description="relevance against diversity in choosing passages; 0.7 measurably loses right ones"
    )
    vector_memory_mb: int = Field(
        512,
        ge=0,
        description="megabytes for copies of vectors in memory, enough for 1,300,000 of 384 dimensions; more "
        "are read from the file",
    )
    rerank_model: Path | None = Field(
        None, description="reranking GGUF for the best 24 passages; none when empty"
    )
    watch_dir: Path | None = Field(None, description="folder kept ingested while serving; none when empty")
    max_file_mb: int = Field(50, ge=1, le=4096, description="megabytes a document may have")
    read_timeout_s: float = Field(60.0, gt=0, description="seconds the reading of one document may take")
    crawl_domains: str = Field(
        "", description="domains whose pages may be ingested, by commas (sintra.pt, *.sintra.pt); empty: none"
    )
    crawl_delay_s: float = Field(1.0, ge=0, description="seconds between two requests to one host")
    crawl_depth: int = Field(2, ge=0, le=20, description="links followed from the page that was named")
    crawl_pages: int = Field(200, ge=1, description="pages of one ingestion from the web at most")
    user_agent: str = Field(
        "AION/0.1 (a private document assistant)", description="how the crawler names itself"
    )
    chunk_words: int = Field(120, ge=20, le=1000, description="words a chunk aims at")
    confidence: Literal["calibrated", "mean-cosine"] = Field(
        "calibrated", description="how C is found: calibrated (a probability) or mean-cosine (the contract's)"
    )
    local_llm_url: str = Field(
        "http://localhost:8008",
        description="where clients find the service; when set to another place, the OpenAI-compatible server "
        "there writes the local answers",
    )
    local_llm_model: str = Field("", description="model asked of that server; its first when empty")
    local_llm_api_key: SecretStr = Field(SecretStr(""), description="key for that server, if it wants one")
    local_llm_timeout_s: float = Field(60.0, gt=0, description="seconds an answer from there may take")
    fallback: Literal["off", "on"] = Field(
        "off", description="whether a paid API may answer what the local model cannot"
    )
    fallback_base_url: str = Field("https://api.openai.com/v1", description="the paid API's address")
    fallback_api_key: SecretStr = Field(SecretStr(""), description="the paid API's key")
    fallback_model: str = Field("", description="the paid model")
    fallback_prices: str = Field(
        "",
        description="prices of paid models, money a million tokens in and out: gpt-x=0.15/0.60, by commas; a "
        "model without a price is never called",
    )
    fallback_timeout_s: float = Field(60.0, gt=0, description="seconds a paid answer may take")
    fallback_retries: int = Field(2, ge=0, le=10, description="how often a failed paid call is tried again")
    fallback_redact: bool = Field(True, description="mask personal data in what leaves the machine")
    budget_day: Decimal = Field(
        Decimal(1), ge=0, le=_MOST_MONEY, description="money a day for paid answers, for each tenant"
    )
    budget_month: Decimal = Field(
        Decimal(10), ge=0, le=_MOST_MONEY, description="money a month for paid answers, for each tenant"
    )
    budget_day_calls: int = Field(50, ge=0, description="paid calls a day, for each tenant")
    budget_month_calls: int = Field(500, ge=0, description="paid calls a month, for each tenant")
    tau_fallback: Unit = Field(0.18, description="share of fallbacks above which training is due")
    tau_ndcg: Unit = Field(0.82, description="nDCG of retrieval below which it is to be improved")
    train_root: Path = Field(Path("./trainer"), description="where training reads and writes")
    lora_base: str = Field(DEFAULT_BASE_MODEL, description="base model of an adapter in training")
    events_jsonl: Path = Field(Path("./trainer/events.jsonl"), description="where events are exported to")
    events_days: int = Field(0, ge=0, le=36_500, description="days events are kept; 0 keeps them for good")
    tenant: str = Field(
        "default",
        min_length=1,
        validation_alias="PRIMARY_TENANT_ID",
        description="the tenant of a request that names none",
    )

    @field_validator(
        "base_model",
        "embed_model",
        "rerank_model",
        "watch_dir",
        "adapter_dir",
        "models_dir",
        "db",
        "train_root",
        "events_jsonl",
        mode="before",
    )
    @classmethod
    def _home_expanded(cls, value: object) -> object:
        """A shell expands `~`, `.env` does not."""
        if isinstance(value, str) and value.startswith("~"):
            return str(Path(value).expanduser())
        return value

    @field_validator("embed_model", "rerank_model", "watch_dir", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value
