import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { createProgressReporter } from '../../cli/services/progress-reporter.ts';
import { provideTemporalBinary } from '../../dev-server/index.ts';
import { anyPort } from '../../dev-server/ports.ts';
import { TEMPORAL_CACHE_ENTRY } from '../../dev-server/temporal-version.ts';
import { goScript, stubMachine, temporalScript, type StubMachine } from './stub-programs.ts';

test('PERDURE_TEMPORAL_BIN goes before everything', async () => {
  const machine = await stubMachine();
  await machine.install('temporal', temporalScript());
  const path = await machine.install('mine', temporalScript('1.31.0', '1.9.0'));
  const found = await provideTemporalBinary({ env: { ...machine.env, PERDURE_TEMPORAL_BIN: path } });
  expect(found).toMatchObject({ path, source: 'configured', version: '1.9.0', serverVersion: '1.31.0' });
});

test.each([
  ['is not there', null, 'is not a working Temporal CLI'],
  ['is another program', 'echo hello', 'is not a working Temporal CLI'],
  ['is too old', temporalScript('1.28.0'), 'has server 1.28.0'],
])('a PERDURE_TEMPORAL_BIN that %s is an error, not skipped', async (_, script, problem) => {
  const machine = await stubMachine();
  await machine.install('temporal', temporalScript());
  const path = script === null ? '/nowhere/temporal' : await machine.install('mine', script);
  const search = provideTemporalBinary({ env: { ...machine.env, PERDURE_TEMPORAL_BIN: path } });
  await expect(search).rejects.toThrow(`PERDURE_TEMPORAL_BIN is ${path}, which ${problem}`);
});

test('"temporal" on the PATH goes before the cache and a build', async () => {
  const machine = await stubMachine();
  await machine.install('go', goScript());
  await provideTemporalBinary({ env: machine.env });
  const path = await machine.install('temporal', temporalScript('1.29.0'));
  expect(await provideTemporalBinary({ env: machine.env })).toMatchObject({ path, source: 'path', notes: [] });
});

test('an old "temporal" on the PATH is skipped, with a note', async () => {
  const machine = await stubMachine();
  const path = await machine.install('temporal', temporalScript('1.27.2'));
  await machine.install('go', goScript());
  const found = await provideTemporalBinary({ env: machine.env });
  expect(found.source).toBe('go');
  expect(found.notes).toEqual([`Skipped ${path}: it has server 1.27.2, and server 1.29 or newer is required.`]);
});

test('a build is kept in the cache with its checksum, and nothing else', async () => {
  const machine = await stubMachine();
  await machine.install('go', goScript());
  const built = await provideTemporalBinary({ env: machine.env });
  expect(built).toMatchObject({
    source: 'go',
    path: join(machine.cache, 'temporal', TEMPORAL_CACHE_ENTRY, 'temporal'),
  });
  expect(await provideTemporalBinary({ env: machine.env })).toMatchObject({ source: 'cache', path: built.path });
  expect(await machine.calls()).toEqual(['go']);
  expect((await readdir(dirname(built.path))).toSorted()).toEqual(['lock.held', 'temporal', 'temporal.sha256']);
  expect(await readFile(`${built.path}.sha256`, 'utf8')).toMatch(/^[0-9a-f]{64} {2}temporal\n$/);
});

test.each([
  ['does not match its checksum', (path: string) => appendFile(path, '# changed')],
  ['has no checksum', (path: string) => rm(`${path}.sha256`)],
])('a cached program that %s is made anew, and said so', async (_, damage) => {
  const machine = await stubMachine();
  await machine.install('go', goScript());
  const { path } = await provideTemporalBinary({ env: machine.env });
  await damage(path);
  const again = await provideTemporalBinary({ env: machine.env });
  expect(again.source).toBe('go');
  expect(again.notes).toEqual([`Replacing ${path}: it does not match its checksum.`]);
  expect(await provideTemporalBinary({ env: machine.env })).toMatchObject({ source: 'cache', notes: [] });
});

test('the download goes before a build, shows progress, and is made once', async () => {
  const machine = await stubMachine();
  await machine.install('go', goScript());
  const archive = await archiveOf(machine);
  const asked: string[] = [];
  const env = await withDownload(machine, (request, response) => {
    asked.push(request.url ?? '');
    response.end(archive);
  });
  const lines: string[] = [];
  const got = await provideTemporalBinary({ env, onProgress: (line) => lines.push(line) });
  expect(got.source).toBe('download');
  expect(lines[0]).toContain('downloading Temporal 1.5.1 from 127.0.0.1');
  expect(await provideTemporalBinary({ env })).toMatchObject({ source: 'cache', path: got.path });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatch(/^\/cli\/archive\/v1\.5\.1\?platform=\w+&arch=\w+$/);
  expect(await machine.calls()).toEqual([]);
});

const MISBEHAVIOURS: [string, string, RequestListener][] = [
  ['is not found', 'returned HTTP 404', (_, response) => response.writeHead(404).end()],
  [
    'breaks off',
    'was interrupted',
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('x');
      setImmediate(() => response.destroy());
    },
  ],
  ['is no archive', 'is not an archive that "tar" can unpack', (_, response) => response.end('<html>sign in</html>')],
];

