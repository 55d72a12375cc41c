import type { ScriptedCall } from './scripted-reply.ts';

/** Guesses from a message which of the offered tools to call; null if none fits. */
export function suggestCall(message: string, offered: readonly string[]): ScriptedCall | null {
  return (
    [fetchCall(message), clockCall(message), calculatorCall(message)].find(
      (call) => call !== null && offered.includes(call.tool),
    ) ?? null
  );
}

function fetchCall(message: string): ScriptedCall | null {
  const url = message.match(/https?:\/\/[^\s<>"']+/)?.[0].replace(/[.,;:!?)\]}]+$/, '');
  return url ? { tool: 'http_fetch', arguments: { url } } : null;
}

function clockCall(message: string): ScriptedCall | null {
  if (!/\b(what|which|tell|current|give)\b.*\b(time|date|day|year)\b|\bclock\b/i.test(message)) return null;
  const timeZone = message.match(/\b[A-Z][A-Za-z]+\/[A-Z][A-Za-z_]+/)?.[0];
  return { tool: 'clock', arguments: timeZone ? { timeZone } : {} };
}

/** The longest run of numbers, operators and brackets with an operator between two operands. Ignores dates. */
function calculatorCall(message: string): ScriptedCall | null {
  const runs = message.match(/[-(\d][-+*/^%().\d\s]*[\d)]/g) ?? [];
  const expression = runs
    .map((run) => run.trim())
    .filter((run) => /[\d)]\s*[-+*/^%]\s*[-(\d]/.test(run) && !/^\d+[-/.]\d+[-/.]\d+$/.test(run))
    .toSorted((a, b) => b.length - a.length)[0];
  return expression ? { tool: 'calculator', arguments: { expression } } : null;
}
