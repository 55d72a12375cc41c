import type { Limit } from './limit.ts';

/** Attachments, and messages that consist of parts. */
export const ATTACHMENT_LIMITS = {
  attachmentBytes: {
    value: 25 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'an attachment (default; `limits.attachmentBytes`)',
  },
  attachmentBytesPerUser: {
    value: 1024 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'all attachments of a user (default; `limits.attachmentBytesPerUser`)',
  },
  attachmentsPerUser: { value: 10_000, unit: 'items', error: 'too_large', what: 'attachments of a user' },
  attachmentNameCharacters: { value: 200, unit: 'characters', error: 'invalid_request', what: "an attachment's name" },
  uploadsPerUser: {
    value: 4,
    unit: 'items',
    error: 'rate_limited',
    what: 'uploads of one user in progress at one gateway',
  },
  uploads: { value: 32, unit: 'items', error: 'rate_limited', what: 'uploads in progress at one gateway' },
  uploadMs: {
    value: 600_000,
    unit: 'ms',
    error: 'request_timeout',
    what: 'the time to receive, or to send, an attachment',
  },
  uploadSilenceMs: {
    value: 30_000,
    unit: 'ms',
    error: 'request_timeout',
    what: 'the time without a byte of an upload',
  },
  unusedAttachmentMs: {
    value: 24 * 3_600_000,
    unit: 'ms',
    error: null,
    what: 'how long an attachment is kept that no session refers to',
  },
  orphanedContentMs: {
    value: 24 * 3_600_000,
    unit: 'ms',
    error: null,
    what: 'how long a content in a folder or a bucket is kept that the store has no record of',
  },
  attachmentMoveMs: {
    value: 5_000,
    unit: 'ms',
    error: null,
    what: 'the time after which a request that moves attachments returns, to be repeated',
  },
  attachmentCacheBytes: {
    value: 64 * 1024 * 1024,
    unit: 'bytes',
    error: null,
    what: 'the images and files that one worker keeps in memory for later model calls',
  },
  contentParts: { value: 64, unit: 'items', error: 'invalid_request', what: 'parts of one message' },
  messageAttachments: { value: 16, unit: 'items', error: 'invalid_request', what: 'images and files of one message' },
  messageAttachmentBytes: {
    value: 32 * 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'the images and files of one message together',
  },
  toolFiles: {
    value: 16,
    unit: 'items',
    error: null,
    what: 'files in the result of one tool call; the model gets the error',
  },
  inlineBytes: {
    value: 1024 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'an image or a file that a message contains as a data URL, decoded',
  },
  inlineMessageBytes: {
    value: 1536 * 1024,
    unit: 'bytes',
    error: 'too_large',
    what: 'the parts of a message with data URLs, as JSON: upload larger files',
  },
  callAttachmentBytes: {
    value: 32 * 1024 * 1024,
    unit: 'bytes',
    error: null,
    what: 'the images and files in the context of one model call: a sentence takes the place of older ones',
  },
  workerAttachmentBytes: {
    value: 128 * 1024 * 1024,
    unit: 'bytes',
    error: null,
    what: 'the images and files of the model calls that one worker is making; further calls wait',
  },
  textFileBytes: {
    value: 256 * 1024,
    unit: 'bytes',
    error: null,
    what: 'the beginning of a text file that a model is given',
  },
} as const satisfies Record<string, Limit>;
