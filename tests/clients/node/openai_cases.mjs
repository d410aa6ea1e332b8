// What the official client does with a server: node openai_cases.mjs CASE BASE_URL KEY. Prints JSON: what the
// case found, or {"error": {...}} with what the client made of a refusal.

import OpenAI from "openai";

const [name, baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const model = "any";
const messages = [{ role: "user", content: "Fale do tour half-day" }];
const settled = { model, messages, temperature: 0, max_tokens: 12 };
const tools = [
  {
    type: "function",
    function: {
      name: "agenda",
      description: "O que há num dia",
      parameters: {
        type: "object",
        properties: { dia: { type: "string", enum: ["sábado", "domingo"] } },
        required: ["dia"],
        additionalProperties: false,
      },
    },
  },
];

async function collected(stream) {
  const all = [];
  for await (const each of stream) all.push(each);
  return all;
}

const cases = {
  models: async () => collected(client.models.list()),
  model: async () => client.models.retrieve((await client.models.list()).data[0].id),
  chat: async () => client.chat.completions.create(settled),
  stream: async () => {
    const stream_options = { include_usage: true };
    const whole = await client.chat.completions.create(settled);
    const stream = await client.chat.completions.create({ ...settled, stream: true, stream_options });
    return { whole, chunks: await collected(stream) };
  },
  helper: async () => {
    const runner = client.chat.completions.stream(settled);
    const texts = [];
    runner.on("content", (piece) => texts.push(piece));
    return { final: await runner.finalChatCompletion(), text: texts.join("") };
  },
  abort: async () => {
    const stream = await client.chat.completions.create({ model, messages, max_tokens: 1500, stream: true });
    for await (const _ of stream) break; // leaving the loop closes the connection
    return {};
  },
  choices: async () =>
    client.chat.completions.create({ ...settled, n: 2, seed: 3, temperature: 1, logprobs: true, top_logprobs: 2 }),
  json: async () => {
    const schema = {
      type: "object",
      properties: { n: { type: "integer", minimum: 0, maximum: 9 } },
      required: ["n"],
      additionalProperties: false,
    };
    const response_format = { type: "json_schema", json_schema: { name: "n", strict: true, schema } };
    return client.chat.completions.parse({ ...settled, max_tokens: 60, response_format });
  },
  completion: async () => client.completions.create({ model, prompt: "O tour", max_tokens: 6, temperature: 0 }),
  tool: async () => {
    const asked = { ...settled, max_tokens: 200, tools, tool_choice: "required", parallel_tool_calls: false };
    const whole = await client.chat.completions.create(asked);
    const runner = client.chat.completions.stream(asked);
    const streamed = await runner.finalChatCompletion();
    const [call] = whole.choices[0].message.tool_calls;
    const told = [
      ...messages,
      whole.choices[0].message,
      { role: "tool", tool_call_id: call.id, content: "Mercado" },
    ];
    const after = await client.chat.completions.create({ ...settled, messages: told, tools });
    return { whole, streamed, after };
  },
  embeddings: async () => {
    const input = ["O tour half-day custa 55 €.", "Olá"]; // the client asks for base64 and decodes it
    const packed = await client.embeddings.create({ model, input });
    const plain = await client.embeddings.create({ model, input, encoding_format: "float" });
    const short = await client.embeddings.create({ model, input, dimensions: 8 });
    return { packed: packed.data, plain: plain.data, short: short.data };
  },
  responses: async () => {
    const asked = { model, input: "Fale do tour half-day", temperature: 0, max_output_tokens: 10 };
    const whole = await client.responses.create(asked);
    const events = await collected(await client.responses.create({ ...asked, stream: true }));
    return { whole, text: whole.output_text, events };
  },
  documents: async () =>
    client.chat.completions.create({
      model: "aion-rag",
      messages: [{ role: "user", content: "Quanto custa o tour half-day?" }],
    }),
  today: async () =>
    client.chat.completions.create({
      ...settled, // what clients send of late
      max_tokens: undefined, max_completion_tokens: 4, store: true, metadata: { a: "b" }, service_tier: "auto",
      reasoning_effort: "low", verbosity: "low", user: "eu", safety_identifier: "eu", prompt_cache_key: "k",
      modalities: ["text"], prediction: { type: "content", content: "O tour" }, parallel_tool_calls: true, web_search_options: {},
    }),
  hasty: async () => {
    for (let n = 0; n < 1000; n++) await client.models.list();
  },
  wrong: async () => client.chat.completions.create({ ...settled, temperature: 9 }),
  missing: async () => client.models.retrieve("keiner"),
  headers: async () => {
    const { data, response, request_id } = await client.chat.completions.create(settled).withResponse();
    return { id: data._request_id, request_id, header: response.headers.get("x-request-id") };
  },
};

try {
  console.log(JSON.stringify(await cases[name]()));
} catch (error) {
  const { status, message, param, code, type, requestID } = error;
  console.log(JSON.stringify({ error: { kind: error.constructor.name, status, message, param, code, type, requestID } }));
}
