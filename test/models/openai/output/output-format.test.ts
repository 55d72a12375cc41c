import { expect, test } from 'vitest';
import { ModelError } from '../../../../models/model-client.ts';
import { OutputFormats } from '../../../../models/openai/output/output-format.ts';
import { modelRequest } from '../../../support/models/model-requests.ts';

const outputSchema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
const structured = modelRequest({ outputSchema });
const refusal = (httpStatus: number, message: string, param: string | null = null) =>
  new ModelError('invalid_request', 'Refused.', {
    retryable: false,
    httpStatus,
    report: { code: null, type: null, param, message },
  });

test('a request without a schema is left as it is', () => {
  const request = modelRequest();
  expect(new OutputFormats({ official: false }).format(request)).toEqual({ request, format: null });
});

test('OpenAI shows the schema to the model itself; other servers get it in the instructions too', () => {
  const official = new OutputFormats({ official: true }).format(structured);
  expect(official.request).toBe(structured);
  expect(official.format).toMatchObject({ type: 'json_schema', strict: true });
  const { request, format } = new OutputFormats({ official: false }).format(structured);
  expect(format).toEqual(official.format);
  expect(request.instructions).toMatch(/^Be brief\.\n\nYour final reply must be one JSON object[^]*"required":\["a"\]/);
});

test.each([
  [400, "Unsupported parameter: 'response_format'", null],
  [400, 'Invalid value.', 'text.format.schema'],
  [422, 'Cannot use custom grammar constraints with tools.', null],
])(
  'a format that is refused with %i, %s, is left out from then on, for that schema and model',
  (status, message, param) => {
    const formats = new OutputFormats({ official: true });
    expect(formats.refuses(refusal(status, message, param), formats.format(structured))).toBe(true);
    const again = formats.format(structured);
    expect(again.format).toBeNull();
    expect(again.request.instructions).toContain('JSON Schema');
    expect(formats.refuses(refusal(status, message, param), again)).toBe(false);
    expect(formats.format({ ...structured, model: 'other' }).format).not.toBeNull();
  },
);

test.each([
  [400, 'The context is too long.'],
  [500, 'response_format'],
  [401, 'schema'],
])('another failure refuses no format: %i, %s', (status, message) => {
  const formats = new OutputFormats({ official: true });
  expect(formats.refuses(refusal(status, message), formats.format(structured))).toBe(false);
  expect(formats.refuses(new Error('schema'), formats.format(structured))).toBe(false);
});
