import type {
  Batch,
  BatchInput,
  BatchItemPage,
  BatchOutcome,
  BatchPage,
  BatchPreview,
} from '../../contracts/admin/batch.ts';
import type { Fleet } from '../../contracts/admin/fleet.ts';
import type { RunOrder } from '../../contracts/session/run.ts';
import type { InboxRequests } from './inbox-client.ts';
import type { PageQuery } from './queries.ts';

/** For operators: all users' sessions and runs at once. */
export interface FleetClient {
  /** Totals of now, and the open runs that come first in an order. Default `slowest`, 20 runs. */
  fleet(query?: { readonly order?: RunOrder | undefined; readonly limit?: number | undefined }): Promise<Fleet>;
  /** Counts what a batch would change now, with a sample. */
  previewBatch(request: BatchRequestInput): Promise<BatchPreview>;
  /** Starts a batch. The same `id` with the same request is the same batch. */
  startBatch(request: BatchRequestInput): Promise<Batch>;
  /** The progress or the report of a batch. */
  batch(id: string): Promise<Batch>;
  /** Batches, newest first. */
  batches(page?: PageQuery): Promise<BatchPage>;
  /** The runs or sessions of a batch, and what became of each. */
  batchItems(id: string, query?: PageQuery & { readonly outcome?: BatchOutcome | undefined }): Promise<BatchItemPage>;
  /** Ends a batch. What it has changed stays. */
  cancelBatch(id: string): Promise<Batch>;
}

/** A batch to start, or to preview. */
export type BatchRequestInput = WithoutDryRun<BatchInput>;
type WithoutDryRun<T> = T extends BatchInput ? Omit<T, 'dryRun'> : never;

export function createFleetClient({ json }: Pick<InboxRequests, 'json'>): FleetClient {
  const post = <T>(path: string[], body: object): Promise<T> => json({ method: 'POST', path, body });
  return {
    fleet: (query = {}) => json({ path: ['v1', 'fleet'], query: { ...query } }),
    previewBatch: (request) => post(batches(), { ...request, dryRun: true }),
    startBatch: (request) => post(batches(), request),
    batch: (id) => json({ path: batches(id) }),
    batches: (query = {}) => json({ path: batches(), query: { ...query } }),
    batchItems: (id, query = {}) => json({ path: batches(id, 'items'), query: { ...query } }),
    cancelBatch: (id) => post(batches(id, 'cancel'), {}),
  };
}

const batches = (...rest: string[]): string[] => ['v1', 'batches', ...rest];
