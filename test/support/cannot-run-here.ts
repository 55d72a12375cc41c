/**
 * Skips the test that is going, with a reason that is reported. With `PERDURE_TEST_REQUIRE_ALL=1`, as in CI, it fails
 * instead: there a test that does not run is a defect. `skip` is that of the test's context.
 */
export function cannotRunHere(skip: (reason: string) => never, reason: string): never {
  if (process.env['PERDURE_TEST_REQUIRE_ALL'] === '1') throw new Error(`This test cannot run here: ${reason}.`);
  return skip(reason);
}
