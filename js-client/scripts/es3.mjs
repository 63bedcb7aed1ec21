/**
 * Says what of a script Internet Explorer 8 would not understand: syntax, methods that came later, and what its JScript
 * does in a way of its own.
 *
 * It goes by names, so it cannot see what is reached by a name that is made at run time, nor globals that came later
 * (`Promise`, `fetch`): these are asked for before they are used. It does not find `text[i]`, which only Internet
 * Explorer 7 lacks.
 */
import { parse } from 'acorn';

const names = (text) => new Set(text.trim().split(/\s+/));

/** What objects, lists, texts, functions, dates, numbers and expressions have since ES5, whatever they are called on. */
const LATER = names(`
  __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__
  at bind codePointAt copyWithin dotAll endsWith entries every fill filter find findIndex findLast findLastIndex flags
  flat flatMap forEach hasIndices includes isWellFormed map matchAll normalize padEnd padStart reduce reduceRight repeat
  replaceAll some startsWith sticky toISOString toJSON toReversed toSorted toSpliced toWellFormed trim trimEnd trimLeft
  trimRight trimStart unicodeSets with
  acosh asinh assign atanh captureStackTrace cbrt clz32 cosh create defineProperties defineProperty expm1 freeze
  fromCodePoint fromEntries fround getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames
  getOwnPropertySymbols getPrototypeOf groupBy hasOwn hypot imul isArray isExtensible isFrozen isInteger isSafeInteger
  isSealed keys log10 log1p log2 preventExtensions raw seal setPrototypeOf sinh tanh trunc values
  MAX_SAFE_INTEGER MIN_SAFE_INTEGER EPSILON`);

/** The same on one object only; others may have something of this name. */
const LATER_OF = {
  Array: names('from of'),
  Date: names('now'),
  Math: names('sign'),
  Number: names('isFinite isNaN parseFloat parseInt'),
  Object: names('is'),
};

/** What texts had and lists got, or what JScript does otherwise: nobody can tell from the name which one it is. */
const AMBIGUOUS = {
  indexOf: 'lists have it since ES5',
  lastIndexOf: 'lists have it since ES5',
  substr: 'a negative beginning counts from the front',
};

const RULES = {
  MemberExpression(node, fail) {
    const { object, property, computed } = node;
    const name = computed ? property.type === 'Literal' && property.value : property.name;
    if (LATER.has(name)) fail(`${name} came later`);
    if (Object.hasOwn(LATER_OF, object.name ?? '') && LATER_OF[object.name].has(name)) {
      fail(`${object.name}.${name} came later`);
    }
    if (Object.hasOwn(AMBIGUOUS, String(name))) fail(`${name}: ${AMBIGUOUS[name]}`);
  },
  CallExpression({ callee, arguments: given }, fail) {
    const name = callee.type === 'MemberExpression' && !callee.computed && callee.property.name;
    if (name === 'splice' && given.length < 2) fail('splice with one argument removes nothing');
    if (name === 'split' && given[0]?.regex) fail('split by an expression leaves out what is empty');
  },
  FunctionExpression({ id }, fail) {
    if (id) fail(`the name of a function expression, ${id.name}, is seen outside of it`);
  },
  ArrayExpression({ elements }, fail) {
    if (elements.includes(null)) fail('a list with a hole');
  },
};

/** What is wrong with this script for Internet Explorer 8, and where; undefined if nothing is. */
export function es3Problem(code) {
  let problem;
  let before;
  const fail = (why, at) => (problem ??= `${why}, at character ${at}`);
  const visit = (node) => {
    RULES[node.type]?.(node, (why) => fail(why, node.start));
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (child?.type) visit(child);
    }
  };
  // `[1, 2, ]` parses, but is a list of three there.
  const onToken = ({ type: { label }, start }) => {
    if (before === ',' && label === ']') fail('a comma at the end of a list', start);
    before = label;
  };
  try {
    visit(parse(code, { ecmaVersion: 3, allowReserved: 'never', onToken }));
  } catch (error) {
    if (error.pos === undefined) throw error;
    fail(error.message, error.pos);
  }
  return problem;
}
