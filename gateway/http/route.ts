import { z } from 'zod';
import type { AuditAction } from '../../contracts/admin/audit.ts';
import type { Access } from './access.ts';
import type { Caller } from './caller.ts';
import type { BodyPiecesOptions, ReadBodyOptions } from './read-body.ts';

/** The highest number of an event: the store's integers have 32 bits. */
const MAX_SEQ = 2 ** 31 - 1;

/** Characters of a cursor. */
const MAX_CURSOR = 2_000;

/** An authenticated and validated request. */
export interface Call<Query, Body> {
  /** The owner of what the request concerns: the caller, or the user for whom an operator acts. */
  readonly user: string;
  /** Who sent the request. */
  readonly caller: Caller;
  /** A path parameter, percent-decoded. */
  readonly param: (name: string) => string;
  readonly query: Query;
  /** The raw query parameters. */
  readonly rawQuery: URLSearchParams;
  readonly body: Body;
  readonly headers: Headers;
  /** Reads the body, for a route with `readsBody`. Call it once. */
  readonly readBody: (bounds: Omit<ReadBodyOptions, 'budget' | 'incoming'>) => Promise<Uint8Array<ArrayBuffer>>;
  /** Reads the body piece by piece, whatever its content type, for a route with `rawBody`. Call it once. */
  readonly bodyPieces: (bounds: Omit<BodyPiecesOptions, 'incoming'>) => AsyncIterable<Uint8Array>;
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
  /** Breaks the caller's connection, if the gateway serves it itself. */
  readonly disconnect: () => void;
  /** Calls the listener when the caller's credential expires or is revoked, which ends streams. Returns the function that ends that. */
  readonly onCredentialEnd: OnCredentialEnd;
}

export type OnCredentialEnd = (listener: () => void) => () => void;

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
  /** Who may use it. */
  readonly access: Access;
  /** For `operate` and `inspect`: completes "Only an operator may …". Default: `use METHOD PATH`. */
  readonly reserved?: string;
  /** Schema of the query. Default: the route has no parameters. Others than the declared ones are refused, except on open routes. */
  readonly query?: Query;
  /** Parameters whose names begin with it belong to the route, too; it reads them from `rawQuery`. */
  readonly queryPrefix?: string;
  /** Schema of the JSON body; an empty body is parsed as `{}`. Default: the body is not read. */
  readonly body?: Body;
  /** Maximum size of the body. Default `LIMITS.smallRequestBytes`. */
  readonly bodyBytes?: number;
  /** Whether the handler reads the body itself; `body` then only describes it in the OpenAPI document. Default false. */
  readonly readsBody?: boolean;
  /** Describes a body that is no JSON, which the handler reads as `bodyPieces`. */
  readonly rawBody?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Operators may use it for another user's session, with `?user=`. Default: only its owner may. */
  readonly operators?: { readonly action: AuditAction; readonly what: string; readonly act?: string };
  readonly responses: Readonly<Record<number, ResponseSpec | readonly ResponseSpec[]>>;
  /** The kind of stream that it sends, whose id is the path's only parameter. A stream token may authenticate it. */
  readonly streams?: 'session' | 'run';
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

/** A query parameter that is the number of an event, or 0. */
export const seqQuery = z.coerce.number().int().min(0).max(MAX_SEQ);

/** A query parameter that is the `nextCursor` of a page. */
export const cursorQuery = z
  .string()
  .regex(/^[\w-]*$/, 'must be the nextCursor of the previous page')
  .max(MAX_CURSOR);

/** Query parameters of a paginated list. */
export function pageQuery(max: number, defaultLimit = 50) {
  return {
    limit: z.coerce.number().int().min(1).max(max).default(defaultLimit),
    /** `nextCursor` of the previous page. */
    cursor: cursorQuery.optional(),
  };
}

/** Schema of a page of a list. */
export function pageOf(schema: z.ZodType): z.ZodObject {
  return z.object({ data: z.array(schema), nextCursor: z.string().nullable() });
}
