import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { CATALOGUE } from '../../telemetry/catalogue.ts';
import { read, ROOT, section, tableNames } from '../docs/documents.ts';
import { cannotRunHere } from '../support/cannot-run-here.ts';
import { KUBERNETES_VALIDATE, pythonWithPackage } from '../support/python/python-package.ts';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
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

const FOLDER = join(ROOT, 'deploy/kubernetes');
const { resources, images } = parse(read('deploy/kubernetes/kustomization.yaml')) as {
  resources: string[];
  images: { newTag: string }[];
};
const manifests = resources.flatMap((file) =>
  parseAllDocuments(read(`deploy/kubernetes/${file}`)).map((document) => document.toJS() as Manifest),
);
const deployments = manifests.flatMap(({ kind, metadata, spec }) =>
  kind === 'Deployment' && spec?.template !== undefined ? [{ name: metadata.name, template: spec.template }] : [],
);
const containers = deployments.flatMap(({ template }) => template.spec.containers);

test(
  'every file is a resource, and its manifests have the schema of Kubernetes',
  { timeout: 400_000 },
  async ({ skip }) => {
    const files = (await readdir(FOLDER)).filter((file) => file !== 'kustomization.yaml');
    expect(files.toSorted()).toEqual(resources.toSorted());

    const python = await pythonWithPackage(KUBERNETES_VALIDATE);
    if ('unavailable' in python) return cannotRunHere(skip, python.unavailable);
    const validate = join(dirname(python.path), 'kubernetes-validate');
    for (const version of ['1.29', '1.37']) {
      const { stdout } = await promisify(execFile)(
        validate,
        ['--strict', '--kubernetes-version', version, ...resources],
        { cwd: FOLDER },
      );
      expect(stdout.match(/ passed for resource /g)).toHaveLength(manifests.length);
    }
  },
);

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

test('the image has the version of the package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(images.map(({ newTag }) => newTag)).toEqual([version]);
});

test('workers scale by a metric that docs/kubernetes.md makes of one that gateways report', () => {
  const [, rules = ''] = /```yaml\n(rules:[^`]*)```/.exec(section(read('docs/kubernetes.md'), 'Scaling')) ?? [];
  const { external } = (parse(rules) as { rules: { external: { name: { as: string }; metricsQuery: string }[] } })
    .rules;
  expect(read('deploy/kubernetes/autoscaling.yaml')).toContain(`metric: { name: ${external[0]?.name.as} }`);
  expect(external[0]?.metricsQuery).toBe(`max(${CATALOGUE.openRuns.name}{status="queued"})`);
});
