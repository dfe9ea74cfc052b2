// A template and values become the text of a sample. Pure and without dependencies: the
// browser and the tests use the same file. README.md has the shape of a template.
//
// Nothing that a person typed reaches the text but through an encoder of `escape.mjs`,
// or as a number or a name that was checked here.

import { Unwritable, literal, query } from './escape.mjs';

export { Unwritable };

const NAME = /^[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)*$/;
const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})$/;

/** @typedef {import('./fill.mjs').Part} Part */
/** @typedef {import('./fill.mjs').Values} Values */
/** @typedef {Record<string, string | undefined>} Scope */

/**
 * @param {import('./fill.mjs').Sample} sample
 * @param {Values} values
 * @returns {{text: string, missing: string[]}}
 */
export function fill(sample, values) {
  const { endpoint, params = [], ...own } = values;
  /** @type {Scope} */
  const scope = Object.assign(Object.create(null), own, endpointParts(endpoint), { productLower: own.product?.toLowerCase() });
  /** @type {Set<string>} */
  const missing = new Set();
  const given = params.filter(([, value]) => value !== '');

  /** @param {readonly Part[]} parts @param {Scope} names @returns {string} */
  const render = (parts, names) => parts.map((part) => one(part, names)).join('');

  /** @param {Part} part @param {Scope} names */
  const one = (part, names) => {
    if ('text' in part) {
      return part.text;
    }
    if ('hole' in part) {
      let value = names[part.hole];
      if (!isSet(value)) {
        if (part.example === undefined) {
          throw new Unwritable(`there is no \`${part.hole}\``);
        }
        missing.add(part.hole);
        value = part.example;
      }
      return encoded(sample.language, part, /** @type {string} */ (value));
    }
    if ('optional' in part) {
      return isSet(names[part.optional]) ? render(part.parts, names) : '';
    }
    if ('choice' in part) {
      const value = names[part.choice] ?? '';
      if (!Object.hasOwn(part.cases, value)) {
        const valid = Object.keys(part.cases).join(', ');
        throw new Unwritable(`\`${part.choice}\` is one of ${valid}`);
      }
      return part.cases[value];
    }
    const list = part.sorted ? [...given].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : given;
    if (list.length === 0) {
      return part.empty ?? '';
    }
    const each = list.map(([key, value]) => render(part.parts, Object.assign(Object.create(null), names, { key, value })));
    return (part.before ?? '') + each.join(part.between ?? '') + (part.after ?? '');
  };

  const text = render(sample.template, scope);
  return { text, missing: [...missing] };
}

/** @param {string | undefined} value */
const isSet = (value) => value !== undefined && value !== '';

/**
 * @param {import('./escape.mjs').Language} language
 * @param {import('./fill.mjs').Hole} hole
 * @param {string} value
 */
function encoded(language, hole, value) {
  switch (hole.type) {
    case 'string':
      return literal[language](value);
    case 'query':
      return query(value);
    case 'int':
      if (!INTEGER.test(value) || !Number.isSafeInteger(Number(value))) {
        throw new Unwritable(`\`${hole.hole}\` is no integer`);
      }
      return value;
    case 'name':
      if (!NAME.test(value)) {
        throw new Unwritable(`\`${hole.hole}\` is no name of an API`);
      }
      return value;
    default:
      throw new Unwritable(`\`${hole.hole}\` has no type`);
  }
}

/**
 * What samples say of an endpoint. `protocol` is there only when it is not the SDKs' own
 * default.
 * @param {string} endpoint
 * @returns {{url: string, host: string, protocol: string | undefined}}
 */
export function endpointParts(endpoint) {
  let url;
  try {
    url = new URL(endpoint);
  } catch {
    throw new Unwritable('the endpoint is no URL');
  }
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.host === '') {
    throw new Unwritable('the endpoint is not `http://…` or `https://…`');
  }
  return { url: url.origin, host: url.host, protocol: url.protocol === 'http:' ? 'http' : undefined };
}
