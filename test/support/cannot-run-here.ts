/**
 * Skips the current test with a reason. With `PERDURE_TEST_REQUIRE_ALL=1`, as in CI, it fails instead: there every test
 * must run. `skip` is that of the test context.
 */
export function cannotRunHere(skip: (reason: string) => never, reason: string): never {
  if (process.env['PERDURE_TEST_REQUIRE_ALL'] === '1') throw new Error(`This test cannot run here: ${reason}.`);
  return skip(reason);
}
