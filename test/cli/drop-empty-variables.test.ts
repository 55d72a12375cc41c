import { expect, test } from 'vitest';
import { dropEmptyVariables } from '../../cli/shared/drop-empty-variables.ts';

test('an empty or blank variable counts as not set', () => {
  const env = { TEMPORAL_ADDRESS: '', PERDURE_URL: '  ', PERDURE_USER: 'ada' };
  dropEmptyVariables(env);
  expect(env).toEqual({ PERDURE_USER: 'ada' });
});
