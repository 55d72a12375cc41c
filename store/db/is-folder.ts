/** Whether the path of an embedded database is a folder, not `memory://`. */
export function isFolder(path: string): boolean {
  return !path.includes('://');
}
