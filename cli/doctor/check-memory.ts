import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import type { Deployment } from '../../contracts/deployment.ts';
import { openEmbedder } from '../../models/directory/open-embedder.ts';
import { ModelError } from '../../models/model-client.ts';
import { readSettings } from '../services/settings.ts';
import type { Finding } from './finding.ts';

const TIMEOUT_MS = 10_000;

/**
 * Checks the embedding endpoint of long-term memory, with one request for a word. An invalid deployment file is a problem of
 * another check.
 */
export async function checkMemory(env: NodeJS.ProcessEnv): Promise<Finding> {
  const check = 'Memory';
  const deployment = await readDeployment(env).catch((): Deployment => ({}));
  const { memory, providers } = deployment;
  if (memory?.embeddings === undefined) {
    const found = 'searched by words only; memory.embeddings in the deployment file adds meaning';
    return { check, state: 'ok', found, remedy: null };
  }
  const { model } = memory.embeddings;
  try {
    const embedder = openEmbedder(memory.embeddings, { env, providers });
    const [vector = []] = await embedder.embed(['memory'], { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { check, state: 'ok', found: `${model} makes vectors of ${vector.length} dimensions`, remedy: null };
  } catch (error) {
    const reason = error instanceof ModelError ? error.message : `No response within ${TIMEOUT_MS / 1_000} seconds.`;
    const remedy = 'Until it responds, memories are searched by words only. Check memory.embeddings and its provider.';
    return { check, state: 'problem', found: `${model} makes no vectors. ${reason}`, remedy };
  }
}

async function readDeployment(env: NodeJS.ProcessEnv): Promise<Deployment> {
  const { deploymentFile, deploymentChosen } = readSettings(env);
  return await loadDeployment(deploymentFile, { chosen: deploymentChosen });
}
