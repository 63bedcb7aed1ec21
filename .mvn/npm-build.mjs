// Run by Maven in js-client (see its pom.xml): installs the locked packages and builds dist/,
// each step only when its inputs changed since the last time.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const here = process.cwd();
const modulesStamp = join(here, 'node_modules', '.footbridge-ci');
const distStamp = join(here, 'target', 'dist.stamp');
// Not inputs of the build: its output, the packages, the tests and this module's Maven files.
const notInputs = new Set([
  'node_modules', 'target', 'dist', 'test', 'tests', 'test-results', 'playwright-report',
  'coverage', 'pom.xml', 'README.md',
]);

function files(dir, skip = new Set()) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => !skip.has(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return files(path);
      return entry.isFile() ? [path] : [];
    });
}

function digest(paths, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const path of paths) {
    const content = readFileSync(path);
    hash.update(`${relative(here, path)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function stamped(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function npm(...args) {
  console.log(`js-client: npm ${args.join(' ')}`);
  const windows = process.platform === 'win32';
  const result = spawnSync('npm', args, { cwd: here, stdio: ['ignore', 'inherit', 'inherit'], shell: windows });
  if (result.error) {
    console.error(`js-client: npm could not be started (${result.error.message}); install Node.js 20 or newer with npm.`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const nodeMajor = Number(process.versions.node.split('.')[0]);
if (nodeMajor < 20) {
  console.error(`js-client: Node.js 20 or newer is needed, this is ${process.versions.node}.`);
  process.exit(1);
}

const lock = join(here, 'package-lock.json');
if (!existsSync(lock)) {
  console.error('js-client: package-lock.json is missing; run npm install once and commit it.');
  process.exit(1);
}

const locked = digest([join(here, 'package.json'), lock], `${process.platform} ${process.arch} node ${nodeMajor}`);
if (stamped(modulesStamp) !== locked) {
  rmSync(modulesStamp, { force: true });
  npm('ci', '--no-audit', '--no-fund', '--loglevel=error');
  mkdirSync(dirname(modulesStamp), { recursive: true });
  writeFileSync(modulesStamp, locked);
} else {
  console.log('js-client: node_modules is up to date');
}

const dist = join(here, 'dist');
const state = () => `${locked} ${digest(files(here, notInputs))} ${digest(files(dist))}`;
if (files(dist).length === 0 || stamped(distStamp) !== state()) {
  npm('run', 'build');
  if (files(dist).length === 0) {
    console.error('js-client: npm run build left dist/ empty.');
    process.exit(1);
  }
  mkdirSync(dirname(distStamp), { recursive: true });
  writeFileSync(distStamp, state());
} else {
  console.log('js-client: dist is up to date');
}
