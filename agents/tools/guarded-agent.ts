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
}

/**
 * An HTTP agent that connects to public addresses only. A name is resolved once for each connection, and the agent
 * connects to the addresses that were checked: DNS rebinding has no effect. An address written in a URL is never
 * resolved; {@link checkHost} checks it.
 */
export function guardedAgent(options: GuardOptions): Agent {
  const lookup = options.lookup ?? ((hostname: string) => resolve(hostname, { all: true }));
  const guardedLookup = async (hostname: string): Promise<LookupAddress[]> => {
    const addresses = await lookup(hostname);
    if (addresses.length === 0) throw new Error(`The host ${hostname} has no address.`);
    // One private address refuses the host: any of the addresses may be the one that is connected to.
    for (const { address } of addresses) checkAddress(hostname, address, options);
    return [...addresses];
  };
  const onResolved = callbackify(guardedLookup);
  const connectLookup: LookupFunction = (hostname, { all }, callback) =>
    onResolved(hostname, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined || all === true) callback(error, addresses);
      else callback(null, first.address, first.family);
    });
  return new Agent({ connect: { lookup: connectLookup }, connections: 1, pipelining: 1 });
}

/** Checks the host of a URL if it is an address. The URL parser has normalised decimal, octal and hexadecimal forms. */
export function checkHost(url: URL, options: GuardOptions): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0) checkAddress(host, host, options);
}

function checkAddress(hostname: string, address: string, { allow }: GuardOptions): void {
  const refusal = nonPublicReason(address);
  if (refusal === undefined || allow?.(hostname, address) === true) return;
  throw new ToolError(
    `The host ${hostname} is refused: its address is not a public one (${refusal}). Use a public address.`,
  );
}
