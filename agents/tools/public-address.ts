import ipaddr from 'ipaddr.js';

/** Azure's metadata address, which is in a public range. Those of other clouds are in private ranges. */
const METADATA = new Set(['168.63.129.16']);

/** The only range from which public IPv6 addresses are assigned. `::/96` (IPv4-compatible) and other retired ranges are outside. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];
/** Retired or for documentation, inside that range. */
const RETIRED: [ipaddr.IPv6, number][] = [
  [ipaddr.IPv6.parse('3ffe::'), 16],
  [ipaddr.IPv6.parse('3fff::'), 20],
];

/**
 * The reason to refuse an IP address that a model asked for, or undefined for a public address. Refused are private,
 * loopback, link-local, unique-local, shared (CGNAT), multicast, reserved, metadata and unspecified addresses, also
 * when mapped or embedded in IPv6 (`::ffff:`, `::/96`, NAT64, 6to4, Teredo).
 */
export function nonPublicReason(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return 'not an IP address';
  const ip = ipaddr.process(address);
  if (METADATA.has(ip.toString())) return 'metadata';
  // `unicast` is every address outside special ranges, so ranges added to the library later are refused too.
  const range: string = ip.range();
  if (range !== 'unicast') return range;
  return ip instanceof ipaddr.IPv6 && !isAssigned(ip) ? 'reserved' : undefined;
}

function isAssigned(ip: ipaddr.IPv6): boolean {
  return ip.match(GLOBAL_UNICAST) && !RETIRED.some((range) => ip.match(range));
}
