/**
 * Builds dist/ from src/: the file for any browser, back to Internet Explorer 8, and the module for today's platforms,
 * each also minified; and the types. Fails if the former is more than ES3, or if one weighs too much.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { minify } from 'terser';
import { es3Problem } from './es3.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const banner = `/*! footbridge-client ${version} */`;
/** The most that a file may weigh, minified and gzipped. */
const LARGEST = { 'footbridge.min.js': 16 * 1024, 'footbridge.min.mjs': 12.5 * 1024 };
/** Files are made here and moved to dist/ at the end, so that dist/ always holds the last build that succeeded. */
const out = 'target/dist';

/** Replaces the version's placeholder, the only thing that the sources do not know. */
const setVersion = { name: 'version', renderChunk: (code) => code.replaceAll('__VERSION__', version) };

function compile(target, ...more) {
  const outDir = `target/${target.toLowerCase()}`;
  rmSync(outDir, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [
      'node_modules/typescript/bin/tsc',
      '--outDir',
      outDir,
      ...(target === 'Types' ? [] : ['--target', target]),
      ...more,
    ],
    { stdio: 'inherit' },
  );
  // So that Node reads what was compiled as modules, which the unit tests do.
  writeFileSync(`${outDir}/package.json`, '{"type":"module"}\n');
  return outDir;
}

async function bundle(input, output, plugins = [setVersion]) {
  const built = await rollup({
    input,
    plugins,
    context: 'this', // TypeScript's helpers look there for ones loaded before
    onwarn: (warning) => {
      throw new Error(warning.message);
    },
  });
  await built.write({ banner, ...output });
  await built.close();
}

/** Fails unless Internet Explorer 8 would understand a file. */
function checkEs3(file) {
  const problem = es3Problem(readFileSync(file, 'utf8'));
  if (problem) throw new Error(`${file} is not for any browser: ${problem}`);
}

async function minified(from, to, options) {
  const { code } = await minify(readFileSync(`${out}/${from}`, 'utf8'), {
    compress: { passes: 3 },
    format: { comments: /^!/ },
    ...options,
  });
  writeFileSync(`${out}/${to}`, code + '\n');
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const es5 = compile('ES5');
const es2018 = compile('ES2018');
compile('Types', '--declaration', '--emitDeclarationOnly', '--stripInternal');

await bundle(`${es5}/full.js`, {
  file: `${out}/footbridge.js`,
  format: 'umd',
  name: 'Footbridge',
  esModule: false,
  freeze: false,
});
await bundle(`${es2018}/index.js`, { file: `${out}/footbridge.mjs`, format: 'es' });
await bundle(`${es2018}/tabs/tabs.js`, { file: `${out}/footbridge-tabs.mjs`, format: 'es' });
for (const [from, to] of [
  ['index', 'footbridge.d.mts'],
  ['tabs/tabs', 'footbridge-tabs.d.mts'],
  ['full', 'footbridge.d.ts'],
]) {
  await bundle(`target/types/${from}.d.ts`, { file: `${out}/${to}`, format: 'es' }, [dts(), setVersion]);
}
appendFileSync(`${out}/footbridge.d.ts`, '\nexport as namespace Footbridge;\n');

// What Internet Explorer 8 would stumble over: reserved words as names of properties, commas at the end of lists.
await minified('footbridge.js', 'footbridge.js', {
  ie8: true,
  compress: false,
  mangle: false,
  format: { beautify: true, comments: 'all' },
});
await minified('footbridge.js', 'footbridge.min.js', { ecma: 5, ie8: true });
await minified('footbridge.mjs', 'footbridge.min.mjs', { ecma: 2018, module: true });
await minified('footbridge-tabs.mjs', 'footbridge-tabs.min.mjs', { ecma: 2018, module: true });

checkEs3(`${out}/footbridge.js`);
checkEs3(`${out}/footbridge.min.js`);

for (const file of readdirSync(out).sort()) {
  const bytes = readFileSync(`${out}/${file}`);
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.log(
    `${file.padEnd(23)} ${String(bytes.length).padStart(7)} bytes ${String(zipped).padStart(6)} gzipped`,
  );
  if (zipped > LARGEST[file]) {
    throw new Error(`${file} has ${zipped} bytes gzipped, more than ${LARGEST[file]}`);
  }
}

rmSync('dist', { recursive: true, force: true });
renameSync(out, 'dist');
