/** Perdure's HTTP interface in your own process, as an alternative to `perdure gateway`. */
export { openGateway as createGateway, type GatewaySettings } from './open-gateway.ts';
export type { OpenGateway } from './create-connected-gateway.ts';
export { serveGateway, type ServedGateway, type ServeOptions } from './serve-gateway.ts';
export type { HostOptions } from '../hosting/host-options.ts';
export type { Deployment } from '../contracts/deployment.ts';
