import { z } from 'zod';

/** A request that was authenticated and validated. */
export interface Call<Query, Body> {
  readonly user: string;
  /** Parts of the path, percent-decoded. */
  readonly param: (name: string) => string;
  readonly query: Query;
  /** Every parameter of the query as it came. */
  readonly rawQuery: URLSearchParams;
  readonly body: Body;
  readonly headers: Headers;
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal;
}

/** One kind of answer, for the OpenAPI document. */
export interface Answer {
  readonly description: string;
  /** Its JSON; none for other media types and for no body. */
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
}

interface RouteDefinition<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** Default: none are read. */
  readonly query?: Query;
  /** The JSON body; an empty one is read as `{}`. Default: none is read. */
  readonly body?: Body;
  /** The most that the body may take. Default `LIMITS.requestBytes`. */
  readonly bodyBytes?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<number, Answer | readonly Answer[]>>;
  /** Whether anyone may call it. Default false. */
  readonly open?: boolean;
  readonly handle: (call: Call<z.output<Query>, z.output<Body>>) => Promise<Response>;
}

/** A call of the HTTP contract: validated by the schemas that also describe it. */
export type Route = Omit<RouteDefinition<z.ZodType, z.ZodType>, 'handle'> & {
  readonly handle: (call: Call<never, never>) => Promise<Response>;
};

/** Declares a route; the handler's types follow from its schemas. */
export function route<Query extends z.ZodType = z.ZodUnknown, Body extends z.ZodType = z.ZodUnknown>(
  definition: RouteDefinition<Query, Body>,
): Route {
  return definition;
}

/** How a page of a list is asked for. */
export function pageQuery(most: number, usual = 50) {
  return {
    limit: z.coerce.number().int().min(1).max(most).default(usual),
    /** `nextCursor` of the page before. */
    cursor: z.string().optional(),
  };
}

/** A page of a list. */
export function pageOf(schema: z.ZodType): z.ZodType {
  return z.object({ data: z.array(schema), nextCursor: z.string().nullable() });
}
