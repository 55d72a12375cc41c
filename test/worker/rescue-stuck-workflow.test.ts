import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import proto from '@temporalio/proto';
import { expect, test } from 'vitest';
import { acquireLease, listExpiredLeases, releaseLease, saveLeaseState } from '../../store/admin/leases/leases.ts';
import { createLog } from '../../telemetry/log.ts';
import { finishRescues, rescueStuckWorkflow } from '../../worker/upkeep/rescue-stuck-workflow.ts';
import { StuckWorkflows } from '../../worker/upkeep/stuck-workflows.ts';
import { embeddedDatabase } from '../support/store/databases.ts';

const CAUSE = proto.temporal.api.enums.v1.WorkflowTaskFailedCause;
const database = embeddedDatabase();

test('an execution is terminated for nondeterminism, and its unprocessed signals are sent again', async () => {
  const { deps, temporal } = setUp(CAUSE.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR);
  expect(await rescueStuckWorkflow(deps, execution('ann:a'))).toBe(true);
  expect(temporal).toEqual({ terminated: ['ann:a'], signalled: ['submitMessage'] });
});

test.each([
  'WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES',
  'WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE',
] as const)('one that fails by %s is reported once, and not terminated', async (cause) => {
  const { deps, temporal, lines } = setUp(CAUSE[cause]);
  await rescueStuckWorkflow(deps, execution('ann:b'));
  await rescueStuckWorkflow(deps, execution('ann:b'));
  expect(temporal.terminated).toEqual([]);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ level: 'error', msg: 'Workflow tasks of a session fail', session: 'b', code: cause }),
  ]);
});

test('no more executions are terminated within an hour than the setting allows', async () => {
  const { deps, temporal } = setUp(CAUSE.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, 2);
  for (const id of ['ann:1', 'ann:2', 'ann:3']) await rescueStuckWorkflow(deps, execution(id));
  expect(temporal.terminated).toEqual(['ann:1', 'ann:2']);
  const off = setUp(CAUSE.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, 0);
  await rescueStuckWorkflow(off.deps, execution('ann:4'));
  expect(off.temporal.terminated).toEqual([]);
});

test('a terminated execution may be replaced again an hour later', () => {
  const stuck = new StuckWorkflows(createLog(), 1);
  expect([stuck.mayTerminate(0), stuck.mayTerminate(3_599_999), stuck.mayTerminate(3_600_001)]).toEqual([
    true,
    false,
    true,
  ]);
});

test('the signals of an execution whose rescuer died after the termination are sent by another worker', async () => {
  const { db } = database;
  const dead = { name: 'rescue:run of ann:d', holder: 'dead' };
  await acquireLease(db, { ...dead, ttlMs: 60_000 });
  await saveLeaseState(db, dead, { workflowId: 'ann:d', runId: 'run of ann:d', type: 'agentSession', taskQueue: 'q' });
  const { deps, temporal } = setUp(CAUSE.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR);
  temporal.terminated.push('ann:d');
  await finishRescues(deps);
  expect(temporal.signalled).toEqual([]);

  await releaseLease(db, dead);
  await finishRescues(deps);
  expect(temporal.signalled).toEqual(['submitMessage']);
  expect(await listExpiredLeases(db, 'rescue:')).toEqual([]);
});

function execution(workflowId: string): WorkflowExecutionDescription {
  const described = {
    workflowId,
    runId: `run of ${workflowId}`,
    type: 'agentSession',
    taskQueue: 'q',
    status: { name: 'RUNNING' },
    raw: { pendingWorkflowTask: { attempt: 3 } },
  };
  return described as unknown as WorkflowExecutionDescription;
}

/** A Temporal server whose executions have failed by `cause`, with one signal that none of their tasks processed. */
function setUp(cause: number, perHour = 20) {
  const temporal = { terminated: [] as string[], signalled: [] as (string | undefined)[] };
  const events = [
    { workflowTaskCompletedEventAttributes: {} },
    { workflowExecutionSignaledEventAttributes: { signalName: 'submitMessage' } },
    { workflowTaskFailedEventAttributes: { cause } },
  ];
  const client = {
    options: { namespace: 'default', loadedDataConverter: { payloadCodecs: [] } },
    workflow: {
      getHandle: (workflowId: string) => ({
        fetchHistory: async () => ({ events }),
        terminate: async () => {
          if (temporal.terminated.includes(workflowId)) throw new WorkflowNotFoundError('over', workflowId, undefined);
          temporal.terminated.push(workflowId);
        },
        describe: async () => ({ status: { name: 'TERMINATED' } }),
      }),
    },
    workflowService: {
      signalWithStartWorkflowExecution: async ({ signalName }: { signalName?: string }) => {
        temporal.signalled.push(signalName);
      },
    },
  };
  const lines: string[] = [];
  const log = createLog({ format: 'json', write: (line) => lines.push(line) });
  const stuck = new StuckWorkflows(log, perHour);
  return { deps: { db: database.db, client: client as unknown as Client, holder: 'me', stuck }, temporal, lines };
}
