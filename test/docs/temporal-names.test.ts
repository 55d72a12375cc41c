import { expect, test } from 'vitest';
import type { z } from 'zod';
import {
  answerApprovalSchema,
  answerClientCallSchema,
  cancelRunSchema,
  endSessionSchema,
  openSessionSchema,
  resumeRunSchema,
  updateSessionSchema,
} from '../../contracts/session/commands.ts';
import { recordCountsSchema } from '../../contracts/session/recorded-counts.ts';
import { ERRORS } from '../../contracts/errors.ts';
import { eventSchema, liveEventSchema } from '../../contracts/events/event.ts';
import { messageInputSchema, receiptSchema } from '../../contracts/session/message.ts';
import { QUERY, SEARCH_ATTRIBUTE, SIGNAL, TASK_QUEUE, TRACE_HEADER, UPDATE, WORKFLOW } from '../../contracts/names.ts';
import type { ControlSnapshot } from '../../contracts/session/session.ts';
import { read, section, tableRow } from './documents.ts';

const temporal = read('docs/temporal.md');

const INPUTS: Record<keyof typeof UPDATE, z.ZodObject> = {
  openSession: openSessionSchema,
  submitMessage: messageInputSchema,
  updateSession: updateSessionSchema,
  recordCounts: recordCountsSchema,
  cancelRun: cancelRunSchema,
  resumeRun: resumeRunSchema,
  endSession: endSessionSchema,
  answerApproval: answerApprovalSchema,
  answerClientCall: answerClientCallSchema,
};

/** Names that the compiler holds to the type. */
const SNAPSHOT: Record<keyof ControlSnapshot, true> = {
  status: true,
  agent: true,
  queue: true,
  currentRun: true,
  runsEnded: true,
  continuedAsNew: true,
};

test.each(Object.values(UPDATE))('the update %s is described with every field of its JSON', (update) => {
  const described = section(temporal, `\`${update}\``);
  const fields = Object.entries(INPUTS[update].shape).map(([name, type]) =>
    (type as z.ZodType).safeParse(undefined).success ? `${name}?:` : `${name}:`,
  );

  expect(fields.filter((field) => !described.includes(field))).toEqual([]);
  expect(described).toContain('// out');
});

test('a receipt is described with every field', () => {
  const described = section(temporal, '`submitMessage`');

  expect(Object.keys(receiptSchema.shape).filter((name) => !described.includes(`${name}:`))).toEqual([]);
});

test('every signal, the query and its answer are named', () => {
  const signals = section(temporal, 'Signals');
  const query = section(temporal, 'Query');

  expect(Object.values(SIGNAL).filter((name) => !signals.includes(`\`${name}\``))).toEqual([]);
  expect(Object.values(QUERY).filter((name) => !query.includes(`\`${name}\``))).toEqual([]);
  expect(Object.keys(SNAPSHOT).filter((name) => !query.includes(`${name}:`))).toEqual([]);
});

test('the task queue, workflow types and search attributes are named', () => {
  const names = [TASK_QUEUE, TRACE_HEADER, ...Object.values(WORKFLOW), ...Object.values(SEARCH_ATTRIBUTE)];

  expect(names.filter((name) => !temporal.includes(`\`${name}\``))).toEqual([]);
});

test('every error code is in the table, with its HTTP status and whether to send again', () => {
  const rows = Object.entries(ERRORS).map(([code, { httpStatus, retryable }]) => ({
    code,
    described: tableRow(temporal, code)?.slice(2, 4),
    actual: [String(httpStatus), retryable ? 'yes' : 'no'],
  }));

  expect(rows.filter(({ described, actual }) => described?.join() !== actual.join())).toEqual([]);
});

test('every event is named in ARCHITECTURE.md', () => {
  const described = section(read('ARCHITECTURE.md'), 'The events');
  const types = [...eventSchema.options, ...liveEventSchema.options].map(({ shape }) => shape.type.value);

  expect(types.filter((type) => !described.includes(type))).toEqual([]);
});
