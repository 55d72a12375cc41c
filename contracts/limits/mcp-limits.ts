import type { Limit } from './limit.ts';

/** MCP servers and what they send. */
export const MCP_LIMITS = {
  mcpServers: {
    value: 32,
    unit: 'items',
    error: 'invalid_request',
    what: 'MCP servers in one agent, or in the deployment file',
  },
  mcpTools: {
    value: 128,
    unit: 'items',
    error: 'run_failed',
    what: 'tools of one MCP server in a run; choose those that are needed with `only`',
  },
  mcpListedTools: {
    value: 2_000,
    unit: 'items',
    error: 'run_failed',
    what: 'tools that one MCP server lists',
  },
  mcpListPages: { value: 50, unit: 'items', error: 'run_failed', what: 'pages of the list of tools of an MCP server' },
  mcpDescriptionCharacters: {
    value: 4_000,
    unit: 'characters',
    error: null,
    what: 'the description of a tool of an MCP server, cut at its end',
  },
  mcpSchemaBytes: {
    value: 32 * 1024,
    unit: 'bytes',
    error: null,
    what: 'the JSON Schema of a tool of an MCP server; a tool with a larger one is left out',
  },
  mcpMessageBytes: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    error: 'run_failed',
    what: 'one message of an MCP server, such as the result of a tool call; a larger one closes the connection',
  },
  mcpInlineBytes: {
    value: 64 * 1024,
    unit: 'bytes',
    error: null,
    what: 'text in the result of a tool of an MCP server; a longer text becomes an attachment, of which the model gets the beginning',
  },
  mcpPreviewCharacters: {
    value: 2_000,
    unit: 'characters',
    error: null,
    what: 'the beginning of a text that has become an attachment',
  },
  mcpProgressMs: {
    value: 200,
    unit: 'ms',
    error: null,
    what: 'the time between two progress reports of a tool of an MCP server; others are dropped',
  },
  mcpConnectMs: {
    value: 20_000,
    unit: 'ms',
    error: 'run_failed',
    what: 'connecting to an MCP server and listing its tools, unless it sets `connectTimeoutMs`',
  },
  mcpListMs: {
    value: 300_000,
    unit: 'ms',
    error: null,
    what: 'how long a worker uses the list of tools of an MCP server that does not announce changes',
  },
  mcpQuestionMs: {
    value: 3_600_000,
    unit: 'ms',
    error: 'invalid_request',
    what: 'how long the questions of one call to an MCP server may wait while the call is open (`elicitation.waitMs`)',
  },
  mcpQuestions: {
    value: 20,
    unit: 'items',
    error: 'run_failed',
    what: 'questions that one call to an MCP server asks the user',
  },
  mcpQuestionStateBytes: {
    value: 64 * 1024,
    unit: 'bytes',
    error: 'run_failed',
    what: 'the state that an MCP server gives with its questions, and gets back with the answers',
  },
  mcpAskingCalls: {
    value: 50,
    unit: 'items',
    error: null,
    what: 'calls in progress on one worker whose MCP server asks over an open connection; further ones wait within their timeout',
  },
  mcpIdleMs: {
    value: 1_800_000,
    unit: 'ms',
    error: null,
    what: 'the time after its last use in which a worker closes the connection to an MCP server',
  },
} as const satisfies Record<string, Limit>;
