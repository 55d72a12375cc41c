import type { EnvVars } from './find-program.ts';

/** What programs need to find other programs, their home and temporary folders, and the locale. */
const BASE = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'TZ',
  'TMPDIR',
  'TMP',
  'TEMP',
  // Windows
  'SYSTEMROOT',
  'SYSTEMDRIVE',
  'WINDIR',
  'COMSPEC',
  'PATHEXT',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'PROGRAMDATA',
];

/** Go's module cache and network access. */
const FOR_GO = ['XDG_CACHE_HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/**
 * The environment of a child process. Everything else of `env` is left out: it contains secrets (tokens, API keys, the
 * password of the database), which any process of the same user can read from the child's environment.
 */
export function baseEnv(env: EnvVars): Record<string, string> {
  return pick(env, (name) => BASE.includes(name) || name.startsWith('LC_'));
}

/** The environment of a Go toolchain: {@link baseEnv}, Go's own variables, and those of the network. */
export function goEnv(env: EnvVars): Record<string, string> {
  return { ...baseEnv(env), ...pick(env, (name) => /^GO[A-Z0-9]*$/.test(name) || FOR_GO.includes(name)) };
}

/** Ignores case: names have none on Windows, and those of proxies are written in both. */
function pick(env: EnvVars, isPicked: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && isPicked(name.toUpperCase()) ? [[name, value]] : [],
    ),
  );
}
