/** The tasks of the document process, by name. Loaded by path: see `document-process.ts`. */
export { prepareImport } from './prepare-import.ts';
export { unpackArchive } from './unpack-archive.ts';
