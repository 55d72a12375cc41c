import { readFileSync } from 'node:fs';
import {
  connect,
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { CertificateFiles } from './certificates.ts';

/** What a proxy has received. */
export interface ProxiedCall {
  /** Such as `/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace`. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** The header `temporal-namespace`. */
  readonly namespace: string | undefined;
  /** The header `tenant`, for tests of headers that a user adds. */
  readonly tenant: string | undefined;
}

export interface GrpcProxyOptions {
  /** Serves TLS, and accepts only clients with a certificate of `clientAuthority`. Default: no TLS. */
  readonly tls?: CertificateFiles & { readonly clientAuthority: string };
  /** Whether to refuse a call with PERMISSION_DENIED instead of passing it on. Default: none. */
  readonly refuses?: (path: string) => boolean;
  /** The message with which a call fails as UNAVAILABLE instead of being passed on; null for none. Default: none. */
  readonly failsWith?: (path: string) => string | null;
}

/** A proxy in front of a Temporal server. */
export interface GrpcProxy {
  /** `host:port`. */
  readonly address: string;
  readonly port: number;
  readonly calls: readonly ProxiedCall[];
}

/** gRPC's PERMISSION_DENIED, as a response without a body. */
const DENIED = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-status': '7',
  'grpc-message': 'Request unauthorized.',
};

/** Starts a proxy that passes gRPC calls on to `target`, `host:port`. The end of the test closes it. */
export async function startGrpcProxy(
  target: string,
  { tls, refuses, failsWith }: GrpcProxyOptions = {},
): Promise<GrpcProxy> {
  const upstream = connect(`http://${target}`);
  upstream.on('error', () => undefined);
  const calls: ProxiedCall[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = (tls === undefined ? createServer() : createSecureServer(tlsOptions(tls))) as Http2Server;
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined).once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    const path = headers[':path'] ?? '';
    calls.push({
      path,
      authorization: headers.authorization,
      namespace: headers['temporal-namespace'] as string | undefined,
      tenant: headers['tenant'] as string | undefined,
    });
    stream.on('error', () => undefined);
    const failure = failsWith?.(path) ?? null;
    if (refuses?.(path) === true) stream.respond(DENIED, { endStream: true });
    else if (failure !== null)
      stream.respond({ ...DENIED, 'grpc-status': '14', 'grpc-message': failure }, { endStream: true });
    else passOn(stream, headers, upstream);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const session of sessions) session.destroy();
    upstream.destroy();
    await new Promise((resolve) => void server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, port, calls };
}

function tlsOptions({ cert, key, clientAuthority }: NonNullable<GrpcProxyOptions['tls']>) {
  const [certificate, privateKey, ca] = [cert, key, clientAuthority].map((file) => readFileSync(file));
  return { cert: certificate, key: privateKey, ca, requestCert: true, rejectUnauthorized: true };
}

function passOn(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, upstream: ReturnType<typeof connect>): void {
  const call = upstream.request({ ...headers, ':scheme': 'http', ':authority': 'temporal' });
  let trailers: IncomingHttpHeaders = {};
  call.on('error', () => stream.close());
  call.on('response', (response, flags) => {
    // The flag END_STREAM: a response of trailers only.
    if ((flags & 1) !== 0) stream.respond(response, { endStream: true });
    else stream.respond(response, { waitForTrailers: true });
  });
  call.on('trailers', (received) => void (trailers = received));
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  // A client that cancels.
  stream.once('aborted', () => call.close());
  stream.pipe(call);
  call.pipe(stream);
}
