import { z } from 'zod';

/** An authenticated and validated request. */
export interface Call<Query, Body> {
  readonly user: string;
  /** A path parameter, percent-decoded. */
  readonly param: (name: string) => string;
  readonly query: Query;
  /** The raw query parameters. */
  readonly rawQuery: URLSearchParams;
  readonly body: Body;
  readonly headers: Headers;
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
}

/** One kind of response, for the OpenAPI document. */
export interface ResponseSpec {
  readonly description: string;
  /** Schema of a JSON body. Absent for other media types, and without a body. */
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
}

interface RouteDefinition<Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** Schema of the query. Default: the query is ignored. */
  readonly query?: Query;
  /** Schema of the JSON body; an empty body is parsed as `{}`. Default: the body is not read. */
  readonly body?: Body;
  /** Maximum size of the body. Default `LIMITS.requestBytes`. */
  readonly bodyBytes?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly responses: Readonly<Record<number, ResponseSpec | readonly ResponseSpec[]>>;
  /** Whether it needs no authentication. Default false. */
  readonly open?: boolean;
  readonly handle: (call: Call<z.output<Query>, z.output<Body>>) => Promise<Response>;
}

/** An endpoint. The same schemas validate its requests and describe it in the OpenAPI document. */
export type Route = Omit<RouteDefinition<z.ZodType, z.ZodType>, 'handle'> & {
  readonly handle: (call: Call<never, never>) => Promise<Response>;
};

/** Declares a route; the types of its handler are inferred from the schemas. */
export function route<Query extends z.ZodType = z.ZodUnknown, Body extends z.ZodType = z.ZodUnknown>(
  definition: RouteDefinition<Query, Body>,
): Route {
  return definition;
}

/** Query parameters of a paginated list. */
export function pageQuery(max: number, defaultLimit = 50) {
  return {
    limit: z.coerce.number().int().min(1).max(max).default(defaultLimit),
    /** `nextCursor` of the previous page. */
    cursor: z.string().optional(),
  };
}

/** Schema of a page of a list. */
export function pageOf(schema: z.ZodType): z.ZodType {
  return z.object({ data: z.array(schema), nextCursor: z.string().nullable() });
}
