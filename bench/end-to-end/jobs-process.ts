import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A message to the child: a job with its name and input. */
interface JobRequest {
  readonly id: number;
  readonly job: string;
  readonly input: unknown;
}

/** A message from the child: a mark within a job, or its end. */
type JobReply =
  | { readonly id: number; readonly mark: string }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** The jobs of a child process, by name. `mark` reports a moment of the job to the parent, without waiting for it. */
export type Jobs = Readonly<Record<string, (input: never, mark: (name: string) => void) => Promise<unknown>>>;

/** A child process that runs jobs. */
export interface JobsProcess<All extends Jobs> {
  readonly pid: number;
  /** Runs a job and resolves with its result. `onMark` is called at each of its marks. */
  run<Name extends keyof All & string>(
    job: Name,
    input: Parameters<All[Name]>[0],
    onMark?: (name: string) => void,
  ): Promise<Awaited<ReturnType<All[Name]>>>;
  /** Ends the process; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a module that calls {@link serveJobs}. */
export function startJobs<All extends Jobs>(module: URL): JobsProcess<All> {
  // Without the options of the parent, which may be a test runner's.
  const child = fork(module, { execArgv: [] });
  let last = 0;
  return {
    pid: child.pid ?? 0,
    run: (job, input, onMark = () => {}) => runJob(child, { id: (last += 1), job, input }, onMark) as never,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

function runJob(child: ChildProcess, request: JobRequest, onMark: (name: string) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => {
      end();
      reject(new Error(`The process of the job ${request.job} ended with ${code}.`));
    };
    const onMessage = (reply: JobReply) => {
      if (reply.id !== request.id) return;
      if ('mark' in reply) return onMark(reply.mark);
      end();
      if ('error' in reply) reject(new Error(reply.error));
      else resolve(reply.result);
    };
    const end = () => void child.off('message', onMessage).off('exit', onExit);
    child.on('message', onMessage).once('exit', onExit);
    child.send(request);
  });
}

/** Runs the jobs that the parent requests, until it disconnects; then `stop`, if given, and exits. */
export function serveJobs(jobs: Jobs, stop: () => Promise<void> = async () => {}): void {
  process.on('message', ({ id, job, input }: JobRequest) => {
    const work = jobs[job];
    if (!work) return send({ id, error: `There is no job ${job}.` });
    work(input as never, (mark) => send({ id, mark })).then(
      (result) => send({ id, result }),
      (error: Error) => send({ id, error: error.stack ?? error.message }),
    );
  });
  process.once('disconnect', () => void stop().finally(() => process.exit()));
}

function send(reply: JobReply): void {
  // A parent that has gone needs no reply; without a callback the failure would be thrown.
  process.send?.(reply, () => {});
}
