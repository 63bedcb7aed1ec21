/** The package as an application gets it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = JSON.parse(readFileSync(here('../../package.json')));

test('import and require give the same names', async () => {
  const imported = await import('footbridge-client');
  const required = createRequire(import.meta.url)('footbridge-client');
  const tabs = await import('footbridge-client/tabs');
  assert.deepEqual(Object.keys(imported).sort(), ['connect', 'version']);
  assert.deepEqual(Object.keys(tabs), ['tabs']);
  assert.deepEqual(Object.keys(required).sort(), ['connect', 'tabs', 'version']);
  assert.deepEqual([imported.version, required.version], [version, version]);
});

test('in a page the file is the global Footbridge and nothing else', () => {
  const page = vm.createContext({});
  page.self = page.window = page;
  const before = Object.keys(page);
  vm.runInContext(readFileSync(here('../../dist/footbridge.min.js'), 'utf8'), page);
  assert.deepEqual(
    Object.keys(page).filter((name) => !before.includes(name)),
    ['Footbridge'],
  );
  assert.equal(page.Footbridge.version, version);
});

for (const module of ['nodenext', 'esnext']) {
  test(`an application in TypeScript compiles with module ${module}`, () => {
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const resolution = module === 'esnext' ? 'bundler' : module;
    const args = [
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--module',
      module,
      '--moduleResolution',
      resolution,
    ];
    try {
      execFileSync(process.execPath, [tsc, ...args, here('../support/consumer.ts')], {
        encoding: 'utf8',
      });
    } catch (error) {
      assert.fail(error.stdout);
    }
  });
}

test('outside of a page a client needs to be told where the server is', async () => {
  const { connect } = await import('footbridge-client');
  assert.throws(() => connect(), { code: 'url' });
});
