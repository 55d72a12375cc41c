import type { LookupAddress } from 'node:dns';
import { lookup as resolve } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { Agent } from 'undici';
import { ToolError } from '../define-tool.ts';
import { nonPublicReason } from './public-address.ts';

export interface GuardOptions {
  /** Resolves a host name to all of its addresses. Default: the system's resolver. */
  readonly lookup?: (hostname: string) => Promise<readonly LookupAddress[]>;
  /** Allows a connection to an address that is not public, for tests and for deployments that serve their own pages. Default: never. */
  readonly allow?: (hostname: string, address: string) => boolean;
  /** Connections to one origin. Default 1. */
  readonly connections?: number;
  /** How long a response may take to begin. Default 300,000 ms. */
  readonly headersTimeoutMs?: number;
  /** The longest pause within a response; 0 for any. Default 300,000 ms. */
  readonly bodyTimeoutMs?: number;
  /** What to do about a host without a public address. */
  readonly remedy?: string;
}

/**
 * An HTTP agent that connects to public addresses only. A name is resolved once for each connection, and the agent
 * connects to the addresses that were checked: DNS rebinding has no effect. An address written in a URL is never
 * resolved; {@link checkHost} checks it.
 */
export function guardedAgent(options: GuardOptions): Agent {
  const lookup = options.lookup ?? ((hostname: string) => resolve(hostname, { all: true }));
  const guardedLookup = async (hostname: string): Promise<LookupAddress[]> => {
    const addresses = await lookup(hostname).catch((error: unknown) => {
      if (isUnknownName(error)) return [];
      throw error;
    });
    // One private address refuses the host: any of the addresses may be the one that is connected to. The message is that
    // of a name without addresses, so that a model cannot find out which internal names exist.
    const isInternal = addresses.some(({ address }) => refusalOf(hostname, address, options) !== undefined);
    if (isInternal || addresses.length === 0) {
      const message = `The host ${hostname} has no public address. ${options.remedy ?? 'Use the host of a public page.'}`;
      throw new ToolError(message, { retryable: !isInternal });
    }
    return [...addresses];
  };
  const onResolved = callbackify(guardedLookup);
  const connectLookup: LookupFunction = (hostname, { all }, callback) =>
    onResolved(hostname, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined || all === true) callback(error, addresses);
      else callback(null, first.address, first.family);
    });
  const { connections = 1, headersTimeoutMs: headersTimeout, bodyTimeoutMs: bodyTimeout } = options;
  return new Agent({
    connect: { lookup: connectLookup },
    connections,
    pipelining: 1,
    ...(headersTimeout === undefined ? {} : { headersTimeout }),
    ...(bodyTimeout === undefined ? {} : { bodyTimeout }),
  });
}

/** Checks the host of a URL if it is an address. The URL parser has normalised decimal, octal and hexadecimal forms. */
export function checkHost(url: URL, options: GuardOptions): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const refusal = isIP(host) === 0 ? undefined : refusalOf(host, host, options);
  if (refusal === undefined) return;
  throw new ToolError(
    `The host ${host} is refused: its address is not a public one (${refusal}). Use a public address.`,
  );
}

function refusalOf(hostname: string, address: string, { allow }: GuardOptions): string | undefined {
  const reason = nonPublicReason(address);
  return reason === undefined || allow?.(hostname, address) === true ? undefined : reason;
}

function isUnknownName(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'ENODATA');
}
