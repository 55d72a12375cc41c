import { serveJobs } from '../jobs-process.ts';
import { observeSelf, type OwnLoad } from '../observe/own-load.ts';
import { firstTokens, receipts } from './answers.ts';
import { burst } from './burst.ts';
import { conversations } from './conversations.ts';
import { awaitContinuation, beginAnswer } from './interrupted.ts';
import { overload, saturate } from './overload.ts';
import { successiveTurns, turns } from './turns.ts';

// Runs as its own process: the people, who talk to a gateway over HTTP.

/** The jobs of a driver's process. */
export type DriverJobs = typeof jobs;

const own = observeSelf();

const jobs = {
  turns,
  successiveTurns,
  firstTokens,
  receipts,
  conversations,
  burst,
  overload,
  saturate,
  beginAnswer,
  awaitContinuation,
  /** The load of this process since the job before. */
  load: async (): Promise<OwnLoad> => own.sinceLast(),
};

serveJobs(jobs);
