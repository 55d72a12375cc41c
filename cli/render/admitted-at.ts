import { parse, version } from 'uuid';

/** When a run was admitted, ISO 8601: run ids are UUIDs of version 7, which contain the time. Null for ids that callers chose. */
export function admittedAt(runId: string): string | null {
  try {
    if (version(runId) !== 7) return null;
    return new Date(Buffer.from(parse(runId)).readUIntBE(0, 6)).toISOString();
  } catch {
    return null;
  }
}
