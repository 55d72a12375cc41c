import ipaddr from 'ipaddr.js';

/** Public by range, but served to its own machines only: Azure's platform address. Others' metadata lies in private ranges. */
const METADATA = new Set(['168.63.129.16']);

/**
 * Why an IP address must not be connected to on behalf of a model, or undefined for a public one. Refused:
 * private, loopback, link-local, unique-local, shared (CGNAT), multicast, reserved, metadata and unspecified
 * addresses, also when mapped or embedded in IPv6 (`::ffff:`, NAT64, 6to4, Teredo).
 */
export function refusalOf(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return 'not an IP address';
  const ip = ipaddr.process(address);
  if (METADATA.has(ip.toString())) return 'metadata';
  // `unicast` is what no special range claims, so a range that the library learns later is refused too.
  const range: string = ip.range();
  return range === 'unicast' ? undefined : range;
}
