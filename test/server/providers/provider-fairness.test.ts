import { expect, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { distribution } from '../../support/gateway/http-calls.ts';
import { startSharedProvider, type SharedProvider } from '../../support/models/shared-provider.ts';

const PLACES = 8;
const CALL_MS = 400;
const SESSIONS = 100;
const MESSAGES_EACH = 5;
/** Messages of the user who asks now and then. */
const SELDOM = 30;

test(
  'a user with 500 queued messages does not hold up another who asks now and then',
  { timeout: 240_000 },
  async () => {
    await using shared = await startSharedProvider({ concurrency: PLACES });
    shared.stub.behave(() => ({ text: 'fine', firstDelayMs: CALL_MS }));
    const alone = await askNowAndThen(shared, 'bob alone');

    const flood = Array.from({ length: SESSIONS }, (_, index): SessionKey => ({ user: 'ann', session: `s${index}` }));
    for (let round = 0; round < MESSAGES_EACH; round += 1) {
      await Promise.all(flood.map((key) => shared.stack.sender.submit(key, { content: `ann ${round}` })));
    }
    const among = await askNowAndThen(shared, 'bob among many');
    const left = SESSIONS * MESSAGES_EACH - callsOf(shared, 'ann');
    console.log(
      `A user who asks now and then, ${PLACES} places of ${CALL_MS} ms; from a message to its answer\n` +
        `  alone:                         ${distribution(alone.map(({ ms }) => ms))}\n` +
        `  beside 500 messages of another: ${distribution(among.map(({ ms }) => ms))}\n` +
        `  calls of the other that went first: ${distribution(among.map(({ overtaken }) => overtaken))}; ${left} still waited at the end`,
    );
    // While the other wanted all places all the time, and was served in them.
    expect(left).toBeGreaterThan(0);
    expect(callsOf(shared, 'ann')).toBeGreaterThan(SELDOM);
    // Whoever was served less is next when a place becomes free: one round of the places goes first at most, and one for the way there.
    const overtaken = among.map((one) => one.overtaken).toSorted((a, b) => a - b);
    expect(overtaken[Math.floor(SELDOM * 0.9)]).toBeLessThanOrEqual(2 * PLACES);
  },
);

/** Sends one message after the other, each in its session; how long the answer took, and how many calls of others began meanwhile. */
async function askNowAndThen(shared: SharedProvider, who: string): Promise<{ ms: number; overtaken: number }[]> {
  const asked: { ms: number; overtaken: number }[] = [];
  for (let index = 0; index < SELDOM; index += 1) {
    const key: SessionKey = { user: who, session: `s${index}` };
    const began = Date.now();
    await shared.stack.sender.submit(key, { content: who });
    const admitted = Date.now();
    expect((await shared.stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed' });
    const ms = Date.now() - began;
    const went = shared.stub.requests.filter((request) => spokenBy(request.body, who)).at(-1)?.at ?? Infinity;
    const overtaken = shared.stub.requests.filter(({ body, at }) => !spokenBy(body, who) && at > admitted && at < went);
    asked.push({ ms, overtaken: overtaken.length });
  }
  return asked;
}

function callsOf({ stub }: SharedProvider, who: string): number {
  return stub.requests.filter(({ body }) => spokenBy(body, who)).length;
}

function spokenBy(body: Record<string, unknown>, who: string): boolean {
  return JSON.stringify(body['messages']).includes(`"${who}`);
}
