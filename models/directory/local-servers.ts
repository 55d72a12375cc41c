import { z } from 'zod';

/** Local model servers with their default ports, in order of preference. */
export const LOCAL_SERVERS = [
  { program: 'Ollama', port: 11_434, remedy: 'ollama serve, then ollama pull a model' },
  { program: 'llama.cpp', port: 8080, remedy: 'llama-server --jinja -m MODEL.gguf' },
  { program: 'LM Studio', port: 1234, remedy: 'lms server start, then load a model' },
  { program: 'vLLM', port: 8000, remedy: 'vllm serve MODEL' },
] as const;

/** The timeout of listing a local server's models. */
const LIST_TIMEOUT_MS = 750;

/** The result of probing one address. */
export interface FoundServer {
  readonly program: string;
  /** Including `/v1`. */
  readonly baseUrl: string;
  /** Null if no model server responds there. */
  readonly models: readonly string[] | null;
  readonly remedy: string;
}

const listSchema = z.object({ data: z.array(z.object({ id: z.string().min(1) })) });

/** Lists the models of an OpenAI-compatible server; null if it does not return a list. Never throws. */
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
    // Without embedding models, which cannot chat.
    return list.success ? list.data.data.map(({ id }) => id).filter((id) => !/embed/i.test(id)) : null;
  } catch {
    return null;
  }
}

/** Probes the default ports on 127.0.0.1 concurrently. */
export async function probeLocalServers(fetch: typeof globalThis.fetch): Promise<FoundServer[]> {
  return Promise.all(
    LOCAL_SERVERS.map(async ({ program, port, remedy }) => {
      const baseUrl = `http://127.0.0.1:${port}/v1`;
      const models = await listModels(baseUrl, { fetch, timeoutMs: LIST_TIMEOUT_MS, apiKey: null });
      return { program, baseUrl, models, remedy };
    }),
  );
}
