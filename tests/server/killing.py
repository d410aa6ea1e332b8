"""`aion serve` under load, killed at random moments; after each, the file is checked and its clients' ledgers
are held against it."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from aion.server.access.tokens import add_key
from aion.server.upkeep.check import check_all
from aion.settings import Settings
from aion.store.connection import Store
from aion.store.keys import Keys
from tests.remote.stand_in import says, standing_in
from tests.server.ledger import GONE, Ledger
from tests.server.live import settings_in
from tests.server.process import DEADLINE_S, Served, served
from tests.server.test_adapters import write_peft

QUESTIONS = (
    "Quanto custa o bilhete?",
    "A que horas abre o museu?",
    "Onde fica o castelo?",
    "Quem guia o tour?",
)
_WORDS = ("castelo", "museu", "bilhete", "hora", "guia", "praia", "serra", "elétrico", "jardim", "muralha")
_N_SOURCES = 12
_TIMEOUT_S = 20
_MOST_LATER_S = 0.2  # so that a kill is not always right behind an acknowledgment
_KINDS = ("answer", "paid call", "document", "document", "feedback", "swap")
Work = Callable[["Client"], None]


@dataclass(frozen=True)
class Kill:
    """One life of the service: how long it served, what was acknowledged in it, what was under way when it
    was killed, and what was found afterwards."""

    n: int
    start_s: float
    lived_s: float
    acknowledged: dict[str, int]
    under_way: dict[str, int]
    problems: list[str]
    lost: list[str]
    answers: bool


class Client:
    """One client of a service that comes and goes; belongs to one thread."""

    def __init__(self, load: Load, seed: int) -> None:
        self.load = load
        self.ledger = load.ledger
        self.random = random.Random(seed)

    def run(self, work: Work, pause_s: float) -> None:
        while not self.load.is_over.is_set():
            if self.load.http is None:
                time.sleep(0.01)
                continue
            try:
                work(self)
            except (httpx.TransportError, RuntimeError):  # killed, or its connections are closed meanwhile
                time.sleep(0.02)
            except Exception as error:
                self.ledger.troubles.append(f"{work.__name__}: {error!r}")
                return
            time.sleep(self.random.random() * pause_s)

    def send(self, method: str, path: str, body: object = None) -> httpx.Response | None:
        """The answer; None when the service has too much to do, or is being started."""
        http = self.load.http
        if http is None:
            return None
        response = http.request(method, path, json=body, headers=self.load.headers)
        if response.status_code in (429, 503):
            return None
        assert response.status_code < 500, f"{path}: {response.status_code} {response.text[:300]}"
        return response


def ask(client: Client) -> None:
    with client.ledger.doing("answer"):
        answer = client.send("POST", "/api/ai/chat", {"message": client.random.choice(QUESTIONS), "tau": 0})
        if answer is not None:
            _answered(client.ledger, answer.json())


def pay(client: Client) -> None:
    body = {"message": client.random.choice(QUESTIONS), "forceFallback": True}
    with client.ledger.doing("paid answer"):
        answer = client.send("POST", "/api/ai/chat", body)
        if answer is not None:
            found = answer.json()
            _answered(client.ledger, found)
            if found["used"] == "fallback":
                client.ledger.paid(round(found["cost"] * 1e6))


def stream(client: Client) -> None:
    http = client.load.http
    assert http is not None
    body = {"message": client.random.choice(QUESTIONS), "tau": 0, "stream": True}
    with (
        client.ledger.doing("stream"),
        http.stream("POST", "/api/ai/chat", json=body, headers=client.load.headers) as response,
    ):
        kind = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "answer":
                _answered(client.ledger, json.loads(line.removeprefix("data: ")))


def _answered(ledger: Ledger, answer: dict[str, object]) -> None:
    event_id = answer["event_id"]
    assert isinstance(event_id, int), answer
    if event_id:
        ledger.event(event_id, "answer")
    else:
        ledger.troubles.append(f"an answer is not in the log: {answer.get('warnings')}")


def ingest(client: Client) -> None:
    """A document of a passage or two."""
    _put(client, n_paragraphs=2)


def ingest_large(client: Client) -> None:
    """A document of a dozen passages, which takes a while to embed."""
    _put(client, n_paragraphs=24)


def _put(client: Client, n_paragraphs: int) -> None:
    """A document, new or in place of an earlier one; sometimes one goes."""
    source = f"doc-{client.random.randrange(_N_SOURCES)}-{threading.get_ident()}.md"
    if client.random.random() < 0.2 and client.ledger.documents.get(source, {GONE}) != {GONE}:
        _delete(client, source)
        return
    title = f"T {client.random.randrange(10**9)}"
    words = [" ".join(client.random.choices(_WORDS, k=60)) + f" {title}." for _ in range(n_paragraphs)]
    client.ledger.sends(source, title)
    with client.ledger.doing("ingest"):
        body = {"source": source, "title": title, "text": f"# {title}\n\n" + "\n\n".join(words)}
        answer = client.send("POST", "/api/documents", body)
        if answer is not None and answer.status_code == 200:
            client.ledger.stored(source, title)


def _delete(client: Client, source: str) -> None:
    client.ledger.sends(source, GONE)
    with client.ledger.doing("deletion"):
        answer = client.send("DELETE", f"/api/documents?source={source}")
        if answer is not None and answer.status_code in (204, 404):
            client.ledger.stored(source, GONE)


def judge(client: Client) -> None:
    with client.ledger.lock:
        answers = [event_id for event_id, kind in client.ledger.events.items() if kind == "answer"]
    if not answers:
        return
    body = {"event_id": client.random.choice(answers[-50:]), "thumb": client.random.choice(["up", "down"])}
    with client.ledger.doing("feedback"):
        answer = client.send("POST", "/api/feedback", body)
        if answer is not None:
            assert answer.is_success, answer.text
            client.ledger.event(answer.json()["event_id"], "feedback")


def swap(client: Client) -> None:
    """Another adapter in the place of the one in use."""
    folder = client.load.folder / "trainer" / client.random.choice(["adapter", "other"])
    with client.ledger.doing("swap"):
        answer = client.send("POST", "/adapter/reload", {"path": str(folder)})
        if answer is not None:
            assert answer.json().get("ok"), answer.text
            client.ledger.count("swap")


def add_keys(client: Client) -> None:
    """As `aion keys` does it, beside the service."""
    with client.ledger.doing("key"), Store(client.load.settings.db) as store:
        keys = Keys(store)
        key, _ = add_key(keys, f"k{client.random.randrange(10**9)}", ["chat"], ["default"])
        client.ledger.key(key.id, is_revoked=False)
        if client.random.random() < 0.5:
            keys.revoke(key.id)
            client.ledger.key(key.id, is_revoked=True)


CLIENTS: tuple[tuple[Work, float], ...] = (
    (ask, 2.0), (ask, 2.0), (stream, 2.0), (pay, 2.0), (ingest, 0.1), (ingest, 0.1), (ingest_large, 0.1),
    (judge, 0.3), (swap, 1.0), (add_keys, 1.0),
)  # fmt: skip


class Load:
    """The clients of one store, from `running` on. `http` is None while the service is away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: Settings = settings_in(folder)
        self.ledger = Ledger()
        self.http: httpx.Client | None = None
        self.is_over = threading.Event()
        for seed, name in enumerate(("adapter", "other")):
            write_peft(folder / "trainer" / name, seed)
        with Store(self.settings.db) as store:
            _, token = add_key(Keys(store), "load", ["admin"], ["default"])
        self.headers = {"Authorization": f"Bearer {token}"}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=Client(self, seed).run, args=pair, name=pair[0].__name__)
            for seed, pair in enumerate(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join(_TIMEOUT_S + 10)


def kills(folder: Path, n_kills: int, seed: int, most: int) -> Iterator[Kill]:
    """Start, load, kill, check; so many times, each behind the `most`-th acknowledgment of a kind
    or an earlier one."""
    chosen = random.Random(seed)
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(standing_in())
        api.then(says("Custa 9 euros [1].", usage={"prompt_tokens": 1000, "completion_tokens": 10}))
        load = Load(folder)
        stack.enter_context(load.running())
        for n in range(1, n_kills + 1):
            before = load.ledger.acknowledged.copy()
            started = time.monotonic()
            with served(folder, **_environment(api.url)) as service:
                start_s = time.monotonic() - started
                answers = _answers(service, load)
                load.http = stack.enter_context(_http(service))
                started = time.monotonic()
                what = chosen.choice(_KINDS)
                _wait_for(load, what, before[what] + chosen.randint(1, most))
                time.sleep(chosen.choice([0.0, chosen.random() * _MOST_LATER_S]))
                under_way = dict(+load.ledger.under_way)
                service.kill()
                load.http = None
                lived_s = time.monotonic() - started
            yield _found(load, n, start_s, lived_s, before, under_way, answers)


def _found(
    load: Load, n: int, start_s: float, lived_s: float, before: Counter[str], under_way: dict[str, int],
    answers: bool,
) -> Kill:  # fmt: skip
    """What the file says, before it is opened by another service."""
    _wait_idle(load)
    report = check_all(load.settings, lambda _what: None)
    problems = [f"{each.subject}: {each.text}" for each in report.problems if not each.is_note]
    lost = load.ledger.lost(load.settings.db, load.settings.tenant)
    now = load.ledger.acknowledged
    acknowledged = {what: now[what] - before[what] for what in sorted(now)}
    return Kill(n, start_s, lived_s, acknowledged, under_way, problems, lost, answers)


def _wait_for(load: Load, what: str, n: int) -> None:
    """Until so many of a kind were acknowledged in all."""
    give_up = time.monotonic() + DEADLINE_S
    while load.ledger.acknowledged[what] < n:
        assert time.monotonic() < give_up, f"{load.ledger.acknowledged} and not {n} times {what}"
        time.sleep(0.002)


def _wait_idle(load: Load) -> None:
    """Until every client has noticed, so that the ledger is of what was acknowledged before the kill."""
    give_up = time.monotonic() + _TIMEOUT_S
    while +load.ledger.under_way and set(+load.ledger.under_way) != {"key"}:
        assert time.monotonic() < give_up, f"still under way: {load.ledger.under_way}"
        time.sleep(0.01)


def _answers(service: Served, load: Load) -> bool:
    """Whether a question is answered after the start, and its answer recorded."""
    body = {"message": QUESTIONS[0], "tau": 0}
    answer = service.http.post("/api/ai/chat", json=body, headers=load.headers)
    return answer.status_code == 200 and bool(answer.json()["event_id"])


def _http(service: Served) -> httpx.Client:
    return httpx.Client(base_url=service.http.base_url, timeout=_TIMEOUT_S)


def _environment(url: str) -> dict[str, str]:
    """The paid API is the stand-in; nothing but the disk limits what is sent and spent."""
    return {
        "AION_RATE_KEY": "0",
        "AION_STREAMS": "100",
        "AION_TRAIN_ROOT": "trainer",
        "AION_FALLBACK": "on",
        "AION_FALLBACK_BASE_URL": url,
        "AION_FALLBACK_API_KEY": "sk-secret",
        "AION_FALLBACK_MODEL": "stand-in",
        "AION_FALLBACK_PRICES": "stand-in=1/2",
        "AION_BUDGET_DAY": "1000",
        "AION_BUDGET_MONTH": "1000",
        "AION_BUDGET_DAY_CALLS": "1000000",
        "AION_BUDGET_MONTH_CALLS": "1000000",
    }
