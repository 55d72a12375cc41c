/** A system that people talk to over HTTP. */
export interface System extends AsyncDisposable {
  /** Base URL of its HTTP interface. */
  readonly url: string;
  /** The pids of its processes that run now, by what they are. */
  processes(): ProcessGroups;
}

/** `application` and `gateway` are Node processes. */
export type ProcessGroups = Readonly<Partial<Record<'application' | 'gateway' | 'Temporal' | 'PostgreSQL', number[]>>>;
