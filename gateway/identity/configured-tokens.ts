import { hash as digestOf, timingSafeEqual } from 'node:crypto';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { sessionKey } from '../../contracts/session/session-key.ts';

/** The tokens of `PERDURE_TOKENS`, of which only hashes are kept. */
export interface ConfiguredTokens {
  /** The user of a token; null for an unknown one. */
  find(token: string): string | null;
  /** What the gateways with the same tokens have in common. */
  readonly secret: string;
}

interface Token {
  readonly hash: Buffer;
  readonly user: string;
}

/** `{"token": "user", …}`, or `token=user,…`; null without any. Throws an Error that names the setting, never a token. */
export function configuredTokens(text: string | undefined): ConfiguredTokens | null {
  if (text === undefined || text.trim() === '') return null;
  const tokens = parseTokens(text);
  return {
    find(token) {
      const hash = hashOf(token);
      // Compares every entry, so that the duration does not reveal which one matched.
      const [found] = tokens.filter((candidate) => timingSafeEqual(candidate.hash, hash));
      return found?.user ?? null;
    },
    secret: tokens
      .map(({ hash, user }) => JSON.stringify([hash.toString('hex'), user]))
      .toSorted()
      .join(),
  };
}

const tokenTable = z.record(z.string().min(1), z.string().min(1));

function parseTokens(text: string): Token[] {
  const entries = text.trim().startsWith('{') ? entriesOfJson(text) : entriesOfList(text);
  const seen = new Map<string, number>();
  return entries.map(([token, user], index) => {
    const entry = index + 1;
    // A header cannot carry other characters.
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new Error(`PERDURE_TOKENS: the token of entry ${entry} is not printable ASCII without spaces.`);
    }
    const before = seen.get(token);
    if (before !== undefined) {
      throw new Error(`PERDURE_TOKENS: the entries ${before} and ${entry} have the same token. Remove one of them.`);
    }
    seen.set(token, entry);
    return { hash: hashOf(token), user: configuredUser(user, entry) };
  });
}

function configuredUser(user: string, entry: number): string {
  try {
    return sessionKey(user, 'any').user;
  } catch (error) {
    throw new Error(`PERDURE_TOKENS: entry ${entry}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function entriesOfJson(text: string): [token: string, user: string][] {
  try {
    JSON.parse(text);
    // JSON.parse takes the last of two equal keys; the YAML parser, of which JSON is a subset, throws.
    return Object.entries(tokenTable.parse(parseYaml(text, { uniqueKeys: true })));
  } catch {
    throw new Error('PERDURE_TOKENS starts with "{" but is not a JSON object that maps each token once to a user.');
  }
}

/** A token may end in "=", as base64 does: the user begins after the first run of "=", so it cannot begin with one. */
const ENTRY = /^([^=]+=*)=([^=].*)$/s;

function entriesOfList(text: string): [token: string, user: string][] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  return entries.map((entry, index) => {
    const [, token, user] = ENTRY.exec(entry) ?? [];
    if (token === undefined || user === undefined) {
      throw new Error(`PERDURE_TOKENS: entry ${index + 1} is not token=user. Use token=user,token=user or JSON.`);
    }
    return [token, user];
  });
}

function hashOf(token: string): Buffer {
  return digestOf('sha256', token, 'buffer');
}
