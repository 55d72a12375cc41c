/**
 * Files that take longest: half a minute or more of two cores that also run others. Whichever of them came last would run
 * alone, while a core waits.
 */
export const LONGEST = [
  'test/server/recovery/context-crash.test.ts',
  'test/server/recovery/crash.test.ts',
  'test/package/readme.test.ts',
  'test/package/image.test.ts',
  'test/server/recovery/restart.test.ts',
  'test/package/perdure.test.ts',
  'test/server/http/openapi-conformance.test.ts',
  'test/server/sessions/expiry-in-virtual-time.test.ts',
  'test/server/approvals/approvals-in-virtual-time.test.ts',
  'test/server/recovery/server-crash.test.ts',
];
