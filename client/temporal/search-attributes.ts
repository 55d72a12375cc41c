import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTE } from '../../contracts/names.ts';
import { filterValue } from '../../core/text/filter-value.ts';

/** A connection to Temporal, of its client or of a worker. */
type Services = {
  readonly operatorService: Pick<Connection['operatorService'], 'listSearchAttributes'>;
  readonly workflowService: Pick<Connection['workflowService'], 'countWorkflowExecutions'>;
};

const GRPC = { invalidArgument: 3, permissionDenied: 7, unimplemented: 12 } as const;

/**
 * The search attributes of sessions that the namespace lacks. Without them, workflow tasks of sessions fail. A server that does
 * not list them for this credential, as Temporal Cloud may not, is asked to count workflows by them. Rejects when the server does
 * not respond.
 */
export async function missingSearchAttributes(services: Services, namespace: string): Promise<string[]> {
  const names = Object.values(SEARCH_ATTRIBUTE);
  try {
    const { customAttributes } = await services.operatorService.listSearchAttributes({ namespace });
    return names.filter((name) => !(name in customAttributes));
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
  if (await canFilterBy(services, namespace, names)) return [];
  const found = await Promise.all(names.map((name) => canFilterBy(services, namespace, [name])));
  return names.filter((_, index) => found[index] !== true);
}

/** Whether the server does not offer a call, to anybody or to this credential. */
export function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === GRPC.permissionDenied || code === GRPC.unimplemented;
}

async function canFilterBy(services: Services, namespace: string, names: readonly string[]): Promise<boolean> {
  const query = names.map((name) => `${name} = ${filterValue('none')}`).join(' AND ');
  try {
    await services.workflowService.countWorkflowExecutions({ namespace, query });
    return true;
  } catch (error) {
    // The time-skipping test server counts nothing.
    if ((error as { code?: unknown }).code === GRPC.invalidArgument || isRefused(error)) return false;
    throw error;
  }
}

/** The command that creates search attributes: of Temporal Cloud by its address, else of Temporal's CLI. */
export function searchAttributeCommand(address: string, namespace: string, names: readonly string[]): string {
  const isCloud = /\.(?:tmprl\.cloud|api\.temporal\.io)(?::\d+)?$/.test(address);
  return isCloud
    ? `tcld namespace search-attributes add --namespace ${namespace} ${names.map((name) => `--search-attribute "${name}=Keyword"`).join(' ')}`
    : `temporal operator search-attribute create --namespace ${namespace} ${names.map((name) => `--name ${name} --type Keyword`).join(' ')}`;
}
