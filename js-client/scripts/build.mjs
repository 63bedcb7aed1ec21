/**
 * Builds dist/ from src/: the ES5 file for any browser, its minified form, the ES module and the types.
 * Fails if the ES5 files are not ES5, and prints what they weigh.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parse } from 'acorn';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import { minify } from 'terser';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const banner = `/*! footbridge-client ${version} */`;
const LARGEST_GZIPPED = 10.5 * 1024;
/** Files are made here and moved to dist/ at the end, so that dist/ always holds the last build that succeeded. */
const out = 'target/dist';

/** Replaces the version's placeholder, the only thing that the sources do not know. */
const setVersion = { name: 'version', renderChunk: (code) => code.replaceAll('__VERSION__', version) };

function compile(target, ...more) {
  const outDir = `target/${target.toLowerCase()}`;
  execFileSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '--target', target, '--outDir', outDir, ...more],
    { stdio: 'inherit' },
  );
  // So that Node reads what was compiled as modules, which the unit tests do.
  writeFileSync(`${outDir}/package.json`, '{"type":"module"}\n');
  return `${outDir}/index.js`;
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

function checkEs5(file) {
  try {
    parse(readFileSync(file, 'utf8'), { ecmaVersion: 5 });
  } catch (error) {
    throw new Error(`${file} is not ES5: ${error.message}`);
  }
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const es5 = compile('ES5');
const es2018 = compile('ES2018');
const types = compile('ES2018', '--declaration', '--emitDeclarationOnly', '--stripInternal').replace(
  '.js',
  '.d.ts',
);

await bundle(es5, {
  file: `${out}/footbridge.js`,
  format: 'umd',
  name: 'Footbridge',
  esModule: false,
});
await bundle(es2018, { file: `${out}/footbridge.mjs`, format: 'es' });
await bundle(types, { file: `${out}/footbridge.d.mts`, format: 'es' }, [dts(), setVersion]);
writeFileSync(
  `${out}/footbridge.d.ts`,
  readFileSync(`${out}/footbridge.d.mts`, 'utf8') + '\nexport as namespace Footbridge;\n',
);

const { code } = await minify(readFileSync(`${out}/footbridge.js`, 'utf8'), {
  ecma: 5,
  compress: { passes: 3 },
  format: { comments: /^!/ },
});
writeFileSync(`${out}/footbridge.min.js`, code + '\n');

checkEs5(`${out}/footbridge.js`);
checkEs5(`${out}/footbridge.min.js`);

for (const file of ['footbridge.js', 'footbridge.min.js', 'footbridge.mjs', 'footbridge.d.ts']) {
  const bytes = readFileSync(`${out}/${file}`);
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.log(
    `${file.padEnd(20)} ${String(bytes.length).padStart(7)} bytes ${String(zipped).padStart(6)} gzipped`,
  );
  if (file === 'footbridge.min.js' && zipped > LARGEST_GZIPPED) {
    throw new Error(`footbridge.min.js has ${zipped} bytes gzipped, more than ${LARGEST_GZIPPED}`);
  }
}

rmSync('dist', { recursive: true, force: true });
renameSync(out, 'dist');
