import { array, assert, double, option, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { changedContextSchema } from '../../contracts/session/call-context.ts';
import { applyChanges, changeableRequest, changeContext, recordChanges } from '../../models/changed-context.ts';
import { requestOf, type ModelContext } from '../../models/model-context.ts';

const message = (content: string) => ({ role: 'user', content }) as const;
const tool = (name: string) => ({ name, description: '', parameters: {} });

function contextOf(
  messages: readonly string[],
  tools: readonly string[],
  instructions: readonly string[],
): ModelContext {
  return {
    instructions: instructions.map((text) => ({ origin: { kind: 'agent' }, text })),
    messages: messages.map((content, at) => ({
      origin: { kind: 'message', runId: 'r', messageId: String(at) },
      message: message(content),
    })),
    tools: tools.map((name) => ({ origin: { kind: 'agent' }, tool: tool(name) })),
    parameters: { toolChoice: 'auto', temperature: null, maxOutputTokens: null, reasoningEffort: null, stream: true },
  };
}

const texts = array(string({ maxLength: 3 }), { maxLength: 6 });

test('the composed context with the stored changes gives the request that was sent', () => {
  assert(
    property(texts, texts, texts, texts, string(), option(double({ min: 0, max: 2, noNaN: true })), (...given) => {
      const [messages, changed, tools, others, instructions, temperature] = given;
      const composed = contextOf(messages, tools, ['a', 'b']);
      const request = { ...changeableRequest(composed), instructions, temperature };
      const sent = changeContext(
        changeContext(
          composed,
          { ...request, messages: [...request.messages.slice(1), ...changed.map(message)] },
          'one',
        ),
        { ...request, messages: [...changed.map(message), ...request.messages], tools: others.map(tool) },
        'two',
      );
      const record = recordChanges(composed, sent);
      const stored = record && changedContextSchema.parse(JSON.parse(JSON.stringify(record)));
      const again = stored && !('omitted' in stored) ? applyChanges(composed, stored) : composed;
      expect(JSON.parse(JSON.stringify(requestOf(again, 'm')))).toEqual(
        JSON.parse(JSON.stringify(requestOf(sent, 'm'))),
      );
    }),
  );
});

test('a request that is passed on as it is, or as a copy, is no change', () => {
  const composed = contextOf(['hi', 'there'], ['look_up'], ['Be brief.']);
  const request = changeableRequest(composed);
  expect(recordChanges(composed, changeContext(composed, request, 'm'))).toBeUndefined();
  expect(recordChanges(composed, changeContext(composed, structuredClone(request), 'm'))).toBeUndefined();
});

test('unchanged parts are stored by their numbers, and changed ones with their middleware', () => {
  const composed = contextOf(['a', 'b', 'c', 'd'], [], []);
  const request = changeableRequest(composed);
  const messages = request.messages.map((one) => (one.content === 'c' ? message('[c]') : one));
  const sent = changeContext(composed, { ...request, messages }, 'mask');
  expect(recordChanges(composed, sent)).toEqual({
    messages: [[0, 2], { origin: { kind: 'middleware', name: 'mask' }, message: message('[c]') }, [3, 4]],
  });
});
