/** Perdure's HTTP interface in a process of yours, instead of `perdure gateway`. */
export { openGateway as createGateway, type GatewaySettings, type OpenGateway } from './open-gateway.ts';
export { serveGateway, type ServedGateway, type ServeOptions } from './serve-gateway.ts';
export type { HostOptions } from '../hosting/host-options.ts';
export type { Deployment } from '../contracts/deployment.ts';
