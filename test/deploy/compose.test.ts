import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadDeployment } from '../../agents/templates/load-deployment.ts';
import { read, ROOT } from '../docs/documents.ts';

interface Service {
  readonly image?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly restart?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const { services, volumes } = parse(read('docker-compose.yml'), { merge: true }) as Compose;
const mounts = Object.values(services).flatMap(({ volumes: mounted = [] }) => mounted.map((one) => one.split(':')));

function isThere(source: string): boolean {
  return source.startsWith('.') ? existsSync(join(ROOT, source)) : source in volumes;
}

test('every image has a version, which is not latest', () => {
  const images = Object.values(services).flatMap(({ image }) => image ?? []);

  expect(images.length).toBeGreaterThan(4);
  expect(images.filter((image) => !/:\$\{[A-Z_]+_VERSION:-v?\d+(\.\d+){0,2}\}$/.test(image))).toEqual([]);
});

test('every service that keeps running has a health check, except the Temporal UI, on which nothing depends', () => {
  const running = Object.entries(services).filter(([, { restart }]) => restart === 'unless-stopped');

  expect(running.length).toBeGreaterThan(5);
  expect(running.filter(([, { healthcheck }]) => healthcheck === undefined).map(([name]) => name)).toEqual([
    'temporal-ui',
  ]);
});

test('every password must be set, and has no default', () => {
  const text = read('docker-compose.yml');
  const secrets = [...text.matchAll(/\$\{([A-Z_]*(?:PASSWORD|TOKENS?))([^}]*)\}/g)];
  expect(secrets.length).toBeGreaterThan(4);
  expect(secrets.filter(([, , rest = '']) => !rest.startsWith(':?'))).toEqual([]);
});

test('the deployment file is mounted, valid, and read by worker and gateway', async () => {
  expect(mounts).toContainEqual(['./deploy/perdure', '/etc/perdure', 'ro']);
  for (const name of ['worker', 'gateway']) {
    expect(services[name]?.environment?.['PERDURE_CONFIG']).toBe('/etc/perdure/perdure.yaml');
    expect(services[name]?.volumes).toContain('./deploy/perdure:/etc/perdure:ro');
  }
  await expect(loadDeployment(join(ROOT, 'deploy/perdure/perdure.yaml'), { chosen: true })).resolves.toBeDefined();
});

test('Prometheus finds its rules beside its configuration, in the repository and in the container', () => {
  const { rule_files } = parse(read('deploy/prometheus/prometheus.yml')) as { rule_files: string[] };
  for (const file of rule_files) {
    expect(existsSync(join(ROOT, 'deploy/prometheus', file))).toBe(true);
    expect(mounts).toContainEqual([`./deploy/prometheus/${file}`, `/etc/prometheus/${file}`, 'ro']);
  }
});

test('what is mounted is there: files in the repository, volumes in the compose file', () => {
  const sources = mounts.map(([source = '']) => source);

  expect(sources.filter((source) => !isThere(source))).toEqual([]);
});

test('Prometheus scrapes services that there are, at the ports at which they show metrics', () => {
  const { scrape_configs } = parse(read('deploy/prometheus/prometheus.yml')) as {
    scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[];
  };
  const scrapedAt = scrape_configs.flatMap(({ dns_sd_configs }) =>
    dns_sd_configs.flatMap(({ names, port }) => names.map((name) => [name, String(port)])),
  );

  expect(scrapedAt).toEqual([
    ['gateway', services['gateway']?.environment?.['PERDURE_PORT']],
    ['worker', services['worker']?.environment?.['PERDURE_METRICS_PORT']],
  ]);
});

test('Grafana finds its data source, its dashboards and the first page', () => {
  const sources = parse(read('deploy/grafana/provisioning/datasources/prometheus.yaml')) as {
    datasources: { uid: string; url: string }[];
  };
  const providers = parse(read('deploy/grafana/provisioning/dashboards/perdure.yaml')) as {
    providers: { options: { path: string } }[];
  };
  const dashboard = JSON.parse(read('deploy/grafana/dashboards/perdure.json')) as {
    panels: { id: number; datasource?: { uid: string } }[];
  };
  const path = providers.providers[0]?.options.path ?? '';
  const uids = new Set(dashboard.panels.flatMap(({ datasource }) => datasource?.uid ?? []));

  expect(mounts).toContainEqual(['./deploy/grafana/dashboards', path, 'ro']);
  expect(services['grafana']?.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(`${path}/perdure.json`);
  expect([...uids]).toEqual(sources.datasources.map(({ uid }) => uid));
  expect(sources.datasources[0]?.url).toBe('http://prometheus:9090');
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
});
