import { z } from 'zod';

/**
 * What a credential permits. `user`: to use one user's own data. `service`: the same for the user whom each request names in
 * `Perdure-User`. `operator`: everything, for all users. `reader`: to read what operators read, and to change nothing.
 */
export const roleSchema = z.enum(['user', 'service', 'operator', 'reader']);
export type Role = z.infer<typeof roleSchema>;
