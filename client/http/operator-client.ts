import type { AgentReleaseReport, AgentReleaseRequest } from '../../contracts/admin/agent-release.ts';
import type { AuditPage, AuditVerification } from '../../contracts/admin/audit.ts';
import type { Erasure, ErasurePage } from '../../contracts/admin/erasure.ts';
import type { Pause, Pauses, PauseSettings } from '../../contracts/admin/pause.ts';
import type { AttachmentMove, AttachmentMoveRequest } from '../../contracts/attachments/attachment-move.ts';
import type { ApiKey, CreateApiKey, CreatedApiKey } from '../../contracts/identity/api-key.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { HttpRequest } from './http-client.ts';
import type { Page } from './page.ts';
import type { ApiKeyQuery, AuditQuery } from './queries.ts';

/** What operators do: erasures, releases of agents, pauses, the audit trail, API keys and places of attachments. */
export interface OperatorClient {
  /** For operators: begins to erase everything that is stored of a user. */
  erase(user: string): Promise<Erasure>;
  /** For operators: the progress or the report of an erasure. */
  erasure(id: string): Promise<Erasure>;
  /** For operators: erasures, newest first. */
  erasures(page?: { limit?: number | undefined; cursor?: string | undefined }): Promise<ErasurePage>;
  /** For operators: the release of an agent, and its versions side by side. */
  agentRelease(agent: string, query?: { readonly days?: number | undefined }): Promise<AgentReleaseReport>;
  /** For operators: releases a version of an agent to a share of users, 0 to 1. */
  releaseAgent(agent: string, request: AgentReleaseRequest): Promise<AgentReleaseReport>;
  /** For operators: returns all users of an agent to the version before its release. */
  rollBackAgent(agent: string): Promise<AgentReleaseReport>;
  /** For operators: what is paused. */
  pauses(): Promise<Pauses>;
  /** For operators: sets or changes a pause. `id`: `all`, or the kind and the name, such as `agent:support`. */
  setPause(id: string, settings?: PauseSettings): Promise<Pause>;
  /** For operators: removes a pause. */
  removePause(id: string): Promise<void>;
  /** What operators read and did; for operators, with the data of everybody. */
  audit(query?: AuditQuery): Promise<AuditPage>;
  /** For operators: verifies a part of the audit trail. Pass `last` of the part before it until `complete`. */
  verifyAudit(after?: AuditVerification['last']): Promise<AuditVerification>;
  /** For operators: creates an API key. Only the result has the key itself. */
  createKey(input: CreateApiKey): Promise<CreatedApiKey>;
  /** For operators: the API keys, newest first. */
  keys(query?: ApiKeyQuery): Promise<Page<ApiKey>>;
  /** For operators: revokes an API key by its id. Gateways refuse it within 5 seconds. */
  revokeKey(id: string): Promise<ApiKey>;
  /** For operators: moves attachments of all users to another place for a few seconds. Repeat it with the cursor. */
  moveAttachments(request: AttachmentMoveRequest): Promise<AttachmentMove>;
}

/** What the methods need of a gateway's client. */
export interface OperatorRequests {
  readonly json: <T>(request: HttpRequest) => Promise<T>;
  readonly discard: (request: HttpRequest) => Promise<void>;
}

export function createOperatorClient({ json, discard }: OperatorRequests): OperatorClient {
  return {
    erase: (user) => json({ method: 'DELETE', path: ['v1', 'users', user] }),
    erasure: (id) => json({ path: ['v1', 'erasures', id] }),
    erasures: (query = {}) => json({ path: ['v1', 'erasures'], query }),
    agentRelease: (agent, query = {}) => json({ path: ['v1', 'agents', agent, 'release'], query: { ...query } }),
    releaseAgent: (agent, request) => json({ method: 'PUT', path: ['v1', 'agents', agent, 'release'], body: request }),
    rollBackAgent: (agent) => json({ method: 'POST', path: ['v1', 'agents', agent, 'rollback'], body: {} }),
    pauses: () => json({ path: ['v1', 'pauses'] }),
    setPause: (id, body = {}) => json({ method: 'PUT', path: ['v1', 'pauses', id], body }),
    removePause: (id) => discard({ method: 'DELETE', path: ['v1', 'pauses', id] }),
    audit: (query = {}) => json({ path: ['v1', 'audit'], query: { ...query } }),
    verifyAudit: (after) =>
      json({
        path: ['v1', 'audit', 'verification'],
        query: after === undefined ? {} : { after: after.seq, hash: after.hash },
      }),
    createKey: (input) => json({ method: 'POST', path: ['v1', 'keys'], body: input }),
    keys: (query = {}) => json({ path: ['v1', 'keys'], query: { ...query } }),
    revokeKey: (id) => json({ method: 'DELETE', path: ['v1', 'keys', id] }),
    moveAttachments: (body) =>
      json({ method: 'POST', path: ['v1', 'attachments', 'move'], body, waitMs: LIMITS.uploadMs.value }),
  };
}
