import { createModelDirectory } from '../../models/directory/model-directory.ts';
import { ModelError } from '../../models/model-client.ts';
import { readProviders } from './read-providers.ts';
import type { Finding } from './finding.ts';

/** Checks that the model's endpoint is reachable. Makes no model call. */
export async function checkModel(env: NodeJS.ProcessEnv): Promise<Finding> {
  const key = env['OPENAI_API_KEY'] || undefined;
  const base = env['OPENAI_BASE_URL'] || (key === undefined ? undefined : 'https://api.openai.com/v1');
  if (base !== undefined) return checkEndpoint(base, key);
  const providers = await readProviders(env).catch(() => ({}));
  const models = await createModelDirectory({ env, providers }).catch((error: unknown) => {
    if (error instanceof ModelError) return error;
    throw error;
  });
  if (models instanceof ModelError) {
    const remedy = 'Correct PERDURE_MODEL, or the providers in the deployment file.';
    return { check: 'Model', state: 'problem', found: models.message, remedy };
  }
  const { choice } = models;
  const scripted = choice.model.startsWith('scripted/');
  return {
    check: 'Model',
    state: scripted ? 'note' : 'ok',
    found: `${choice.model}: ${choice.because}`,
    remedy: scripted
      ? 'For a real model set OPENAI_API_KEY or OPENAI_BASE_URL, or start Ollama, llama.cpp, LM Studio or vLLM.'
      : null,
  };
}

async function checkEndpoint(base: string, key: string | undefined): Promise<Finding> {
  const check = 'Model';
  const url = `${base.replace(/\/+$/, '')}/models`;
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
    await response.body?.cancel();
    if (response.ok) return { check, state: 'ok', found: `OpenAI-compatible endpoint at ${base}`, remedy: null };
    const remedy =
      response.status === 401 || response.status === 403
        ? 'Check OPENAI_API_KEY.'
        : 'Check OPENAI_BASE_URL: it must be the base of the API, usually ending in /v1.';
    return { check, state: 'problem', found: `${url} returns HTTP ${response.status}`, remedy };
  } catch {
    return {
      check,
      state: 'problem',
      found: `${base} is unreachable`,
      remedy: 'Check OPENAI_BASE_URL and the network, and that the server is running.',
    };
  }
}
