import { Option, type Command } from 'commander';
import { ruleScopeSchema } from '../contracts/approvals/approval-decision.ts';
import { inboxKindSchema, inboxStatusSchema } from '../contracts/session/inbox-item.ts';
import type { CreateDeps, OwnerOption } from './shared/command-deps.ts';
import { parseWhole } from './shared/parse-number.ts';
import { addUserScope, toUserScope } from './shared/user-scope-options.ts';

/** Adds the option with which operators, and members of a group, name the owner of the session. */
function addItemOwner(command: Command): Command {
  return command.option('--of <user>', 'in a session of another user (recorded in the audit trail)');
}

/** Adds the commands for what runs wait for. Each imports its code when it runs. */
export function addInboxCommands(program: Command, deps: CreateDeps): void {
  addUserScope(program.command('inbox'))
    .description('list approvals and client calls that wait for an answer, the oldest first')
    .addOption(new Option('--kind <kind>', 'only these').choices(inboxKindSchema.options))
    .addOption(
      new Option('--status <status>', 'those with this status')
        .choices([...inboxStatusSchema.options, 'all'])
        .default('pending'),
    )
    .option('--session <id>', 'only those of this session')
    .addOption(new Option('--limit <n>', 'maximum number of results').argParser(parseWhole))
    .option('--cursor <cursor>', 'show the next page, as printed below the previous one')
    .action(async (options) => (await import('./inbox/list-inbox.ts')).inbox(deps(), toUserScope(options)));
  addItemOwner(program.command('approve <item>'))
    .description('approve a tool call, as it is or with other arguments')
    .option('--arguments <json>', 'call the tool with these arguments')
    .option('--edit', 'change the arguments in your editor (VISUAL or EDITOR)')
    .addOption(
      new Option(
        '--remember <scope>',
        'approve later calls of the tool, too: in this session, or in all of its user',
      ).choices(ruleScopeSchema.options),
    )
    .option('--reason <text>', 'reason, kept with the decision')
    .action(async (item: string, { of, ...options }) =>
      (await import('./inbox/answer-item.ts')).approve(deps({ of }), item, options),
    );
  addItemOwner(program.command('reject <item>'))
    .description('reject a tool call')
    .option('--reason <text>', 'reason, which the model is given')
    .action(async (item: string, { of, ...options }: OwnerOption & { reason?: string }) =>
      (await import('./inbox/answer-item.ts')).reject(deps({ of }), item, options),
    );
  addItemOwner(program.command('answer <item> [text]'))
    .description('answer a question of an agent, or hand in the result of a client call')
    .option('--result <json>', 'the result as JSON')
    .option('--error <text>', 'why the call failed, which the model is given')
    .option('--decline', 'refuse to answer')
    .option('--cancel', 'close the question without an answer')
    .action(async (item: string, text: string | undefined, { of, ...options }) =>
      (await import('./inbox/answer-item.ts')).answerCall(deps({ of }), item, text, options),
    );
  const rules = program.command('rules').description('list the approvals that are remembered; take them back');
  addItemOwner(rules.command('list', { isDefault: true }))
    .description('list the approvals that are remembered')
    .action(async (owner: OwnerOption) => (await import('./inbox/approval-rules.ts')).listRules(deps(owner)));
  addItemOwner(rules.command('remove <rule>'))
    .description('take back a remembered approval')
    .action(async (rule: string, owner: OwnerOption) =>
      (await import('./inbox/approval-rules.ts')).removeRule(deps(owner), rule),
    );
}
