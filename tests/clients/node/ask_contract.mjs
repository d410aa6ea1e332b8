// Asks once as the contract's client does: node ask_contract.mjs CLIENT.js ARGS [TIMEOUT_MS], ARGS being JSON.
// Prints {"text"} or {"error", "message"}.

import { pathToFileURL } from "node:url";

const [client, args, timeoutMs] = process.argv.slice(2);
const { generate } = await import(pathToFileURL(client).href);
try {
  const text = await generate(JSON.parse(args), timeoutMs && Number(timeoutMs));
  console.log(JSON.stringify({ text }));
} catch (error) {
  console.log(JSON.stringify({ error: error.name, message: error.message }));
}
