import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { assetPath } from '../assets/package-files.ts';
import { defineAgent, type AgentOptions } from './define-agent.ts';

/** The built-in template, used when a folder contains no agents. */
export const DEFAULT_TEMPLATE = assetPath('agents/templates/assistant.yaml');

/** The built-in agent `assistant`. To extend it: `defineAgent({ ...assistant.spec, name: 'mine' })`. */
export const assistant = defineAgent(parse(readFileSync(DEFAULT_TEMPLATE, 'utf8')) as AgentOptions);
