/** A backend in TypeScript that uses every entry point; only compiled. */
import { createServer } from 'node:http';
import { createPerdure, PerdureError, type SessionHandle, type StreamEvent } from 'perdure';
import { assistant, defineAgent, defineTool, ToolError, type Agent } from 'perdure/agents';
import { messageInputSchema, type MessageInput } from 'perdure/contracts';
import { createGateway, serveGateway } from 'perdure/gateway';
import { functionModels, scriptedModels, startPerdure } from 'perdure/testing';
import { createWorker, type RunningWorker } from 'perdure/worker';
import { z } from 'zod';

const weather = defineTool({
  name: 'weather',
  description: 'Looks up the weather.',
  parameters: z.object({ city: z.string(), days: z.number().int().default(1) }),
  stateSchema: z.object({ asked: z.number().default(0) }),
  async execute({ city, days }, { state, signal }) {
    signal.throwIfAborted();
    const { asked }: { asked: number } = await state.read();
    if (days > 7) throw new ToolError(`No forecast for ${city} so far ahead.`, { retryable: false });
    return { city: city.toUpperCase(), asked };
  },
});

const agents: readonly Agent[] = [
  defineAgent({ name: 'meteorologist', tools: [weather, 'clock'], policy: { maxSteps: 4 } }),
  defineAgent({ ...assistant.spec, name: 'helper' }),
];

export async function serve(databaseUrl: string): Promise<RunningWorker> {
  const shared = { databaseUrl, agents, temporal: { address: 'temporal:7233', namespace: 'default' } };
  const worker = await createWorker({
    ...shared,
    models: { model: 'openai/gpt-5', apiKey: 'key' },
    shutdownGraceMs: 1,
  });
  const gateway = await createGateway({ ...shared, tokens: { secret: 'ada' }, operators: ['ada'] });
  createServer(async (request, response) => {
    const answer: Response = await gateway.fetch(new Request(`http://localhost${request.url}`));
    response.writeHead(answer.status).end(await answer.text());
  });
  const served = await serveGateway({ gateway, port: 0 });
  await served.close();
  return worker;
}

export async function ask(input: unknown): Promise<string> {
  const message: MessageInput = messageInputSchema.parse(input);
  const perdure = createPerdure({ gateway: 'http://127.0.0.1:4747', user: 'ada' });
  const session: SessionHandle = perdure.session('trip');
  try {
    const receipt = await session.send(message);
    const events: AsyncIterable<StreamEvent> = session.stream({ runId: receipt.runId ?? undefined });
    for await (const event of events) if (event.type === 'message.delta') process.stdout.write(event.delta);
    return (await session.ask('And tomorrow?')).text;
  } catch (error) {
    if (error instanceof PerdureError) return error.code;
    throw error;
  } finally {
    await perdure.close();
  }
}

export async function check(): Promise<string> {
  await using scripted = await startPerdure({ model: scriptedModels([{ text: 'Sunny.' }]), agents });
  await using answered = await startPerdure({ model: functionModels(({ messages }) => `${messages.length}`) });
  return `${(await scripted.perdure.session('a').ask('Now?')).text} ${answered.url}`;
}
