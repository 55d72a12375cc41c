import type { EnvVars } from './find-program.ts';

/** Official downloads. `PERDURE_TEMPORAL_DOWNLOAD` names a mirror with the same paths, or is `off`. */
const OFFICIAL = 'https://temporal.download';

/** The URL of the archive for this platform; null when downloads are switched off. */
export function downloadUrl(version: string, env: EnvVars): string | null {
  const base = env['PERDURE_TEMPORAL_DOWNLOAD'] || OFFICIAL;
  if (base === 'off') return null;
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return `${base.replace(/\/$/, '')}/cli/archive/v${version}?platform=${platform}&arch=${arch}`;
}
