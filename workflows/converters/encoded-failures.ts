import { DefaultFailureConverter, type PayloadConverter, type SerializationContext } from '@temporalio/common';

type Failure = ReturnType<DefaultFailureConverter['errorToFailure']>;

/** As the SDKs of other languages write it in its place. */
const PLACEHOLDER = 'Encoded failure';

/**
 * Writes the message and the stack trace of each failure into a payload, which a codec encrypts; readers of every SDK take them from
 * there. Unlike the SDK's own converter it leaves the failure that an error came from as it is, so that an error which is
 * thrown twice has its message twice; and it encodes causes that were not.
 */
class EncodedFailureConverter extends DefaultFailureConverter {
  override errorToFailure(error: unknown, converter: PayloadConverter, context?: SerializationContext): Failure {
    return encoded(super.errorToFailureInner(error, converter, context), converter, context);
  }
}

function encoded(failure: Failure, converter: PayloadConverter, context: SerializationContext | undefined): Failure {
  const { message, stackTrace, cause, encodedAttributes } = failure;
  const attributes = { message: message ?? '', stack_trace: stackTrace ?? '' };
  const isEncoded = message === PLACEHOLDER && encodedAttributes;
  return {
    ...failure,
    message: PLACEHOLDER,
    stackTrace: '',
    encodedAttributes: isEncoded ? encodedAttributes : converter.toPayload(attributes, context),
    ...(cause ? { cause: encoded(cause, converter, context) } : {}),
  };
}

/** Loaded by path, by workers whose codecs encrypt. */
export const failureConverter = new EncodedFailureConverter();
