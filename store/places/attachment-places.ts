import { resolve } from 'node:path';
import type { AttachmentSettings } from '../../contracts/attachments/attachment-settings.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { AttachmentPlace, PlaceName } from './attachment-place.ts';
import { folderPlace } from './folder-place.ts';
import { s3Place } from './s3-place.ts';

/** The places outside the database that this process can read and write. */
export interface AttachmentPlaces {
  /** Where new contents go; null: to the database. */
  readonly current: AttachmentPlace | null;
  /** All that are configured. */
  readonly all: readonly AttachmentPlace[];
}

/** Opens the places of a deployment. Connects to none before it is used. */
export function attachmentPlaces({ store = 'database', folder, s3 }: AttachmentSettings = {}): AttachmentPlaces {
  const all = [
    ...(folder === undefined ? [] : [folderPlace(resolve(folder))]),
    ...(s3 === undefined ? [] : [s3Place(s3)]),
  ];
  return { all, current: all.find(({ name }) => name === store) ?? null };
}

/** The place of the name. Throws `store_unavailable` where it is not configured. */
export function placeOf(places: AttachmentPlaces | undefined, name: PlaceName): AttachmentPlace {
  const place = places?.all.find((one) => one.name === name);
  if (place !== undefined) return place;
  throw new PerdureError(
    'store_unavailable',
    `The content of an attachment is in the place "${name}", which is not configured here. Set attachments.${name} in the deployment file of every worker and gateway.`,
  );
}
