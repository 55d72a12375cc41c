import type { AuthSettings } from '../../contracts/identity/auth-settings.ts';

/** Whether settings turn authentication on. `tokens`: `PERDURE_TOKENS`, of which a blank text is none; `settings`: `auth` of the deployment file. */
export function requiresAuthentication(tokens: string | undefined, settings: AuthSettings | undefined): boolean {
  return (tokens ?? '').trim() !== '' || settings?.keys === true || settings?.jwt !== undefined;
}
