/** A table whose rows belong to a session by the columns `user_id` and `session_id`. */
export interface SessionTable {
  readonly name: string;
  /** Columns that are unique within a session. Exports are ordered by them. */
  readonly order: string;
  /** The one of them that pages continue after, for a table with many rows. Default: they continue after a number of rows. */
  readonly keyset?: string;
}

/** All such tables but `sessions`, `children` and `message_refusals`. Register a new table here: deletion, export, import and archives use this list. */
export const SESSION_TABLES: readonly SessionTable[] = [
  { name: 'events', order: 'seq', keyset: 'seq' },
  { name: 'messages', order: 'message_id' },
  { name: 'runs', order: 'run_id' },
  { name: 'steps', order: 'run_id, step' },
  { name: 'tool_calls', order: 'run_id, call_id' },
  { name: 'waits', order: 'run_id, started_at' },
  { name: 'model_calls', order: 'run_id, step, attempt' },
  { name: 'context_calls', order: 'run_id, phase, provider' },
  { name: 'inbox', order: 'item_id' },
  { name: 'recorded_counts', order: 'record_key' },
];