test.each(MISBEHAVIOURS)(
  'when the download %s Temporal is built, and the reason is shown',
  async (_, reason, answer) => {
    const machine = await stubMachine();
    await machine.install('go', goScript());
    const lines: string[] = [];
    const env = await withDownload(machine, answer);
    const got = await provideTemporalBinary({ env, onProgress: (line) => lines.push(line) });
    expect(got.source).toBe('go');
    expect(lines.join('\n')).toContain(reason);
  },
);

test('when no program can be provided, the error lists what was tried and the remedy', async () => {
  const machine = await stubMachine();
  const env = { ...machine.env, PERDURE_TEMPORAL_DOWNLOAD: `http://127.0.0.1:${await anyPort()}` };
  const error = await provideTemporalBinary({ env }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'temporal_unavailable' });
  expect(String(error)).toContain('no "temporal" on the PATH');
  expect(String(error)).toMatch(/http:\/\/127\.0\.0\.1:\d+\/\S+ could not be reached \(ECONNREFUSED\)/);
  expect(String(error)).toContain('no Go toolchain');
  expect(String(error)).toContain('set PERDURE_TEMPORAL_BIN');
});

test('a build that fails gives the last lines of the compiler, and leaves no program behind', async () => {
  const machine = await stubMachine();
  await machine.install('go', 'echo "archive/tar" >&2; echo "cli.go:1: no such thing" >&2; exit 1');
  // The names of compiled packages are not part of the reason.
  await expect(provideTemporalBinary({ env: machine.env })).rejects.toThrow(
    /failed \(exit code 1\)\n +cli\.go:1: no such thing/,
  );
  expect(await readdir(join(machine.cache, 'temporal', TEMPORAL_CACHE_ENTRY))).toEqual(['lock.held']);
});

test('a build that is stopped says so', async () => {
  const machine = await stubMachine();
  await machine.install('go', 'echo "archive/tar" >&2; kill -INT $$; sleep 9');
  await expect(provideTemporalBinary({ env: machine.env })).rejects.toThrow(/a build with \S+ was killed/);
});

test('a build says first what it downloads, then what it compiles, without other progress lines between', async () => {
  const machine = await stubMachine();
  const script = [
    'echo "go: downloading a v1" >&2; while [ ! -e "$CALLS.downloading" ]; do sleep 0.1; done',
    'echo "archive/tar" >&2; while [ ! -e "$CALLS.compiling" ]; do sleep 0.1; done',
  ];
  await machine.install('go', goScript(script.join('\n')));
  const shown: string[] = [];
  const progress = createProgressReporter((line) => shown.push(line));
  progress.step('Starting the Temporal server');
  await provideTemporalBinary({
    env: machine.env,
    onProgress(line) {
      progress.note(line);
      const [name] = line.split(' ');
      if (name === 'downloading' || name === 'compiling') void appendFile(`${machine.env['CALLS']}.${name}`, '');
    },
  });
  progress.done();
  const building = shown.slice(shown.findIndex((line) => line.startsWith('  building Temporal')));
  // On a slow machine a line is repeated with another time.
  expect([
    ...new Set(building.map((line) => line.replace(/\(.*\)$/, '(time)').replace(/with .*;/, 'with go;'))),
  ]).toEqual([
    '  building Temporal 1.5.1 with go; this takes some minutes, once',
    '  downloading Go modules: 1 so far (time)',
    '  compiling Temporal: 1 of at most 1,300 packages (time)',
  ]);
});

test('concurrent callers wait for one build', async () => {
  const machine = await stubMachine();
  // The build continues once the other process waits for it.
  await machine.install('go', goScript('while [ ! -e "$CALLS.waiting" ]; do :; done'));
  const waits: string[] = [];
  const look = (): ReturnType<typeof provideTemporalBinary> =>
    provideTemporalBinary({
      env: machine.env,
      onProgress(line) {
        if (!line.startsWith('waiting')) return;
        waits.push(line);
        void appendFile(`${machine.env['CALLS']}.waiting`, '');
      },
    });
  const found = await Promise.all([look(), look()]);
  expect(found.map(({ source }) => source).toSorted()).toEqual(['cache', 'go']);
  expect(waits.length).toBeGreaterThan(0);
  expect(await machine.calls()).toEqual(['go']);
});

/** A tar.gz like the official download. */
async function archiveOf(machine: StubMachine): Promise<Buffer> {
  const folder = await mkdtemp(join(dirname(machine.cache), 'archive-'));
  await machine.install('temporal', temporalScript(), folder);
  await promisify(execFile)('tar', ['-czf', join(folder, 'archive'), '-C', folder, 'temporal']);
  return readFile(join(folder, 'archive'));
}

async function withDownload(machine: StubMachine, answer: RequestListener): Promise<Record<string, string>> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { ...machine.env, PERDURE_TEMPORAL_DOWNLOAD: `http://127.0.0.1:${port}` };
}
