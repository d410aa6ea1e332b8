// The page of the first seconds: says what AION is loading, and opens the real one when it is ready.

const PORTUGUESE = {
  waiting: "O AION está carregando; esta página abre sozinha quando estiver pronto.",
  failed: "O AION não conseguiu iniciar:",
  gone: "O AION não responde agora; esta página continua tentando.",
  stages: {
    program: "Iniciando o programa …",
    model: "Carregando o modelo …",
    conversion: "Convertendo o modelo, só desta vez",
    documents: "Abrindo os documentos …",
    first_token: "Experimentando o modelo …",
  },
};
const ENGLISH = {
  waiting: "AION is loading; this page opens by itself when it is ready.",
  failed: "AION could not start:",
  gone: "AION does not answer now; this page keeps trying.",
  stages: {
    program: "Starting the program …",
    model: "Loading the model …",
    conversion: "Converting the model, this once",
    documents: "Opening the documents …",
    first_token: "Trying the model …",
  },
};
const EVERY_MS = 1000;

const isPortuguese = navigator.language.toLowerCase().startsWith("pt");
const words = isPortuguese ? PORTUGUESE : ENGLISH;
const waiting = document.getElementById("waiting");
const stage = document.getElementById("stage");

function stageOf(health) {
  const named = words.stages[health.stage] ?? "";
  return health.progress ? `${named}: ${health.progress.done} / ${health.progress.total}` : named;
}

function say(text, detail) {
  if (waiting.textContent !== text) waiting.textContent = text;
  if (stage.textContent !== detail) stage.textContent = detail;
}

async function look() {
  try {
    const health = await (await fetch("health", { cache: "no-store" })).json();
    if (health.status === "loading") {
      say(words.waiting, stageOf(health));
    } else if (health.status === "failed") {
      say(words.failed, health.failure);
    } else {
      location.reload();
      return;
    }
  } catch {
    say(words.gone, "");
  }
  setTimeout(look, EVERY_MS);
}

document.documentElement.lang = isPortuguese ? "pt-BR" : "en";
say(words.waiting, "");
look();
