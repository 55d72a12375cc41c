import { z } from 'zod';
import { LIMITS } from '../contracts/limits.ts';

/** The text of a memory, without white space around it. */
export const memoryTextSchema = z
  .string()
  .trim()
  .min(1)
  .refine(
    (text) => Buffer.byteLength(text) <= LIMITS.memoryBytes.value,
    `must have at most ${LIMITS.memoryBytes.value} bytes`,
  );
