import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { NO_STACKS, PAYLOAD_CONVERTER, workerTuning } from '../worker/tuning.ts';
import type { Talk } from './talk.ts';

/** The minimal workflow on its own worker, with the settings of Perdure's worker. */
export interface Floor extends AsyncDisposable {
  /** Creates a workflow, which starts with its first turn. */
  talk(): Talk;
}

export async function startFloor(client: Client, address: string): Promise<Floor> {
  const taskQueue = `floor-${randomUUID()}`;
  const connection = await NativeConnection.connect({ address });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('floor-workflow.ts', import.meta.url)),
    payloadConverterPath: PAYLOAD_CONVERTER,
    preloadModules: [NO_STACKS],
    logger: new DefaultLogger('WARN'),
  });
  const activities = { nothing: async () => {} };
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, activities, ...workerTuning({}) });
  const running = worker.run();
  return {
    talk: () => floorTalk(client, taskQueue),
    async [Symbol.asyncDispose]() {
      worker.shutdown();
      await running;
      await connection.close();
    },
  };
}

/** Sends a turn by update-with-start, as Perdure does. It ends with the result of the update. */
function floorTalk(client: Client, taskQueue: string): Talk {
  const workflowId = `floor-${randomUUID()}`;
  const options = { workflowId, taskQueue, workflowIdConflictPolicy: 'USE_EXISTING' } as const;
  return {
    async turn(content) {
      const began = performance.now();
      await client.workflow.executeUpdateWithStart('turn', {
        args: [{ content }],
        startWorkflowOperation: new WithStartWorkflowOperation('floor', options),
      });
      return { completedMs: performance.now() - began };
    },
    close: () => {},
  };
}
