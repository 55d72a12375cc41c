/** Runs sessions in your own process, as an alternative to `perdure worker`. */
export {
  createWorker,
  type CreatedWorker,
  type HealthAddress,
  type WorkerOptions,
  type WorkerTemporal,
} from './create-worker.ts';
export { encryptionCodec, type EncryptionCodec, type EncryptionCodecOptions } from '../codec/encryption-codec.ts';
export type { RunningWorker } from './start-worker.ts';
export type { HostOptions } from '../hosting/host-options.ts';
export type { ModelOptions } from '../hosting/open-models.ts';
export type { ModelDirectory } from '../models/model-client.ts';
export type { Deployment } from '../contracts/deployment.ts';
