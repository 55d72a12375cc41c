import type { z } from 'zod';
import { agentHash } from '../../contracts/agent-hash.ts';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { ErrorCode } from '../../contracts/errors.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { namespaceSchema } from '../../contracts/session/state.ts';
import { scanJson } from '../../core/json/scan-json.ts';
import type { ExportedAttachment } from '../../contracts/session/session-export.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import { sanitizeJson } from '../db/sanitize.ts';
import { checkImport } from './check-import.ts';
import {
  importSchema,
  TABLE_SCHEMAS,
  type ImportDocument,
  type ImportRows,
  type ImportTable,
} from './import-schema.ts';
import { recountSession } from './recount-session.ts';
import { sumRecords } from './sum-records.ts';
import { chunkRows, type TableChunks } from './row-chunks.ts';

/** A document that was checked, as rows to insert. */
export interface PreparedImport {
  readonly kind: 'session' | 'run';
  readonly status: string;
  readonly agent: string;
  /** The row of `sessions` without its times, as JSON. */
  readonly session: string;
  /** The agent versions that runs have pinned, as a JSON array. */
  readonly agentVersions: string;
  readonly tables: readonly TableChunks[];
  readonly attachments: readonly ExportedAttachment[];
}

/** Why a document cannot be imported. */
export interface ImportProblem {
  readonly code: ErrorCode & ('invalid_request' | 'too_large');
  /** The end of a sentence about the document. */
  readonly problem: string;
}

export interface PrepareImport {
  readonly bytes: Uint8Array;
  readonly user: string;
  /** The id to import under. Default: the document's. */
  readonly session: string | undefined;
}

