import { fileURLToPath } from 'node:url';

/** Whether a session is still served when its next message arrives. */
export type Temperature = (typeof TEMPERATURES)[number];

/** `hot`: it is, if it had a message lately, as the settings of a user have it. `cold`: it is not; each message starts anew. */
export const TEMPERATURES = ['hot', 'cold'] as const;

/** The settings of Perdure for a temperature. */
export const TEMPERATURE_ENV: Readonly<Record<Temperature, Readonly<Record<string, string>>>> = {
  hot: {},
  cold: { PERDURE_CONFIG: fileURLToPath(new URL('cold.yaml', import.meta.url)) },
};
