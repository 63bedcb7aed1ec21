import { minify } from 'terser';
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
let t = 0;
for (const d of ['api', 'core', 'hub', 'kits', 'net', 'session', 'transports'])
  for (const f of readdirSync('target/es2020/' + d)) {
    if (!f.endsWith('.js') || f == 'jsonp.js') continue;
    const { code } = await minify(readFileSync(`target/es2020/${d}/${f}`, 'utf8'), {
      ecma: 2020,
      module: true,
      compress: { passes: 3 },
    });
    console.log(d + '/' + f, code.length, gzipSync(code, { level: 9 }).length);
    t += code.length;
  }
console.log(t);
