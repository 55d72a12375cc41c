import { PerdureError } from '../../contracts/errors.ts';
import { closestName } from '../../core/text/closest-name.ts';
import { quoteValue } from '../../core/text/quote-value.ts';
import { fieldNames } from '../../core/text/schema-fields.ts';
import type { Route } from './route.ts';

type QueryRoute = Pick<Route, 'query' | 'queryPrefix' | 'operators' | 'access'>;

/**
 * Throws `invalid_request` for a query parameter that the route does not have, or that is given twice: a mistyped filter would
 * be a wider answer, and a mistyped `archive` of a DELETE another act. Open routes take any query, as probes send.
 */
export function checkQuery(route: QueryRoute, query: URLSearchParams): void {
  if (route.access === 'open') return;
  const known = parametersOf(route);
  const seen = new Set<string>();
  for (const name of query.keys()) {
    if (!known.includes(name) && !hasPrefix(name, route.queryPrefix)) throw unknownParameter(name, route, known);
    if (seen.has(name)) {
      throw new PerdureError(
        'invalid_request',
        `The query parameter ${quoteValue(name)} is given twice. Send it once.`,
      );
    }
    seen.add(name);
  }
}

function parametersOf({ query, operators }: QueryRoute): string[] {
  const declared = query === undefined ? [] : fieldNames(query, []);
  return operators === undefined || declared.includes('user') ? [...declared] : [...declared, 'user'];
}

function hasPrefix(name: string, prefix: string | undefined): boolean {
  return prefix !== undefined && name.startsWith(prefix);
}

function unknownParameter(name: string, { queryPrefix }: QueryRoute, known: readonly string[]): PerdureError {
  const closest = closestName(name, known);
  const suggestion = closest === undefined ? '' : ` Did you mean "${closest}"?`;
  const all = queryPrefix === undefined ? known : [...known, `${queryPrefix}NAME`];
  const remedy = all.length === 0 ? 'This endpoint has none.' : `Known parameters: ${all.join(', ')}.`;
  return new PerdureError(
    'invalid_request',
    `There is no query parameter ${quoteValue(name)} here.${suggestion} ${remedy}`,
  );
}
