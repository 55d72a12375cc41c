import { expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '../../../telemetry/metrics.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { childrenOf, DELEGATING_AGENTS, delegatingModel } from '../../support/children/delegating-agents.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startOtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** The names of the spans above a span, the nearest first. */
function above(spans: readonly ReceivedSpan[], { parentSpanId }: ReceivedSpan): string[] {
  const parent = spans.find(({ spanId }) => spanId === parentSpanId);
  return parent ? [parent.name, ...above(spans, parent)] : [];
}

test('the spans of a tree are one trace, those of a child below the call of its parent, also after another worker has taken it over', async () => {
  const receiver = await startOtlpReceiver();
  const { tracing } = receiver;
  const held = heldModel(delegatingModel);
  const stack = await startStack({
    temporal: await testTemporal(),
    model: held.model,
    agents: DELEGATING_AGENTS,
    telemetry: createTelemetry({ tracing, metrics: createMetrics({ traceId: tracing.traceId }) }),
  });
  onTestFinished(async () => {
    await stack[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });
  const key = stack.key();
  await tracing.span('caller', { kind: 'internal' }, async () => {
    await stack.sender.submit(key, { content: 'researcher: writer> hold the trace' });
  });
  await held.call('hold the trace');
  await stack.stopWorker();
  await stack.startWorker();
  const again = await held.call('hold the trace');
  again.answer('written');
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
  const [child] = childrenOf(key, events);
  const [grandchild] = childrenOf(child!, await stack.events(child!));
  await stack.ended(grandchild!);
  await stack.stopWorker();

  const spans = await receiver.spans();
  // A model call is below the span of its run.
  const ofRun = (id: string) =>
    spans.filter(({ name, attributes }) => name.startsWith('invoke_agent') && attributes['perdure.run.id'] === id);
  const runs = { child: ofRun(child!.session), grandchild: ofRun(grandchild!.session) };
  // The activity of the lost worker, and that of the other one.
  expect(runs.child.length).toBeGreaterThan(1);
  expect(runs.grandchild.length).toBeGreaterThan(1);
  for (const call of runs.child) expect(above(spans, call)).toContain('execute_tool researcher');
  for (const call of runs.grandchild) {
    expect(above(spans, call).filter((name) => name.startsWith('execute_tool'))).toEqual([
      'execute_tool writer',
      'execute_tool researcher',
    ]);
  }
  expect(new Set([...runs.child, ...runs.grandchild].map(({ traceId }) => traceId)).size).toBe(1);
}, 60_000);
