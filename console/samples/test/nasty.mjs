// Texts that break careless escaping, the same in every run.

const FRAGMENTS = [
  "'", '"', '`', '\\', '\\\\', '$', '${x}', '$(id)', '`id`', '#{x}', '#', '%', '%s', '%n', '%00', '!', '!!',
  '\n', '\r\n', '\t', '\u0000', '\u0007', '\u001b[31m', '\u007f', '\u0085', '\u00a0', '\u00e9', '\u2028', '\u2029',
  '\u202e', '\u2066', '\ufeff', '\u4e2d\u6587', '\u{1f600}', '\u{1f468}\u200d\u{1f469}', '\u{10ffff}', '\ud83d', '\ude00',
  '</script>', '<!--', ']]>', '*/', '//', '--', '-x', "'''", '"""', '??=', '??/', '??(', '\\u0041', '\\u000a', '\\x41',
  '\\(x)', '\\N{BULLET}', '{0}', '{x}', '@', '&', ';', '|', '>', '<', '(', ')', '[', ']', '*', '?', '~', '=', ':', ',',
  ' ', '  ', 'a', 'f', '0', '7', 'EOF', '+1 555', '1e5', 'null',
];

/** Numbers below 1, from a seed. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each fragment alone, each before a digit and a letter, and `count` mixtures. */
export function nasty(count = 300, seed = 20261129) {
  const next = random(seed);
  const pick = () => FRAGMENTS[Math.floor(next() * FRAGMENTS.length)];
  const mixed = Array.from({ length: count }, () => Array.from({ length: 1 + Math.floor(next() * 8) }, pick).join(''));
  const anything = Array.from({ length: count / 3 }, () =>
    String.fromCharCode(...Array.from({ length: 1 + Math.floor(next() * 6) }, () => Math.floor(next() * 0x10000))),
  );
  return ['', ...FRAGMENTS, ...FRAGMENTS.map((text) => `${text}7`), ...FRAGMENTS.map((text) => `${text}f`), ...mixed, ...anything];
}
