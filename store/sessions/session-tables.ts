/** A table whose rows belong to a session by the columns `user_id` and `session_id`. */
export interface SessionTable {
  readonly name: string;
  /** Columns that are unique within a session. Exports are ordered by them. */
  readonly order: string;
}

/** All such tables but `sessions` and `children`. Register a new table here: deletion, export, import and archives use this list. */
export const SESSION_TABLES: readonly SessionTable[] = [
  { name: 'events', order: 'seq' },
  { name: 'messages', order: 'message_id' },
  { name: 'runs', order: 'run_id' },
  { name: 'steps', order: 'run_id, step' },
  { name: 'tool_calls', order: 'run_id, call_id' },
  { name: 'waits', order: 'run_id, started_at' },
  { name: 'model_calls', order: 'run_id, step, attempt' },
];
