import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { assetPath } from '../assets/package-files.ts';
import { defineAgent, type AgentOptions } from './define-agent.ts';

/** The template that ships with Perdure; used where a folder holds no agents. */
export const DEFAULT_TEMPLATE = assetPath('agents/templates/assistant.yaml');

/** The agent `assistant` that ships with Perdure, to list or to build on: `defineAgent({ ...assistant.spec, name: 'mine' })`. */
export const assistant = defineAgent(parse(readFileSync(DEFAULT_TEMPLATE, 'utf8')) as AgentOptions);
