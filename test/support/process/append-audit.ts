// Appends entries to the audit trail until it is killed, or has appended as many as it is told: `node append-audit.ts URL ACTOR COUNT`.
import { appendAudit } from '../../../store/admin/audit/append-audit.ts';
import { openStore } from '../../../store/open-store.ts';

const [databaseUrl = '', actor = '', count = '0'] = process.argv.slice(2);
const db = await openStore({ databaseUrl });
console.log('open');
for (let n = 0; n < Number(count); n += 10) {
  // Ten at once, on as many connections.
  const entry = { actor, action: 'session.read', user: 'ada', sessionId: `s${n}`, runId: null } as const;
  await Promise.all(Array.from({ length: 10 }, () => appendAudit(db, entry)));
}
await db.close();
