import type { ProviderReport } from '../model-client.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** Parts that are worth showing have one of these keys, in the formats of OpenAI, vLLM, FastAPI, Google and others. */
const MESSAGE_KEYS = ['message', 'msg', 'detail', 'error_msg', 'error_message', 'title'];

/** What looks like a key or a token, wherever it stands. */
const SECRETS = /\b(?:sk|pk|rk|gsk|xai|AIza|ghp|hf)[-_A-Za-z0-9]{12,}|\bBearer\s+\S+/g;

/** Control characters, and those that change the direction of text. */
const CONTROL = /[\p{Cc}\u202A-\u202E\u2066-\u2069]+/gu;

/**
 * Reads how a provider describes its error: the JSON of a response or of an event, or its text. `secrets`, such as the key of
 * the endpoint, are cut out.
 */
export function readReport(body: unknown, secrets: readonly string[]): ProviderReport {
  const { code, type, param, status, ...rest } = errorIn(body);
  return {
    code: identifier(code),
    type: identifier(type) ?? identifier(status),
    param: identifier(param),
    message: shownMessage(messageIn(rest), secrets),
  };
}

/** Whether a body or an event reports an error. An empty `error` does not. */
export function reportsError(body: unknown): boolean {
  const one = Array.isArray(body) ? (body[0] as unknown) : body;
  if (!isObject(one)) return false;
  return isFilled(one['error']) || one['object'] === 'error' || one['type'] === 'error';
}

function isFilled(error: unknown): boolean {
  if (isObject(error)) return Object.values(error).some((value) => value !== null && value !== '');
  return typeof error === 'string' && error !== '';
}

/** The object with the error's fields. Google sends it in an array. */
function errorIn(body: unknown): Record<string, unknown> {
  const one = Array.isArray(body) ? (body[0] as unknown) : body;
  if (typeof one === 'string') return { message: one };
  if (!isObject(one)) return {};
  const { error } = one;
  if (isObject(error)) return error;
  return typeof error === 'string' ? { ...one, message: error } : one;
}

function messageIn(fields: Record<string, unknown>): string | null {
  for (const key of MESSAGE_KEYS) {
    const value = fields[key];
    if (typeof value === 'string' && value !== '') return value;
    if (isObject(value) || (Array.isArray(value) && value.length > 0)) return JSON.stringify(value);
  }
  return null;
}

function shownMessage(message: string | null, secrets: readonly string[]): string | null {
  if (message === null) return null;
  // Cut before and after: the replacements are linear, but the text may be large.
  const limit = LIMITS.providerMessageCharacters.value;
  const start = message.slice(0, 4 * limit);
  const open = secrets
    .filter(({ length }) => length >= 4)
    .reduce((text, secret) => text.replaceAll(secret, '[key]'), start);
  const shown = open.replaceAll(CONTROL, ' ').replaceAll(SECRETS, '[key]').trim();
  return shown === '' ? null : shown.slice(0, limit).toWellFormed();
}

/** A code, type or field name, if it has that form: not a sentence, and not a key. Numbers are codes, too. */
function identifier(value: unknown): string | null {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : null;
  if (typeof value !== 'string' || !/^[\w.[\]-]{1,60}$/.test(value)) return null;
  return /^(?:sk-|none$|null$)/i.test(value) ? null : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
