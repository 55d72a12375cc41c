import type { JsonObject } from '../../contracts/json.ts';
import { defineContextProvider } from './define-context-provider.ts';

const MAX_CHARACTERS = 8_000;

/**
 * Adds what the session's metadata has under `profile` (an object or a text) to the instructions. Without one it adds nothing.
 * The application writes it with the session: `metadata: { profile: { name: 'Ann', language: 'German' } }`.
 */
export const userProfile = defineContextProvider({
  name: 'userProfile',
  beforeRun: ({ metadata }) => {
    const lines = profileLines(metadata);
    return lines === '' ? undefined : { instructions: `About the user:\n${lines}` };
  },
});

/** One line for each field of the profile, cut at {@link MAX_CHARACTERS}. */
function profileLines({ profile }: JsonObject): string {
  if (typeof profile === 'string') return profile.trim().slice(0, MAX_CHARACTERS);
  if (typeof profile !== 'object' || profile === null || Array.isArray(profile)) return '';
  const lines = Object.entries(profile).map(
    ([name, value]) => `- ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return lines.join('\n').slice(0, MAX_CHARACTERS);
}
