import { ApplicationFailure, defaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { expect, test } from 'vitest';
import { failureConverter } from '../../../workflows/converters/encoded-failures.ts';

const encode = (error: unknown) => failureConverter.errorToFailure(error, defaultPayloadConverter);
const decode = (failure: ReturnType<typeof encode>) =>
  defaultFailureConverter.failureToError(failure, defaultPayloadConverter);

function failing(): ApplicationFailure {
  const cause = Object.assign(new Error('CANARY-cause'), { stack: 'Error: CANARY-cause\n    at CANARY-frame' });
  return ApplicationFailure.create({ type: 'not_found', message: 'CANARY-message', cause, details: [{ a: 1 }] });
}

/** The failure without the payloads, which a codec encrypts. */
function plainParts(failure: ReturnType<typeof encode>): string {
  return JSON.stringify(failure, (name, value: unknown) =>
    ['encodedAttributes', 'payloads'].includes(name) ? undefined : value,
  );
}

test('messages and stack traces of a failure and its causes are in payloads, and the code is not', () => {
  const failure = encode(failing());
  expect(plainParts(failure)).not.toContain('CANARY');
  expect(failure.applicationFailureInfo?.type).toBe('not_found');
});

test('the converter of every SDK, and one that does not encode, read it', () => {
  const error = decode(encode(failing()));
  expect(error).toMatchObject({ message: 'CANARY-message', type: 'not_found', details: [{ a: 1 }] });
  expect(error.cause).toMatchObject({ message: 'CANARY-cause', stack: expect.stringContaining('CANARY-frame') });
});

test('a failure that is passed on, also to several callers, keeps its message', () => {
  const received = decode(encode(failing()));
  const [first, second] = [encode(received), encode(received)];
  for (const failure of [first, second]) {
    expect(plainParts(failure)).not.toContain('CANARY');
    expect(decode(failure)).toMatchObject({ message: 'CANARY-message', cause: { message: 'CANARY-cause' } });
  }
});

test('a failure of a worker that does not encode is encoded when it is passed on, with its causes', () => {
  const plain = defaultFailureConverter.errorToFailure(failing(), defaultPayloadConverter);
  const passedOn = encode(decode(plain));
  expect(plainParts(passedOn)).not.toContain('CANARY');
  expect(decode(passedOn)).toMatchObject({ message: 'CANARY-message', cause: { message: 'CANARY-cause' } });
});
