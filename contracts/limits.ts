import { APPROVAL_LIMITS } from './limits/approval-limits.ts';
import { ATTACHMENT_LIMITS } from './limits/attachment-limits.ts';
import { REQUEST_LIMITS } from './limits/request-limits.ts';
import { RUN_LIMITS } from './limits/run-limits.ts';
import { MCP_LIMITS } from './limits/mcp-limits.ts';
import { MODEL_LIMITS } from './limits/model-limits.ts';
import { MEMORY_LIMITS } from './limits/memory-limits.ts';
import { SERVICE_LIMITS } from './limits/service-limits.ts';

/** Every limit of the system. Nothing is unbounded. */
export const LIMITS = {
  ...REQUEST_LIMITS,
  ...ATTACHMENT_LIMITS,
  ...RUN_LIMITS,
  ...MODEL_LIMITS,
  ...SERVICE_LIMITS,
  ...MEMORY_LIMITS,
  ...MCP_LIMITS,
  ...APPROVAL_LIMITS,
};