/** Parses and checks a document of an untrusted sender. Slow for a large one: call it in another process (`document-process.ts`). */
export function prepareImport({
  bytes,
  user,
  session,
}: PrepareImport): (PreparedImport & { id: string }) | ImportProblem {
  const exceeded = scanJson(bytes, { depth: LIMITS.jsonDepth.value, values: LIMITS.importValues.value });
  if (exceeded === 'depth') return invalid(`it is nested more than ${LIMITS.jsonDepth.value} levels deep`);
  if (exceeded === 'values') return tooLarge('values', LIMITS.importValues.value);
  const json = parse(bytes);
  if (json === undefined) return invalid('it is not JSON in UTF-8');
  const parsed = importSchema.safeParse(json);
  if (!parsed.success) return invalid(describe(parsed.error, importSchema, json));
  const document = parsed.data;
  const rows = rowsOf(document);
  if ('problem' in rows) return rows;
  const problem = checkVersions(document) ?? checkImport(rows, document.session.head) ?? checkSizes(document);
  if (problem !== null) return invalid(problem);
  const id = session ?? document.id;
  detach(rows, { user, session: id });
  const counters = recountSession(rows);
  if (counters === null) return invalid('a sum over its runs is too large');
  const recorded = sumRecords(rows.recorded_counts);
  if (recorded === 'too_large') return tooLarge('records of counts, or counters', LIMITS.recordsPerSession.value);
  const { kind, status, agent } = document.session;
  const row = {
    ...document.session,
    ...counters,
    recorded,
    state: stateOf(document),
    execution: null,
    recovered: null,
    served_by: null,
    epoch: 0,
  };
  const tables = (Object.keys(rows) as ImportTable[]).map((name) => chunkRows(name, rows[name]));
  const { attachments } = document;
  const agentVersions = jsonText(document.agentVersions);
  return { id, kind, status, agent, session: jsonText(row), agentVersions, tables, attachments };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

/** The first problem of a document. Values are content, so none is quoted. */
function describe(error: z.ZodError, schema: z.ZodType, input: unknown): string {
  return joinProblems(describeIssues(error.issues.slice(0, 1), { schema, input }));
}

function rowsOf({ tables }: ImportDocument): ImportRows | ImportProblem {
  const unknown = Object.keys(tables).find((name) => !Object.hasOwn(TABLE_SCHEMAS, name));
  if (unknown !== undefined) return invalid(`this version has no table ${JSON.stringify(unknown.slice(0, 60))}`);
  const count = Object.values(tables).reduce((sum, rows) => sum + rows.length, 0);
  if (count > LIMITS.importRows.value) return tooLarge('rows', LIMITS.importRows.value);
  const rows: Record<string, unknown[]> = {};
  for (const [name, schema] of Object.entries(TABLE_SCHEMAS)) {
    rows[name] = [];
    for (const [index, row] of (tables[name] ?? []).entries()) {
      const parsed = schema.safeParse(row);
      if (!parsed.success) return invalid(`row ${index + 1} of ${name}: ${describe(parsed.error, schema, row)}`);
      rows[name].push(parsed.data);
    }
  }
  const checked = rows as ImportRows;
  return { ...checked, runs: checked.runs.map(withKnownUsage) };
}

/** Documents of older versions have no sums of known usage. Where all calls reported theirs, it is the run's usage. */
function withKnownUsage(run: ImportRows['runs'][number]): ImportRows['runs'][number] {
  if (run.unmetered_calls > 0 || run.known_input_tokens + run.known_output_tokens > 0) return run;
  return {
    ...run,
    known_input_tokens: run.input_tokens ?? 0,
    known_output_tokens: run.output_tokens ?? 0,
    known_cached_tokens: run.cached_tokens ?? 0,
    known_reasoning_tokens: run.reasoning_tokens ?? 0,
  };
}

function checkVersions({ agentVersions }: ImportDocument): string | null {
  const wrong = agentVersions.find((version) => agentHash(version as AgentVersion) !== version.hash);
  return wrong === undefined ? null : `the content of the agent version ${wrong.hash} does not match its hash`;
}

function checkSizes(document: ImportDocument): string | null {
  const state = stateOf(document);
  for (const [name, part] of Object.entries(state)) {
    if (!namespaceSchema.safeParse(name).success) return 'its state is not an object of namespaces';
    if (typeof part !== 'object' || part === null || Array.isArray(part))
      return 'its state is not an object of namespaces';
    if (bytesOf(part) > LIMITS.stateNamespaceBytes.value)
      return overLimit('a namespace of its state', 'stateNamespaceBytes');
  }
  if (bytesOf(state) > LIMITS.stateBytes.value) return overLimit('its state', 'stateBytes');
  if (bytesOf(document.session.metadata) > LIMITS.metadataBytes.value)
    return overLimit('its metadata', 'metadataBytes');
  return null;
}

/** In version 1 of the format, the whole state belongs to the namespace `app`. */
function stateOf({ version, session: { state } }: ImportDocument): JsonObject {
  return version === 1 && Object.keys(state).length > 0 ? { app: state } : state;
}

/** Removes what refers to the installation that the document comes from: idempotency keys, conversations at providers, and calls and waits in progress. */
function detach(rows: ImportRows, key: SessionKey): void {
  for (const { data } of rows.events) delete data['providerConversation'];
  for (const call of rows.tool_calls) call.idempotency_key = idempotencyKey(key, call.run_id, call.call_id);
  for (const wait of rows.waits) wait.ended_at ??= wait.started_at;
  for (const call of rows.model_calls) if (call.outcome === 'running') call.outcome = 'lost';
}

function jsonText(value: unknown): string {
  return sanitizeJson(value).text;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function overLimit(what: string, name: 'metadataBytes' | 'stateBytes' | 'stateNamespaceBytes'): string {
  return `${what} has more than ${LIMITS[name].value} bytes`;
}

function invalid(problem: string): ImportProblem {
  return { code: 'invalid_request', problem };
}

function tooLarge(what: string, limit: number): ImportProblem {
  return { code: 'too_large', problem: `it has more than ${limit} ${what}` };
}
