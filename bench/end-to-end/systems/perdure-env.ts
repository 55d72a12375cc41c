import { fileURLToPath } from 'node:url';

/** The program that a user runs. */
export const PERDURE = fileURLToPath(new URL('../../../bin/perdure.js', import.meta.url));

const AGENTS = fileURLToPath(new URL('../agents', import.meta.url));
/** Gives the stub model a window. */
const CONFIG = fileURLToPath(new URL('../perdure.yaml', import.meta.url));
const INHERITED = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'PERDURE_CACHE', 'PERDURE_TEMPORAL_BIN'];

/** The environment of a Perdure process: the defaults, the stub provider, and `more`. */
export function perdureEnv(provider: string, more: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    PERDURE_AGENTS: AGENTS,
    PERDURE_CONFIG: CONFIG,
    PERDURE_MODEL: 'openai/stub',
    OPENAI_BASE_URL: provider,
    OPENAI_API_KEY: 'stub',
    ...more,
  };
}
