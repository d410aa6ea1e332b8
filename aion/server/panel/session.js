// Who is signed in, and the form that asks for a key when the server wants one. Knows nothing of questions.

const $ = (id) => document.getElementById(id);
const TEXTS = {
  "pt-BR": {
    title: "Entrar no AION",
    needed: "Este AION só responde a quem tem uma chave. Quem o administra cria uma com: aion keys add NOME",
    ended: "A sessão terminou: o prazo acabou ou a chave foi revogada. Entre de novo e o AION continua de onde estava.",
    label: "Chave",
    send: "Entrar",
    cancel: "Cancelar",
    signOut: "Sair",
    wrong: "Esta chave não vale. Confira se ela foi colada inteira; também pode ter sido revogada ou ter vencido.",
    tooMany: (seconds) => `Foram tentativas demais; espere ${seconds} s e tente de novo.`,
    cookies: "O navegador não guardou a sessão; permita cookies para esta página e tente de novo.",
    unreachable: "A ligação com o AION caiu; tente de novo.",
  },
  en: {
    title: "Sign in to AION",
    needed: "This AION answers only to those who have a key. Whoever runs it makes one with: aion keys add NAME",
    ended: "The session has ended: its time is over, or the key was revoked. Sign in again and AION goes on where it was.",
    label: "Key",
    send: "Sign in",
    cancel: "Cancel",
    signOut: "Sign out",
    wrong: "This key is not valid. Check that all of it was pasted; it may also have been revoked or have expired.",
    tooMany: (seconds) => `Those were too many attempts; wait ${seconds} s and try again.`,
    cookies: "The browser did not keep the session; allow cookies for this page and try again.",
    unreachable: "The connection to AION was lost; try again.",
  },
};
const language = navigator.language.toLowerCase().startsWith("pt") ? "pt-BR" : "en";
const texts = TEXTS[language];

let wasSignedIn = false;
let signingIn = null;
let changed = () => {};

// As fetch does, but a server that wants a key gets one first. Rejects with an AbortError when nobody gives one.
export async function request(path, options) {
  let response = await fetch(path, options);
  for (let n = 0; response.status === 401; n++) {
    const who = await whoAsks();
    if (who.key_needed || n > 0) await signIn();
    response = await fetch(path, options);
  }
  return response;
}

// Shows who is signed in, asks for a key where one is needed, and calls `onChange` whenever somebody signed in.
export async function openSession(onChange) {
  changed = onChange;
  const who = await whoAsks();
  if (who.key_needed) await signIn();
}

async function whoAsks() {
  const who = await (await fetch("api/session")).json();
  $("who").hidden = !who.signed_in;
  $("who-name").textContent = who.name;
  if (who.signed_in) wasSignedIn = true;
  return who;
}

function signIn() {
  signingIn ??= keyGiven().finally(() => { signingIn = null; });
  return signingIn;
}

function keyGiven() {
  const dialog = $("sign-in");
  $("sign-in-why").textContent = wasSignedIn ? texts.ended : texts.needed;
  $("sign-in-failed").textContent = "";
  $("key").value = "";
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.onclose = () => {
      if (dialog.returnValue === "in") resolve();
      else reject(new DOMException("nobody signed in", "AbortError"));
    };
  });
}

// "" when the key was taken, else what to tell.
async function tried(key) {
  try {
    const response = await fetch("api/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key }),
    });
    if (response.ok) return (await whoAsks()).signed_in ? "" : texts.cookies;
    if (response.status === 401) return texts.wrong;
    if (response.status === 429) return texts.tooMany(response.headers.get("Retry-After") ?? "60");
    return (await response.json()).error.message;
  } catch {
    return texts.unreachable;
  }
}

$("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("sign-in-send").disabled = true;
  const trouble = await tried($("key").value.trim());
  $("sign-in-send").disabled = false;
  $("sign-in-failed").textContent = trouble;
  if (trouble) {
    $("key").select();
  } else {
    $("key").value = "";
    $("sign-in").close("in");
    changed();
  }
});
$("sign-in").addEventListener("cancel", () => { $("sign-in").returnValue = ""; });
$("sign-in-cancel").addEventListener("click", () => $("sign-in").close(""));
$("sign-out").addEventListener("click", async () => {
  await fetch("api/session", { method: "DELETE" });
  location.reload(); // what was asked and answered goes from the screen too
});

for (const [id, text] of [
  ["sign-in-title", texts.title], ["sign-in-label", texts.label], ["sign-in-send", texts.send],
  ["sign-in-cancel", texts.cancel], ["sign-out", texts.signOut],
]) $(id).textContent = text;
for (const id of ["sign-in", "sign-out"]) $(id).lang = language;
