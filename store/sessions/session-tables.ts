/** A table whose rows belong to one session, by the columns `user_id` and `session_id`. */
export interface SessionTable {
  readonly name: string;
  /** Columns that are unique within a session: the order of an export. */
  readonly order: string;
}

/** Every such table but `sessions` itself. A new one is registered here: deletion, export, import and archives follow. */
export const SESSION_TABLES: readonly SessionTable[] = [
  { name: 'events', order: 'seq' },
  { name: 'messages', order: 'message_id' },
  { name: 'runs', order: 'run_id' },
  { name: 'steps', order: 'run_id, step' },
  { name: 'tool_calls', order: 'run_id, call_id' },
  { name: 'waits', order: 'run_id, started_at' },
  { name: 'model_calls', order: 'run_id, step, attempt' },
];
