import type { Policy } from '../../contracts/agent.ts';
import type { RunBudget } from '../../contracts/budget.ts';
import { carveShares, type Share, type ShareRequest } from '../../core/children/carve-share.ts';
import { usdOf } from '../../core/money/price.ts';
import { limitsOf, resolveBudgets } from '../../core/money/budget.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { ModelCallRow, ToolCallRow } from '../log/rows.ts';

/** What a call that an agent executes is made with. */
export interface NewChild extends ShareRequest {
  /** The id of its run, in place of its session id, too. */
  readonly childId: string;
  readonly agent: string;
  /** 1 for a child of a run that is nobody's child. */
  readonly depth: number;
  readonly maxParallel: number | null;
  /** The most working time of its run. */
  readonly runTimeoutMs: number;
  readonly traceparent: string | null;
}

/** A child whose share of its parent's budgets is carved. */
export interface CarvedChild {
  readonly callId: string;
  readonly child: NewChild;
  readonly share: Share;
}

/** The reservation of a model call that is being settled, and what it has used. */
export interface SettledCall {
  readonly held: { readonly nanos: number; readonly tokens: number };
  readonly call: ModelCallRow;
}

interface ReplyCall {
  readonly callId: string;
  readonly refused: string | null;
  readonly child?: NewChild;
}

interface CarvedReply<Call extends ReplyCall> {
  readonly toolCalls: readonly Call[];
  readonly children: readonly CarvedChild[];
}

/**
 * Carves the shares of the children of a reply out of what is left of the budgets of its run and session. A call for which nothing
 * is left is refused. The caller holds the session's lock; `settled` is the model call of the reply, which it has not saved yet.
 */
export async function withShares<Call extends ReplyCall>(
  tx: Tx,
  session: LockedSession,
  reply: {
    readonly runId: string;
    readonly toolCalls: readonly Call[];
    readonly budget?: RunBudget;
    readonly settled: SettledCall | null;
  },
): Promise<CarvedReply<Call>> {
  const { runId, toolCalls, budget = {}, settled } = reply;
  const wanted = toolCalls.flatMap(({ callId, child }) => (child ? [{ callId, child }] : []));
  if (wanted.length === 0) return { toolCalls, children: [] };
  const limits = limitsOf(resolveBudgets(), null);
  const accounts = await readAccounts(tx, session.key, { day: dayOf(session.at), limits, budget, runId });
  const shares = carveShares(
    settled ? accounts.map((account) => withSettled(account, settled)) : accounts,
    wanted.map(({ child }) => child),
  );
  const children = wanted.flatMap(({ callId, child }, index) => {
    const share = shares[index];
    return share ? [{ callId, child, share }] : [];
  });
  const carved = new Set(children.map(({ callId }) => callId));
  return {
    children,
    toolCalls: toolCalls.map((call) => (call.child && !carved.has(call.callId) ? refuse(call) : call)),
  };
}

function refuse<Call extends ReplyCall>({ child: _child, ...call }: Call): Call {
  const refused = 'Nothing is left of the budget of this run for another agent. Answer with what is known.';
  return { ...(call as unknown as Call), refused };
}

function withSettled<
  Account extends { readonly unit: 'usd' | 'tokens'; readonly used: number; readonly reserved: number },
>(account: Account, { held, call }: SettledCall): Account {
  const isUsd = account.unit === 'usd';
  const used = isUsd
    ? (call.cost_nanos ?? 0) + (call.estimated_nanos ?? 0)
    : (call.input_tokens ?? 0) +
      (call.output_tokens ?? 0) +
      (call.estimated_input_tokens ?? 0) +
      (call.estimated_output_tokens ?? 0);
  return { ...account, used: account.used + used, reserved: account.reserved - (isUsd ? held.nanos : held.tokens) };
}

/** Inserts the links of new children, and reserves their shares. The caller saves their calls in the same transaction. */
export async function insertChildren(
  tx: Tx,
  { key, at }: LockedSession,
  calls: readonly ToolCallRow[],
  children: readonly CarvedChild[],
): Promise<void> {
  const rows = children.flatMap(({ callId, child, share }) => {
    const call = calls.find(({ call_id }) => call_id === callId);
    if (!call) return [];
    return [
      {
        run_id: call.run_id,
        call_id: callId,
        step: call.step,
        position: call.position,
        child_id: child.childId,
        tool: call.tool,
        agent: child.agent,
        depth: child.depth,
        status: 'starting',
        max_parallel: child.maxParallel,
        policy: policyOf(child, share),
        held_nanos: share.nanos ?? 0,
        held_tokens: share.tokens ?? 0,
        traceparent: child.traceparent,
      },
    ];
  });
  await tx.query(
    `INSERT INTO perdure.child_runs (user_id, session_id, run_id, call_id, step, position, child_id, tool, agent, depth,
            status, max_parallel, policy, held_nanos, held_tokens, traceparent, noted_at)
     SELECT $1, $2, i.run_id, i.call_id, i.step, i.position, i.child_id, i.tool, i.agent, i.depth,
            i.status, i.max_parallel, i.policy, i.held_nanos, i.held_tokens, i.traceparent, $4
       FROM json_populate_recordset(NULL::perdure.child_runs, $3::json) i`,
    [key.user, key.session, JSON.stringify(rows), at],
  );
}

/** The policy of the child's run: what it may spend, and how long it may work. */
function policyOf({ runTimeoutMs }: NewChild, { nanos, tokens }: Share): Policy {
  const budget = {
    ...(nanos === null ? {} : { runUsd: usdOf(nanos) }),
    ...(tokens === null ? {} : { runTokens: tokens }),
  };
  return { runTimeoutMs, ...(nanos === null && tokens === null ? {} : { budget }) };
}
