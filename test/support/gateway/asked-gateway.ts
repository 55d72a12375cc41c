import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { ERRORS, type ErrorCode } from '../../../contracts/errors.ts';
import { problemSchema, type Problem } from '../../../contracts/problem.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { createLog } from '../../../telemetry/log.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { heldModel } from '../models/held-model.ts';
import { failedTasks, historyOf } from '../temporal/raw-temporal.ts';
import { registry, startStack, type Stack } from '../stack.ts';
import { testTemporal } from '../temporal/temporal-server.ts';

/** Part of all content, and of no error response. */
export const SECRET = 'hunter2';

const AGENTS = [{ name: 'assistant' }, { name: 'tutor' }];

/** A user of its own, so that tests do not share sessions. */
export interface Someone {
  readonly user: string;
  /** A string is sent as it is, anything else as JSON. */
  readonly request: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  /** Sends a request that must be refused with a documented problem. */
  readonly refused: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Problem>;
}

/** A gateway on a stack, for invalid requests. */
export interface AskedGateway extends AsyncDisposable {
  readonly stack: Stack;
  someone(): Someone;
  /** Checks that the session still works, its event numbers have no gap, it has no trace of what was refused, and no workflow task failed. */
  expectGoesOn(someone: Someone, session?: string): Promise<void>;
}

export async function startAskedGateway(): Promise<AskedGateway> {
  const mishaps: string[] = [];
  const stack = await startStack({ temporal: await testTemporal(), model: heldModel().model, agents: AGENTS });
  const { db, live, sender } = stack;
  const telemetry = createTelemetry({ log: createLog({ level: 'error', write: (line) => mishaps.push(line) }) });
  const gateway = createGateway({ db, live, sender, agents: registry(AGENTS, []), telemetry });
  return {
    stack,
    someone() {
      const user = `user-${randomUUID().slice(0, 8)}`;
      const request: Someone['request'] = async (method, path, body, headers = {}) =>
        gateway.app.request(path, {
          method,
          headers: {
            'perdure-user': user,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        });
      return {
        user,
        request,
        async refused(method, path, ...rest) {
          const problem = await problemOf(await request(method, path, ...rest), `${method} ${path}`);
          // A caller's error is never logged as a fault.
          expect(mishaps).toEqual([]);
          return problem;
        },
      };
    },
    async expectGoesOn({ user, request }, session = 's') {
      const response = await request(
        'POST',
        `/v1/sessions/${session}/messages`,
        { content: 'fine' },
        { prefer: 'wait=30' },
      );
      expect(await response.json()).toMatchObject({ answer: 'echo fine' });
      const key = { user, session };
      const events = await stack.events(key);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.filter(({ type }) => type === 'message.received')).toHaveLength(1);
      expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await stack[Symbol.asyncDispose]();
    },
  };
}

async function problemOf(response: Response, what: string): Promise<Problem> {
  const text = await response.text();
  const type = response.headers.get('content-type');
  expect({ what, type }).toEqual({ what, type: 'application/problem+json' });
  const problem = problemSchema.parse(JSON.parse(text));
  expect(ERRORS).toHaveProperty(problem.code);
  expect(problem.status).toBe(response.status);
  expect(problem.status).toBe(ERRORS[problem.code as ErrorCode].httpStatus);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  expect(text).not.toContain(SECRET);
  // No stack trace, no source path, no internal name of a library.
  expect(text).not.toMatch(/\bat [^ ]+ \(|\.ts\b|node_modules|Zod|WorkflowUpdateFailed|ApplicationFailure/);
  // At least one sentence, of bounded length.
  expect(problem.detail).toMatch(/^[A-Z"].*\.$/s);
  expect(problem.detail.length).toBeLessThan(1_000);
  return problem;
}
