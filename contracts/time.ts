import { z } from 'zod';

// Times and days in requests. PostgreSQL has no year 0, and years have four digits.

const FIRST_YEAR = /^(?!0000)/;
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const END_MS = Date.UTC(10_000, 0);

/** A day of the calendar, `YYYY-MM-DD`, from the year 1 on. */
export const daySchema = z.iso.date().regex(FIRST_YEAR, 'must be in the year 0001 or later');

/** A time, ISO 8601 with an offset or `Z`. */
export const timeSchema = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) >= FIRST_MS && Date.parse(text) < END_MS, 'must be in the years 0001 to 9999');
