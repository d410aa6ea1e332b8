// The contract's client, in TypeScript: asks AION's `POST /generate` and gives the text.

declare const process: { env: Record<string, string | undefined> };

export interface GenerateArgs {
  system?: string;
  prompt: string;
  context?: string;
  temperature?: number;
  top_p?: number;
  max_new_tokens?: number;
  stop?: string[];
}

const baseUrl = process.env.AION_LOCAL_LLM_URL ?? "http://localhost:8008";

/** Fields that are undefined are not sent. Throws where the status is not 2xx, and after `timeoutMs`. */
export async function generate(args: GenerateArgs, timeoutMs = 60_000): Promise<string> {
  const { system, prompt, context, temperature, top_p, max_new_tokens, stop } = args;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    const response = await fetch(`${baseUrl}/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ system, prompt, context, temperature, top_p, max_new_tokens, stop }),
      signal: controller.signal,
    });
    if (!response.ok) throw new Error(`AION answered ${response.status}: ${await response.text()}`);
    const answer = (await response.json()) as { ok: boolean; ms: number; text: string };
    return answer.text;
  } finally {
    clearTimeout(timer);
  }
}
