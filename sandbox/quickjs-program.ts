import {
  newQuickJSWASMModuleFromVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSRuntime,
} from 'quickjs-emscripten-core';
import { ComputeClock } from './compute-clock.ts';
import { PRELUDE, wrapProgram } from './prelude.ts';
import type { Program, ProgramLimits, SettleMessage, ThreadMessage } from './program.ts';
import { ProgramLogs } from './program-logs.ts';

const STACK_BYTES = 512 * 1024;

/** Why a program cannot go on, in words for its author. */
class ProgramFailure extends Error {}

/** What the prelude returns. */
interface Host {
  readonly settle: QuickJSHandle;
  readonly json: QuickJSHandle;
  readonly describe: QuickJSHandle;
}

/** One program in QuickJS. Sends its calls, and then how it ended. The memory is freed with the thread. */
export class QuickJsProgram {
  readonly #program: Program;
  readonly #limits: ProgramLimits;
  readonly #send: (message: ThreadMessage) => void;
  readonly #runtime: QuickJSRuntime;
  readonly #vm: QuickJSContext;
  readonly #clock: ComputeClock;
  readonly #logs: ProgramLogs;
  readonly #host: Host;
  #promise: QuickJSHandle | null = null;
  #openCalls = 0;
  #settledCalls = 0;
  #ended = false;

  private constructor(
    program: Program,
    limits: ProgramLimits,
    send: (message: ThreadMessage) => void,
    runtime: QuickJSRuntime,
  ) {
    this.#program = program;
    this.#limits = limits;
    this.#send = send;
    this.#runtime = runtime;
    this.#clock = new ComputeClock(limits.computeMs);
    this.#logs = new ProgramLogs(limits.logCharacters);
    runtime.setMemoryLimit(limits.memoryBytes);
    runtime.setMaxStackSize(STACK_BYTES);
    runtime.setInterruptHandler(() => this.#clock.isOver);
    this.#vm = runtime.newContext();
    this.#host = this.#prepare();
  }

  static async create(
    program: Program,
    limits: ProgramLimits,
    send: (message: ThreadMessage) => void,
  ): Promise<QuickJsProgram> {
    const quickJs = await newQuickJSWASMModuleFromVariant(import('@jitl/quickjs-wasmfile-release-sync'));
    return new QuickJsProgram(program, limits, send, quickJs.newRuntime());
  }

  start(): void {
    this.#guarded(() => {
      this.#promise = this.#run(() => this.#vm.evalCode(wrapProgram(this.#program.source), '<program>'));
      this.#proceed();
    });
  }

  /** Gives the program the outcome of a call, and runs it until it waits again or ends. */
  settle({ index, failed, text }: SettleMessage): void {
    this.#guarded(() => {
      this.#openCalls -= 1;
      this.#settledCalls += 1;
      const vm = this.#vm;
      const given = [vm.newNumber(index), failed ? vm.true : vm.false, vm.newString(text)];
      this.#run(() => vm.callFunction(this.#host.settle, vm.undefined, ...given));
      this.#proceed();
    });
  }

  #prepare(): Host {
    const vm = this.#vm;
    const sendCall = vm.newFunction('sendCall', (index, tool, json) =>
      vm.newString(this.#call(vm.getNumber(index), vm.getString(tool), vm.getString(json))),
    );
    const sendLog = vm.newFunction('sendLog', (line) => this.#logs.add(vm.getString(line)));
    const { tools, now, seed } = this.#program;
    const facts = [vm.newString(JSON.stringify(tools)), vm.newNumber(Date.parse(now)), vm.newNumber(seed)];
    const prelude = vm.unwrapResult(vm.evalCode(PRELUDE, '<prelude>'));
    const host = vm.unwrapResult(vm.callFunction(prelude, vm.undefined, sendCall, sendLog, ...facts));
    return {
      settle: vm.getProp(host, 'settle'),
      json: vm.getProp(host, 'json'),
      describe: vm.getProp(host, 'describe'),
    };
  }

  /** Sends a call. Returns why it is not made; an empty text if it is. */
  #call(index: number, tool: string, json: string): string {
    const { calls } = this.#limits;
    if (index > calls) return `A program can make ${calls} calls of tools.`;
    if (json.length > this.#limits.jsonCharacters) return this.#tooLarge('The arguments of the call', json);
    this.#openCalls += 1;
    this.#send({ kind: 'call', index, tool, json });
    return '';
  }

  /** Runs the program until it waits for its calls, or ends. */
  #proceed(): void {
    const promise = this.#promise;
    if (!promise) return;
    this.#run(() => this.#runtime.executePendingJobs());
    const state = this.#vm.getPromiseState(promise);
    if (state.type === 'rejected') throw new ProgramFailure(this.#textOf(this.#host.describe, state.error));
    if (state.type === 'fulfilled') {
      const json = this.#textOf(this.#host.json, state.value);
      if (json.length > this.#limits.jsonCharacters) throw new ProgramFailure(this.#tooLarge('The result', json));
      this.#end({ kind: 'completed', json, logs: this.#logs.lines });
    } else if (this.#openCalls === 0) {
      throw new ProgramFailure('The program waits for a promise that nothing settles.');
    } else {
      this.#send({ kind: 'waits', settled: this.#settledCalls });
    }
  }

  /** Runs code of the program. Throws what it throws, as a failure. */
  #run<T>(code: () => { readonly value: T } | { readonly error: QuickJSHandle }): T {
    const result = this.#clock.measure(code);
    if ('value' in result) return result.value;
    throw new ProgramFailure(this.#textOf(this.#host.describe, result.error));
  }

  #textOf(by: QuickJSHandle, value: QuickJSHandle): string {
    const vm = this.#vm;
    const text = this.#clock.measure(() => vm.callFunction(by, vm.undefined, value));
    if (text.error) throw new ProgramFailure('The program failed with an error that cannot be described.');
    return vm.getString(text.value);
  }

  #guarded(work: () => void): void {
    if (this.#ended) return;
    try {
      work();
    } catch (error) {
      const { computeMs } = this.#limits;
      const failure = this.#clock.isOver
        ? `The program computed for more than ${computeMs} ms.`
        : error instanceof ProgramFailure
          ? error.message
          : `The program could not be executed: ${String(error)}`;
      this.#end({ kind: 'failed', error: failure, logs: this.#logs.lines });
    }
  }

  #end(message: ThreadMessage): void {
    this.#ended = true;
    this.#send(message);
  }

  #tooLarge(what: string, json: string): string {
    return `${what} has ${json.length} characters as JSON; the limit is ${this.#limits.jsonCharacters}.`;
  }
}
