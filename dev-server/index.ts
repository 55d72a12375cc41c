/** Embedded mode: a local Temporal server, and the lock of the data folder. */
export { acquireDataLock, DataFolderInUseError, ownerOf, type DataLock, type OwnerState } from './data-lock.ts';
export type { EnvVars } from './find-program.ts';
export { provideTemporalBinary, type TemporalBinary } from './provide-temporal.ts';
export { startEmbedded, type Embedded, type EmbeddedOptions } from './start-embedded.ts';
export { startTemporalServer } from './start-temporal-server.ts';
export type { TemporalServer, TemporalServerEvent } from './temporal-server.ts';
