import { execFileSync } from 'node:child_process';
import { rollup } from 'rollup';
import { minify } from 'terser';
import { gzipSync } from 'node:zlib';
import { writeFileSync, mkdirSync } from 'node:fs';
execFileSync(
  process.execPath,
  ['node_modules/typescript/bin/tsc', '--target', 'ES2020', '--outDir', 'target/es2020'],
  { stdio: 'inherit' },
);
writeFileSync('target/es2020/package.json', '{"type":"module"}');
const b = await rollup({ input: 'target/es2020/index.js', onwarn() {} });
const { output } = await b.generate({ format: 'es' });
const code0 = output[0].code;
mkdirSync('target/tmp', { recursive: true });
writeFileSync('target/tmp/core.mjs', code0);
for (const props of [false, { keep_quoted: true }]) {
  const { code } = await minify(code0, {
    ecma: 2020,
    module: true,
    compress: { passes: 4, unsafe_arrows: true, unsafe_methods: true, pure_getters: true },
    mangle: { properties: props },
  });
  console.log(code.length, gzipSync(code, { level: 9 }).length);
  writeFileSync('target/tmp/core.min.mjs', code);
}
