import { v7 as uuidv7 } from 'uuid';
import type { SendResult } from '../../client/http/gateway-client.ts';
import type { MessageInput, Receipt, WhileRunning } from '../../contracts/session/message.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { onInterrupt } from '../shared/interruption.ts';
import { shellQuote } from '../shared/shell-quote.ts';
import { attachFiles } from '../shared/attach-file.ts';
import { readMessageText } from './read-message-text.ts';
import { readSchema } from './read-schema.ts';
import { waitSentence } from '../render/inbox-lines.ts';
import { printText } from '../render/print-text.ts';
import { stripControl } from '../render/strip-control.ts';

export interface SendOptions {
  readonly session: string;
  readonly wait?: boolean | undefined;
  /** Seconds. */
  readonly timeout: number;
  readonly id?: string | undefined;
  readonly whileRunning?: WhileRunning | undefined;
  readonly agent?: string | undefined;
  /** A file. */
  readonly schema?: string | undefined;
  /** Files to send with the text. */
  readonly attach?: readonly string[] | undefined;
}

/** `perdure send`: sends a message, and with `--wait` prints the answer. */
export async function send(deps: CommandDeps, text: string | undefined, options: SendOptions): Promise<void> {
  const hasFiles = (options.attach ?? []).length > 0;
  const input: MessageInput = {
    id: options.id ?? uuidv7(),
    content: await attachFiles(deps.client, options.attach ?? [], await readMessageText(text, hasFiles)),
    ...(options.whileRunning === undefined ? {} : { whileRunning: options.whileRunning }),
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...(await readSchema(options.schema)),
  };
  if (!options.wait) return showReceipt(deps, await deps.client.send(options.session, input));
  const release = onInterrupt(() => {
    const id = shellQuote(stripControl(options.session));
    process.stderr.write(
      `Stopped waiting. If the message has arrived, its run continues: \`perdure watch ${id}\` shows it, \`perdure cancel ${id}\` stops it.\n`,
    );
    process.exit(EXIT.interrupted);
  });
  try {
    showAnswer(deps, await deps.client.sendAndWait(options.session, input, options.timeout), options.timeout);
  } finally {
    release();
  }
}

function showReceipt(deps: CommandDeps, receipt: Receipt): void {
  if (deps.json) return deps.printJson(receipt);
  if (receipt.disposition === 'accepted') {
    deps.print(
      `accepted: no worker is available; the message will be answered when one is. Message ${receipt.messageId}.`,
    );
    return;
  }
  const ahead = receipt.position === null || receipt.position === 0 ? '' : `, ${receipt.position} ahead`;
  deps.print(`${receipt.disposition}${ahead}: run ${receipt.runId}, message ${receipt.messageId}.`);
}

/** The answer, or the structured answer as JSON. */
function textOf({ answer, object }: SendResult): string {
  return object === undefined ? (answer ?? '') : JSON.stringify(object, null, 2);
}

/** Prints the answer. Throws a {@link CliError} when there is none. */
export function showAnswer(deps: CommandDeps, answered: SendResult, waitSeconds: number): void {
  if (deps.json) deps.printJson(answered);
  if (answered.answer !== undefined && answered.answer !== null) {
    if (deps.json) return;
    printText(deps, stripControl(textOf(answered)));
    const { model, answerModel } = answered.run ?? {};
    // Only for people: the output of a script is the answer alone.
    if (deps.terminal && answerModel != null && answerModel !== model) {
      deps.print(deps.paint('dim', `Answered by ${stripControl(answerModel)}; ${model} gave no answer.`));
    }
    return;
  }
  const waits = [...(answered.approvals ?? []), ...(answered.clientCalls ?? [])];
  if (waits.length > 0) throw new CliError(waits.map(waitSentence).join('\n'), EXIT.failed);
  const { receipt, run } = answered;
  const name = receipt.runId === null ? `Message ${receipt.messageId}` : `Run ${receipt.runId}`;
  if (answered.answer === undefined) {
    const command = receipt.runId === null ? 'perdure watch <session>' : `perdure why ${receipt.runId}`;
    throw new CliError(
      `${name} has no answer after ${waitSeconds} s and continues. Check it with: ${command}`,
      EXIT.failed,
    );
  }
  const why = run?.error === undefined || run.error === null ? '' : ` (${run.error.code}): ${run.error.detail}`;
  throw new CliError(`${name} ended without an answer${why}`, EXIT.failed);
}
