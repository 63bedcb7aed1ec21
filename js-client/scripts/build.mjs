/**
 * Builds dist/ from src/: the ES5 file for any browser, its minified form, the ES module and the types.
 * Fails if the ES5 files are not ES5, and prints what they weigh.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
const LARGEST_GZIPPED = 11 * 1024;

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

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');
mkdirSync('target', { recursive: true });

const es5 = compile('ES5');
const es2018 = compile('ES2018');
const types = compile('ES2018', '--declaration', '--emitDeclarationOnly', '--stripInternal').replace(
  '.js',
  '.d.ts',
);

await bundle(es5, {
  file: 'dist/footbridge.js',
  format: 'umd',
  name: 'Footbridge',
  esModule: false,
});
await bundle(es2018, { file: 'dist/footbridge.mjs', format: 'es' });
await bundle(types, { file: 'dist/footbridge.d.mts', format: 'es' }, [dts(), setVersion]);
writeFileSync(
  'dist/footbridge.d.ts',
  readFileSync('dist/footbridge.d.mts', 'utf8') + '\nexport as namespace Footbridge;\n',
);

const { code } = await minify(readFileSync('dist/footbridge.js', 'utf8'), {
  ecma: 5,
  compress: { passes: 3, unsafe_arrows: false },
  format: { comments: /^!/ },
});
writeFileSync('dist/footbridge.min.js', code + '\n');

checkEs5('dist/footbridge.js');
checkEs5('dist/footbridge.min.js');

for (const file of ['footbridge.js', 'footbridge.min.js', 'footbridge.mjs', 'footbridge.d.ts']) {
  const bytes = readFileSync(`dist/${file}`);
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.log(
    `${file.padEnd(20)} ${String(bytes.length).padStart(7)} bytes ${String(zipped).padStart(6)} gzipped`,
  );
  if (file === 'footbridge.min.js' && zipped > LARGEST_GZIPPED) {
    throw new Error(`footbridge.min.js has ${zipped} bytes gzipped, more than ${LARGEST_GZIPPED}`);
  }
}
