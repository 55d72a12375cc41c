import { DefaultFailureConverter } from '@temporalio/common';
import { failureConverter as encoding } from './encoded-failures.ts';

/** Set at the beginning of the bundle of a worker whose codecs encrypt (`worker/workflow-bundle.ts`). */
declare const PERDURE_ENCODES_FAILURES: true | undefined;

/** The failure converter of the workflow bundle. Failures are in no command that a replay compares. */
export const failureConverter =
  typeof PERDURE_ENCODES_FAILURES === 'undefined' ? new DefaultFailureConverter() : encoding;
