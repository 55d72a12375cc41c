export { seededRandom } from '../../core/histories/seeded-random.ts';

/** `PERDURE_TEST_SEED`, or one from the clock. Prints it, so that a failure can be reproduced. */
export function chooseSeed(what: string): number {
  const seed = Number(process.env['PERDURE_TEST_SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`${what}: PERDURE_TEST_SEED=${seed}`);
  return seed;
}
