/** What the build refuses in the file for any browser, so that Internet Explorer 8 understands it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { es3Problem } from '../../scripts/es3.mjs';

const REFUSED = {
  'a comma at the end of an object': 'var a = { b: 1, };',
  'a comma at the end of a list': 'var a = [1, 2, ];',
  'a comma at the end of arguments': 'f(1, );',
  'a hole in a list': 'var a = [1, , 2];',
  'a reserved word as the name of a property': 'a.class = 1;',
  'a reserved word in an object': 'var a = { default: 1 };',
  'a word that was reserved then': 'var a = { final: 1 };',
  'the method catch of a promise': 'a.catch(b);',
  'a getter': 'var a = { get b() { return 1; } };',
  'a setter': 'var a = { set b(c) {} };',
  let: 'let a = 1;',
  const: 'const a = 1;',
  'an arrow': 'var a = function () { return () => 1; };',
  'a template': 'var a = `b`;',
  'a class': 'class A {}',
  'a short method': 'var a = { b() {} };',
  'a short property': 'var a = { b };',
  'a default': 'function a(b = 1) {}',
  spreading: 'f(...a);',
  destructuring: 'var { a } = b;',
  'for of': 'for (var a of b) c(a);',
  'catch without a name': 'try { a(); } catch { b(); }',
  'optional chaining': 'a?.b;',
  'an exponent': 'var a = 2 ** 3;',
  'a sticky expression': 'var a = /b/y;',
  'a named group': 'var a = /(?<b>c)/;',
  'a function expression with a name': 'var a = function b() {};',
  forEach: 'a.forEach(b);',
  'a method by its name as a text': "a['forEach'](b);",
  'Object.keys': 'Object.keys(a);',
  'Object.create': 'Object.create(null);',
  'Object.defineProperty': "Object.defineProperty(a, 'b', {});",
  'Date.now': 'Date.now();',
  'indexOf, which lists have not': 'list.indexOf(a);',
  'indexOf by way of the prototype': 'Array.prototype.indexOf.call(list, a);',
  bind: 'f.bind(a);',
  'Array.isArray': 'Array.isArray(a);',
  'Array.from': 'Array.from(a);',
  trim: "' a '.trim();",
  includes: 'text.includes(a);',
  startsWith: "text.startsWith('a');",
  toISOString: 'date.toISOString();',
  substr: 'text.substr(-1);',
  'splice with one argument': 'list.splice(1);',
  'split by an expression': 'text.split(/,/);',
  'not a script at all': 'var var;',
};

const TAKEN = {
  'what there is': "var a = { b: 1, 'class': [1, 2] }; a['default'] = function (c) { return c.slice(1); };",
  'a clock of our own': 'this.now(); clock.now();',
  'finding a text by its beginning': "url.substring(0, 4) === 'http';",
  'JSON, which Internet Explorer 8 has': 'JSON.parse(JSON.stringify(a));',
  'what is asked for before it is used': "if (typeof Promise !== 'undefined') new Promise(a);",
  'a function that is declared': 'function a() { function b() {} return b; }',
  'splice with two arguments': 'list.splice(1, 1);',
  'split by a text': "text.split(',');",
  'a text that looks like code': "var a = 'let b = [1, ]; c.forEach(d)';",
};

for (const [name, code] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, () => assert.match(es3Problem(code) ?? 'taken', /, at character \d+$/));
}

for (const [name, code] of Object.entries(TAKEN)) {
  test(`taken: ${name}`, () => assert.equal(es3Problem(code), undefined));
}

test('what was built is taken', () => {
  for (const file of ['footbridge.js', 'footbridge.min.js']) {
    const code = readFileSync(new URL(`../../dist/${file}`, import.meta.url), 'utf8');
    assert.equal(es3Problem(code), undefined, file);
  }
});
