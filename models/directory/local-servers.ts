import { z } from 'zod';

/** Programs that serve models on a developer's machine, on their usual ports, in the order of preference. */
export const LOCAL_SERVERS = [
  { program: 'Ollama', port: 11_434, remedy: 'ollama serve, then ollama pull a model' },
  { program: 'llama.cpp', port: 8080, remedy: 'llama-server --jinja -m MODEL.gguf' },
  { program: 'LM Studio', port: 1234, remedy: 'lms server start, then load a model' },
  { program: 'vLLM', port: 8000, remedy: 'vllm serve MODEL' },
] as const;

/** How long a server on this machine may take to list its models, in ms. */
const LOCAL_MS = 750;

/** What stands behind one address. */
export interface FoundServer {
  readonly program: string;
  /** With its `/v1`. */
  readonly baseUrl: string;
  /** Models that can answer; empty when it runs and has none, null when nothing that lists models answers. */
  readonly models: readonly string[] | null;
  readonly remedy: string;
}

const listSchema = z.object({ data: z.array(z.object({ id: z.string().min(1) })) });

/** Asks an OpenAI-compatible server for its models; null when it does not answer with a list. Never throws. */
export async function listModels(
  baseUrl: string,
  { fetch, timeoutMs, apiKey }: { fetch: typeof globalThis.fetch; timeoutMs: number; apiKey: string | null },
): Promise<string[] | null> {
  try {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}/models`, {
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json', ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }) },
    });
    if (!response.ok) {
      await response.body?.cancel();
      return null;
    }
    const list = listSchema.safeParse(await response.json());
    // Embedding models are listed too, and cannot talk.
    return list.success ? list.data.data.map(({ id }) => id).filter((id) => !/embed/i.test(id)) : null;
  } catch {
    return null;
  }
}

/** Looks at all usual ports of 127.0.0.1 at once. */
export async function probeLocalServers(fetch: typeof globalThis.fetch): Promise<FoundServer[]> {
  return Promise.all(
    LOCAL_SERVERS.map(async ({ program, port, remedy }) => {
      const baseUrl = `http://127.0.0.1:${port}/v1`;
      const models = await listModels(baseUrl, { fetch, timeoutMs: LOCAL_MS, apiKey: null });
      return { program, baseUrl, models, remedy };
    }),
  );
}
