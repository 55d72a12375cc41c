import type { EndToEndSetting } from '../end-to-end-benchmark.ts';
import { startEmbeddedPerdure } from './perdure-embedded.ts';
import { startServedPerdure } from './perdure-served.ts';
import type { PerdureOptions, PerdureSystem } from './perdure-system.ts';

/** Starts Perdure in the topology of the setting. */
export function startPerdure(setting: EndToEndSetting, options: PerdureOptions): Promise<PerdureSystem> {
  return setting.topology === 'embedded' ? startEmbeddedPerdure(options) : startServedPerdure(setting, options);
}
