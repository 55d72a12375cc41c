import type { Deployment } from '../contracts/deployment.ts';
import { memoriesPerUser } from '../contracts/limits/memories-per-user.ts';
import { createMemories, type Memories } from '../memory/create-memories.ts';
import { resolveBudgets } from '../core/money/budget.ts';
import { createPriceTable } from '../models/price-table.ts';
import { openEmbedder } from '../models/directory/open-embedder.ts';
import type { Db } from '../store/db/db.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

/**
 * The long-term memory of a deployment. Calls no endpoint before it is used.
 * @throws {ModelError} `invalid_request` for an unknown provider of embeddings.
 */
export function openMemories(
  db: Db,
  { memory, providers, limits, prices, budgets }: Deployment,
  { log, metrics }: Pick<Telemetry, 'log' | 'metrics'>,
  env: NodeJS.ProcessEnv = process.env,
): Memories {
  const { embeddings } = memory ?? {};
  const embedder = embeddings === undefined ? null : openEmbedder(embeddings, { env, providers });
  const charges = embeddings && {
    model: embeddings.model,
    priceOf: createPriceTable(prices).priceOf,
    budgets: resolveBudgets(budgets),
  };
  return createMemories({ db, embedder, charges, perUser: memoriesPerUser(limits), log, metrics });
}
