import type { Limit } from './limit.ts';

/** Sessions, messages and the requests that deliver them. */
export const REQUEST_LIMITS = {
  userBytes: { value: 384, unit: 'bytes', error: 'invalid_request', what: 'a user id, percent-encoded' },
  sessionIdBytes: { value: 384, unit: 'bytes', error: 'invalid_request', what: 'a session id, percent-encoded' },
  messageIdCharacters: { value: 200, unit: 'characters', error: 'invalid_request', what: 'a message id' },
  messageBytes: { value: 256 * 1024, unit: 'bytes', error: 'too_large', what: "a message's content in UTF-8" },
  requestBytes: {
    value: 2 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'the body of an HTTP request that delivers a message',
  },
  patchRequestBytes: {
    value: 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'the body of an HTTP request that creates or changes a session',
  },
  smallRequestBytes: {
    value: 64 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'the body of any other HTTP request',
  },
  requestMs: {
    value: 30_000,
    unit: 'ms',
    error: 'request_timeout',
    what: 'the time to receive the body of an HTTP request',
  },
  documentMs: {
    value: 120_000,
    unit: 'ms',
    error: 'request_timeout',
    what: 'the time to receive, or to send, a session as one document',
  },
  bodiesBytes: {
    value: 128 * 1024 * 1024,
    unit: 'bytes',
    error: 'rate_limited',
    what: 'the bodies that one gateway is receiving at once',
  },
  jsonDepth: { value: 100, unit: 'items', error: 'invalid_request', what: 'nested levels of a JSON value' },
  jsonValues: {
    value: 50_000,
    unit: 'items',
    error: 'too_large',
    what: 'values in the body of an HTTP request, nested ones included',
  },
  patchKeys: {
    value: 5_000,
    unit: 'items',
    error: 'invalid_request',
    what: 'keys of one object of metadata or state in a request, and namespaces of state',
  },
  importBytes: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'a document to import (default; `limits.importBytes`)',
  },
  importValues: {
    value: 5_000_000,
    unit: 'items',
    error: 'too_large',
    what: 'values in a document to import, nested ones included',
  },
  importRows: { value: 100_000, unit: 'items', error: 'too_large', what: 'rows in a document to import' },
  exportBytes: {
    value: 64 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'a session as one document: export, import, archive',
  },
  metadataBytes: { value: 16 * 1024, unit: 'bytes', error: 'too_large', what: "a session's metadata as JSON" },
  stateBytes: { value: 256 * 1024, unit: 'bytes', error: 'too_large', what: "a session's state as JSON" },
  stateNamespaceBytes: {
    value: 128 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: "one namespace of a session's state as JSON",
  },
} as const satisfies Record<string, Limit>;
