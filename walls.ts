/**
 * Which folders may import which: the table that lint enforces (`oxlint.config.ts`) and that ARCHITECTURE.md shows.
 *
 * A folder is governed by its own row, else by the row of the nearest folder above it. It may import its own row's
 * files and those that the row names: `core/text` is that folder and the folders below it that have no row of their
 * own; `core/**` is everything below `core`.
 */
export const WALLS: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  core: ['contracts'],

  workflows: ['contracts', 'core', 'activities/shared'],

  activities: ['activities/**', 'contracts', 'core', 'agents', 'models', 'store', 'live', 'telemetry'],
  'activities/shared': ['contracts', 'core', 'agents', 'models', 'store/**', 'live', 'telemetry'],
  'activities/observe': ['activities/shared', 'contracts', 'core', 'agents', 'models', 'store/**', 'live', 'telemetry'],
  'activities/tools': ['activities/shared', 'contracts', 'core', 'agents', 'store/**', 'live', 'telemetry'],
  'activities/run': [
    'activities/shared',
    'activities/tools',
    'contracts',
    'core',
    'agents',
    'models',
    'store/**',
    'live',
    'telemetry',
  ],
  'activities/session': [
    'activities/shared',
    'activities/tools',
    'activities/run',
    'contracts',
    'core',
    'store/**',
    'live',
    'telemetry',
  ],
  'activities/sweep': [
    'activities/shared',
    'activities/tools',
    'activities/run',
    'activities/session',
    'contracts',
    'core',
    'store/**',
    'live',
    'telemetry',
  ],

  worker: ['activities/**', 'agents', 'contracts', 'store/**', 'telemetry'],

  agents: ['contracts', 'core/text'],

  models: ['contracts', 'core'],
  'models/openai': ['models', 'contracts', 'core'],
  'models/scripted': ['models', 'contracts', 'core'],
  'models/directory': ['models', 'models/openai', 'models/scripted', 'contracts', 'core'],

  store: ['store/db', 'contracts', 'core'],
  'store/db': ['contracts', 'core'],
  'store/log': ['store/db', 'contracts', 'core'],
  'store/budgets': ['store/db', 'store/log', 'contracts', 'core'],
  'store/runs': ['store/db', 'store/log', 'store/budgets', 'contracts', 'core'],
  'store/sessions': ['store/db', 'store/log', 'store/budgets', 'store/runs', 'contracts', 'core'],
  'store/admission': ['store/db', 'store/log', 'store/budgets', 'store/runs', 'store/sessions', 'contracts', 'core'],
  'store/read': ['store/db', 'store/log', 'store/runs', 'contracts', 'core'],
  'store/admin': ['store/**', 'contracts', 'core'],

  live: ['contracts', 'core'],
  telemetry: ['contracts', 'core'],

  client: ['client/temporal', 'client/http', 'contracts', 'core/text'],
  'client/temporal': ['contracts', 'core/text'],
  'client/http': ['contracts', 'core/text'],

  gateway: ['gateway/**', 'client/temporal', 'store/**', 'live', 'core', 'contracts', 'telemetry'],
  'gateway/http': ['contracts', 'core', 'telemetry'],
  'gateway/feed': ['store/**', 'live', 'contracts', 'core'],
  'gateway/answers': [
    'gateway/http',
    'gateway/feed',
    'client/temporal',
    'store/**',
    'live',
    'core',
    'contracts',
    'telemetry',
  ],
  'gateway/routes': [
    'gateway/http',
    'gateway/feed',
    'gateway/answers',
    'client/temporal',
    'store/**',
    'live',
    'core',
    'contracts',
    'telemetry',
  ],

  'dev-server': ['contracts', 'core/text'],

  cli: ['cli/**', 'client/**', 'contracts', 'core/text'],
  'cli/shared': ['client/**', 'contracts', 'core/text'],
  'cli/render': ['cli/shared', 'client/**', 'contracts', 'core/text'],
  'cli/look': ['cli/shared', 'cli/render', 'client/**', 'contracts', 'core/text'],
  'cli/talk': ['cli/shared', 'cli/render', 'cli/look', 'client/**', 'contracts', 'core/text'],
  'cli/act': ['cli/shared', 'cli/render', 'cli/look', 'client/**', 'contracts', 'core/text'],
  'cli/doctor': [
    'cli/shared',
    'cli/render',
    'cli/look',
    'cli/services',
    'client/**',
    'agents',
    'models/**',
    'contracts',
    'core/text',
  ],
  'cli/init': ['cli/shared', 'contracts'],
  'cli/services': [
    'cli/shared',
    'cli/render',
    'client/**',
    'contracts',
    'core',
    'agents',
    'models/**',
    'store',
    'store/db',
    'live',
    'telemetry',
    'worker',
    'gateway',
    'dev-server',
  ],
};
