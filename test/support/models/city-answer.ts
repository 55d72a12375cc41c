import type { JsonObject } from '../../../contracts/json.ts';

/** The schema of a structured answer. */
export const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, population: { type: 'integer' } },
  required: ['city', 'population'],
} satisfies JsonObject;

/** An object that matches it. */
export const PARIS = { city: 'Paris', population: 2_100_000 };

/** The reply with that object. */
export const VALID = JSON.stringify(PARIS);
