// Values as string literals, one encoder for each language that samples are shown in.
// Pure and without dependencies: the browser and the tests use the same file.
//
// A literal is printable ASCII in every language but the shell's, so a sample survives
// any compiler's guess of the file's encoding, and no character that turns text around
// on the screen is ever shown as itself. A lone surrogate becomes U+FFFD first, as in
// the request that a browser would send.

/** A value that a language has no literal for, or that a hole may not hold. */
export class Unwritable extends Error {
  /** @param {string} why */
  constructor(why) {
    super(why);
    this.name = 'Unwritable';
  }
}

const wellFormed = (/** @type {string} */ text) => text.replace(/\p{Surrogate}/gu, '\ufffd');
const hex = (/** @type {number} */ value, /** @type {number} */ digits) =>
  value.toString(16).padStart(digits, '0');
const bytes = (/** @type {string} */ text) => [...new TextEncoder().encode(text)];
const units = (/** @type {string} */ character) =>
  Array.from({ length: character.length }, (_, at) => `\\u${hex(character.charCodeAt(at), 4)}`).join('');
const octal = (/** @type {number} */ byte) => `\\${byte.toString(8).padStart(3, '0')}`;

const LINES = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/**
 * @param {string} text
 * @param {Record<string, string>} own what is written in a way of its own
 * @param {(character: string, code: number) => string} other everything that is not printable ASCII
 */
function escaped(text, own, other) {
  let written = '';
  for (const character of wellFormed(text)) {
    const code = /** @type {number} */ (character.codePointAt(0));
    written += own[character] ?? (code >= 0x20 && code <= 0x7e ? character : other(character, code));
  }
  return written;
}

/** @param {(character: string, code: number) => string} other */
const doubleQuoted = (other, own = {}) => (/** @type {string} */ text) =>
  `"${escaped(text, { ...LINES, '"': '\\"', ...own }, other)}"`;

const java = doubleQuoted((character, code) => (code < 0x80 ? octal(code) : units(character)));
const csharp = doubleQuoted(units);
const typescript = doubleQuoted((_, code) =>
  code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`,
);
const go = doubleQuoted((_, code) =>
  code < 0x80 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`,
);
const braced = (/** @type {string} */ _, /** @type {number} */ code) => `\\u{${hex(code, 1)}}`;
const swift = doubleQuoted(braced);
const rust = doubleQuoted(braced);
const php = doubleQuoted(braced, { $: '\\$' });

function python(/** @type {string} */ text) {
  const other = (/** @type {string} */ _, /** @type {number} */ code) =>
    code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
  return `'${escaped(text, { ...LINES, "'": "\\'" }, other)}'`;
}

function cpp(/** @type {string} */ text) {
  const literal = doubleQuoted((character) => bytes(character).map(octal).join(''))(text)
    // Two question marks may begin a trigraph.
    .replace(/(?<=\?)\?/g, '\\?');
  // A literal ends at its first NUL for everything that takes a `const char *`.
  return text.includes('\0') ? `std::string(${literal}, ${bytes(wellFormed(text)).length})` : literal;
}

function shell(/** @type {string} */ text) {
  if (text.includes('\0')) {
    throw new Unwritable('no argument of a program can hold a NUL');
  }
  const clean = wellFormed(text);
  // Letters of all scripts stay readable; what is invisible, or turns text around, does not.
  if (/^(?: |[^\p{C}\p{Z}])*$/u.test(clean)) {
    return `'${clean.replaceAll("'", "'\\''")}'`;
  }
  // An interactive shell may take `!` for a call of its history.
  const own = { ...LINES, "'": "\\'", '!': '\\x21' };
  return `$'${escaped(clean, own, (character) => bytes(character).map((byte) => `\\x${hex(byte, 2)}`).join(''))}'`;
}

/**
 * What stands between `=` and `&` of a canonical query: RFC 3986, as the signature wants it.
 * @param {string} text
 */
export function query(text) {
  return bytes(wellFormed(text))
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_.~-]/.test(character) ? character : `%${hex(byte, 2).toUpperCase()}`;
    })
    .join('');
}

/** @type {Record<import('./escape.mjs').Language, (text: string) => string>} */
export const literal = { cpp, csharp, go, java, php, python, rust, shell, swift, typescript };
