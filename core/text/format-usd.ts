/** Below this amount, six decimals would drop significant digits. */
const SMALL_USD = 0.0001;

/**
 * An amount in US dollars for people, with two to six decimals: `$0.00`, `$0.0123`, `$12.30`, `$1,234.50`. Amounts
 * below $0.0001 keep up to four significant digits, so that a cost is never shown as zero.
 */
export function formatUsd(usd: number): string {
  const small = usd !== 0 && Math.abs(usd) < SMALL_USD;
  return `$${usd.toLocaleString('en', small ? { maximumSignificantDigits: 4 } : { minimumFractionDigits: 2, maximumFractionDigits: 6 })}`;
}
