import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { EXIT } from '../../cli/shared/exit-codes.ts';
import { CATALOGUE } from '../../telemetry/catalogue.ts';
import { read, ROOT, section, tableNames } from '../docs/documents.ts';
import { cannotRunHere } from '../support/cannot-run-here.ts';
import { KUBERNETES_VALIDATE, pythonWithPackage } from '../support/python/python-package.ts';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly envFrom: readonly unknown[];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
}
interface Job {
  readonly spec: {
    readonly podFailurePolicy: { readonly rules: readonly unknown[] };
    readonly template: {
      readonly spec: {
        readonly containers: readonly [Container];
        readonly securityContext: unknown;
        readonly serviceAccountName: string;
        readonly automountServiceAccountToken: boolean;
      };
    };
  };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly scaleTargetRef?: { readonly name: string };
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}

const BEFORE_DEPLOY = 'deploy/kubernetes/before-deploy';
const FOLDERS = ['deploy/kubernetes', BEFORE_DEPLOY];

function kustomizationOf(folder: string): { readonly resources: string[]; readonly images: { newTag: string }[] } {
  return parse(read(`${folder}/kustomization.yaml`)) as ReturnType<typeof kustomizationOf>;
}

function manifestsOf(folder: string): Manifest[] {
  return kustomizationOf(folder).resources.flatMap((file) =>
    parseAllDocuments(read(`${folder}/${file}`)).map((document) => document.toJS() as Manifest),
  );
}

const manifests = manifestsOf('deploy/kubernetes');
const deployments = manifests.flatMap(({ kind, metadata, spec }) =>
  kind === 'Deployment' && spec?.template !== undefined ? [{ name: metadata.name, template: spec.template }] : [],
);
const containers = deployments.flatMap(({ template }) => template.spec.containers);

test(
  'every file is a resource, and its manifests have the schema of Kubernetes',
  { timeout: 400_000 },
  async ({ skip }) => {
    for (const folder of FOLDERS) {
      const entries = await readdir(join(ROOT, folder), { withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      const { resources } = kustomizationOf(folder);
      expect(files.filter((name) => name !== 'kustomization.yaml').toSorted()).toEqual(resources.toSorted());
    }
    const python = await pythonWithPackage(KUBERNETES_VALIDATE);
    if ('unavailable' in python) return cannotRunHere(skip, python.unavailable);
    const validate = join(dirname(python.path), 'kubernetes-validate');
    for (const version of ['1.29', '1.37']) {
      for (const folder of FOLDERS) {
        const { stdout } = await promisify(execFile)(
          validate,
          ['--strict', '--kubernetes-version', version, ...kustomizationOf(folder).resources],
          { cwd: join(ROOT, folder) },
        );
        expect(stdout.match(/ passed for resource /g)).toHaveLength(manifestsOf(folder).length);
      }
    }
  },
);

test('the job before a deploy runs check-histories as the workers run, and is not repeated for a history that differs', () => {
  const [job] = manifestsOf(BEFORE_DEPLOY) as unknown as readonly [Job];
  const [check] = job.spec.template.spec.containers;
  const [worker] = containers.filter(({ args }) => args[0] === 'worker');
  expect(check.args[0]).toBe('check-histories');
  expect(check.envFrom).toEqual(worker?.envFrom);
  expect(check.image).toBe(worker?.image);
  expect(job.spec.podFailurePolicy.rules).toEqual([
    { action: 'FailJob', onExitCodes: { containerName: check.name, operator: 'In', values: [EXIT.failed] } },
  ]);
  const { spec } = manifests.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'perdure-worker',
  ) as unknown as Job;
  for (const name of ['securityContext', 'serviceAccountName', 'automountServiceAccountToken'] as const)
    expect(job.spec.template.spec[name]).toEqual(spec.template.spec[name]);
});

test('workers and gateways have probes at a port that they listen on, and liveness depends on the process alone', () => {
  expect(containers.map(({ args }) => args)).toEqual([['worker'], ['gateway']]);
  for (const { env, ports, startupProbe, readinessProbe, livenessProbe } of containers) {
    const [port] = ports;
    expect(env.find(({ name }) => name.endsWith('_PORT'))?.value).toBe(String(port?.containerPort));
    expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/healthz', port: port?.name },
      { path: '/readyz', port: port?.name },
      { path: '/healthz', port: port?.name },
    ]);
  }
});

test('every deployment has a disruption budget and an autoscaler', () => {
  for (const { name, template } of deployments) {
    const budgets = manifests.filter(({ kind }) => kind === 'PodDisruptionBudget');
    expect(budgets.find(({ metadata }) => metadata.name === name)?.spec?.selector?.matchLabels).toEqual(
      template.metadata.labels,
    );
    const scalers = manifests.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    expect(scalers.filter(({ spec }) => spec?.scaleTargetRef?.name === name)).toHaveLength(1);
  }
});

test('every variable is a setting, and the deployment file is valid', async () => {
  const settings = manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'perdure');
  const names = [...Object.keys(settings?.data ?? {}), ...containers.flatMap(({ env }) => env.map(({ name }) => name))];
  const documented = tableNames(read('docs/settings.md'));
  expect(names.length).toBeGreaterThan(4);
  expect(names.filter((name) => !documented.includes(name))).toEqual([]);

  const file = manifests.find(({ metadata }) => metadata.name === 'perdure-deployment-file')?.data?.['perdure.yaml'];
  const folder = await mkdtemp(join(tmpdir(), 'perdure-kubernetes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'perdure.yaml'), file ?? '');
  await expect(loadDeployment(join(folder, 'perdure.yaml'), { chosen: true })).resolves.toBeDefined();
});

test.each(FOLDERS)('the image has the version of the package (%s)', (folder) => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(kustomizationOf(folder).images.map(({ newTag }) => newTag)).toEqual([version]);
});

test('workers scale by a metric that docs/kubernetes.md makes of one that gateways report', () => {
  const [, rules = ''] = /```yaml\n(rules:[^`]*)```/.exec(section(read('docs/kubernetes.md'), 'Scaling')) ?? [];
  const { external } = (parse(rules) as { rules: { external: { name: { as: string }; metricsQuery: string }[] } })
    .rules;
  expect(read('deploy/kubernetes/autoscaling.yaml')).toContain(`metric: { name: ${external[0]?.name.as} }`);
  expect(external[0]?.metricsQuery).toBe(`max(${CATALOGUE.openRuns.name}{status="queued"})`);
});
