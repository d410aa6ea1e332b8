// The page where one asks: sends the question, shows the answer as it is written, then its sources.
// Everything from the server goes in as text, never as HTML.

import { openSession, request } from "./session.js";

const $ = (id) => document.getElementById(id);
const REASONS = {
  confident: "os documentos bastam",
  low_confidence: "os documentos não bastam para responder com segurança",
  local_error: "o modelo local falhou",
  forced: "pedida ao modelo externo pago",
  fallback_off: "o modelo externo pago está desligado",
  over_budget: "o orçamento do modelo externo pago não permite",
  fallback_error: "o modelo externo pago falhou",
};

let running = null;

async function showHealth() {
  try {
    const health = await (await fetch("health")).json();
    const known = health.n_documents === undefined ? [] : [`${health.n_documents} documentos`];
    $("status").textContent = [health.base_model, ...known].join(" · ");
    $("notice").textContent = health.embedded_model && health.configured_model && !health.local_llm
      ? `${health.configured_model} não está nesta máquina. Responde o pequeno modelo embutido, que serve só para `
        + `experimentar. Para respostas melhores: aion pull ${health.configured_model}, ou indique um arquivo GGUF `
        + "ou uma pasta em AION_BASE_MODEL, e reinicie o AION."
      : health.notice ?? "";
    $("notice").hidden = !$("notice").textContent;
  } catch {
    $("status").textContent = "O serviço não responde.";
  }
}

async function* serverEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held = (held + value).replaceAll("\r\n", "\n");
    const blocks = held.split("\n\n");
    held = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const field = (name) => lines.filter((l) => l.startsWith(`${name}: `)).map((l) => l.slice(name.length + 2)).join("\n");
      if (field("data")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

// `unsupported` are spans in code points, as the server counts.
function showAnswer(text, unsupported = []) {
  const points = Array.from(text);
  const nodes = [];
  let at = 0;
  for (const { start, end } of unsupported) {
    const mark = document.createElement("mark");
    mark.append(...linked(points.slice(start, end).join("")));
    nodes.push(...linked(points.slice(at, start).join("")), mark);
    at = end;
  }
  $("answer").replaceChildren(...nodes, ...linked(points.slice(at).join("")));
}

function linked(text) {
  return text.split(/(\[\d+\])/).map((part) => {
    const match = /^\[(\d+)\]$/.exec(part);
    if (!match) return document.createTextNode(part);
    const link = document.createElement("a");
    link.textContent = part;
    link.href = `#passage-${match[1]}`;
    link.addEventListener("click", () => $(`passage-${match[1]}`)?.querySelector("details")?.setAttribute("open", ""));
    return link;
  });
}

function showPassages(answer) {
  const cited = new Set(answer.citations.map((citation) => citation.n));
  const items = answer.passages.map((passage) => {
    const item = document.createElement("li");
    item.id = `passage-${passage.n}`;
    item.classList.toggle("cited", cited.has(passage.n));
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const where = document.createElement("span");
    where.textContent = `${passage.source}, ${passage.page ? `página ${passage.page}` : `linha ${passage.line}`}`;
    summary.append(`[${passage.n}] ${passage.title} `, where);
    const text = document.createElement("p");
    text.textContent = passage.text;
    details.append(summary, text);
    item.append(details);
    return item;
  });
  $("passages").replaceChildren(...items);
}

function showFailure(message) {
  $("answer").classList.add("failed");
  $("answer").textContent = message;
}

async function ask(message, signal) {
  const response = await request("api/ai/chat", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message, stream: true }),
    signal,
  });
  if (!response.ok) {
    showFailure((await response.json()).error.message);
    return;
  }
  let text = "";
  let ended = false;
  for await (const { name, data } of serverEvents(response)) {
    if (name === "delta") {
      text += data.text;
      showAnswer(text);
    } else if (name === "error") {
      showFailure(data.error.message);
      ended = true;
    } else if (name === "answer") {
      showAnswer(data.text, data.unsupported);
      showPassages(data);
      ended = true;
      const seconds = (data.ms.total / 1000).toFixed(1);
      const reason = REASONS[data.reason] ?? data.reason;
      const who = data.used === "fallback" ? `modelo externo pago (${data.model})` : "local";
      const facts = [who, reason, `C = ${data.C.toFixed(2)}`, `${seconds} s`];
      if (data.unsupported.length) facts.push("as fontes não confirmam o que está marcado");
      if (data.warning) facts.push(data.warning);
      $("facts").textContent = facts.join(" · ");
    }
  }
  if (!ended) throw new Error("the stream was cut");
}

function setBusy(busy) {
  $("send").disabled = busy;
  $("stop").hidden = !busy;
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = $("question").value.trim();
  if (!message || running) return;
  running = new AbortController();
  setBusy(true);
  $("result").hidden = false;
  $("answer").classList.remove("failed");
  $("answer").textContent = "…";
  $("facts").textContent = "";
  $("passages").replaceChildren();
  try {
    await ask(message, running.signal);
  } catch (error) {
    if (error.name !== "AbortError") showFailure("A ligação com o AION caiu; tente de novo.");
    else $("facts").textContent = "interrompida";
  } finally {
    running = null;
    setBusy(false);
  }
});

$("stop").addEventListener("click", () => running?.abort());
$("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("form").requestSubmit();
  }
});
showHealth();
openSession(showHealth).catch(() => {}); // who gives no key now is asked for it with the first question
