/** The client library for backend services. Importing it does not load `@temporalio/client`. */
export { createPerdure } from './create-perdure.ts';
export type { Perdure, PerdureOptions } from './create-perdure.ts';
export type { ItemRef, SessionHandle } from './session-handle.ts';
export type { AnswerOptions, ClientTool, ClientToolContext, OnApproval } from './client-tools.ts';
export { partOf } from './attachments.ts';
export type { Attachments } from './attachments.ts';
export type { OneOffRun } from './one-off-run.ts';
export type { UserMemories } from './user-memories.ts';
export { isExpired } from './is-expired.ts';
export { RunNotCompletedError } from './await-answer.ts';
export type { Answer } from './await-answer.ts';
export { InvalidAnswerError } from './structured-answer.ts';
export type { StructuredAnswer } from './structured-answer.ts';
export type { EraseOptions } from './erase-user.ts';
export { createGatewayClient } from './http/gateway-client.ts';
export type {
  DownloadRange,
  ExportOptions,
  GatewayClient,
  GatewayReadiness,
  SendResult,
  UploadOptions,
} from './http/gateway-client.ts';
export type { Page } from './http/page.ts';
export type {
  CleanOrder,
  InboxQuery,
  ItemQuery,
  MemoryQuery,
  RunQuery,
  SessionQuery,
  StatsQuery,
  SweepQuery,
  UsageQuery,
} from './http/queries.ts';
export type { FileContent, GatewayClientOptions } from './http/http-client.ts';
export { GatewayUnreachableError } from './http/gateway-unreachable-error.ts';
export type { SessionSender } from './temporal/session-sender.ts';
export type { TemporalTarget } from './temporal/lazy-temporal-sender.ts';
export type { TemporalOptions } from './temporal/temporal-connection.ts';
export type { StreamOptions } from './http/event-stream.ts';
export { applyDelta } from '../core/text/apply-delta.ts';
export type { Delta, GrowingText } from '../core/text/apply-delta.ts';
export { EMPTY_TEXT_VIEW, foldText, stepOf } from '../core/text/text-view.ts';
export type { StepText, TextView } from '../core/text/text-view.ts';
export type { Erasure, ErasurePage } from '../contracts/admin/erasure.ts';
export { PerdureError } from '../contracts/errors.ts';
export type { ErrorCode } from '../contracts/errors.ts';
export type { PerdureEvent, LiveEvent, StreamEvent } from '../contracts/events/event.ts';
export type { CallContext } from '../contracts/session/call-context.ts';
export type { Attachment } from '../contracts/attachments/attachment.ts';
export type { InputPart, MessagePart } from '../contracts/attachments/content-parts.ts';
export type {
  FoundMemory,
  Memory,
  MemoryPage,
  MemorySearch,
  Remember,
  Remembered,
} from '../contracts/capabilities/memory.ts';
export type { MessageContent, MessageInput, Receipt } from '../contracts/session/message.ts';
export type { ApprovalRule } from '../contracts/approvals/approval-rule.ts';
export type { ApprovalAnswer, ClientAnswer, InboxItem } from '../contracts/session/inbox-item.ts';
export type { BudgetFacts, BudgetReport, UserLimits } from '../contracts/budget.ts';
export type { CleanRequest, Sweep, SweepPage, SweepRecord } from '../contracts/maintenance.ts';
export type { SessionExport } from '../contracts/session/session-export.ts';
export type { UsageLine, UsageReport } from '../contracts/usage.ts';
export type { CountsRecorded, RecordCounts, RecordedCounts } from '../contracts/session/recorded-counts.ts';
export type { SessionRecord, SessionSnapshot } from '../contracts/session/session.ts';
export { sessionIdFor, sessionKey } from '../contracts/session/session-key.ts';
export type { SessionKey } from '../contracts/session/session-key.ts';
export type { Stats, StatsPage } from '../contracts/stats.ts';
export type { RunWhy, SessionWhy } from '../contracts/why.ts';
