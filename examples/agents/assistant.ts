/** The agent that ships with Perdure. This folder lists it beside its own, so that it stays the default. */
export { assistant } from 'perdure/agents';
