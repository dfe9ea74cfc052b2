// Every encoder against the real reader of its language, where that is installed: the
// literals are compiled or run, and must give the texts back, byte for byte.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Unwritable, literal, query } from '../escape.mjs';
import { nasty } from './nasty.mjs';

const texts = nasty();
const clean = (text) => text.replace(/\p{Surrogate}/gu, '\ufffd');
const bytes = (text) => Buffer.from(clean(text), 'utf8').toString('hex');
const place = mkdtempSync(join(tmpdir(), 'chatmetric-escape-'));
after(() => rmSync(place, { recursive: true, force: true }));

const works = (program, ...arguments_) => spawnSync(program, arguments_, { stdio: 'ignore' }).status === 0;

function run(program, arguments_, environment = {}) {
  const done = spawnSync(program, arguments_, {
    cwd: place,
    encoding: 'buffer',
    maxBuffer: 1 << 26,
    env: { ...process.env, ...environment },
  });
  assert.equal(done.status, 0, `${program}: ${done.error ?? ''}${done.stderr}`);
  return done.stdout;
}

/** Checks lines of hex, one for each text. */
function compare(output, wanted = texts) {
  const lines = output.toString('latin1').split('\n').slice(0, -1);
  assert.equal(lines.length, wanted.length);
  wanted.forEach((text, at) => assert.equal(lines[at], bytes(text), JSON.stringify(text)));
}

const save = (name, text) => writeFileSync(join(place, name), text);

test('a literal is one line of printable ASCII', () => {
  for (const [language, write] of Object.entries(literal)) {
    for (const text of texts) {
      if (language === 'shell') {
        if (!text.includes('\0')) {
          assert.match(write(text), /^(?: |[^\p{C}\p{Z}])*$/u, JSON.stringify(text));
        }
      } else {
        assert.match(write(text), /^[ -~]*$/, `${language} ${JSON.stringify(text)}`);
      }
    }
  }
});

test('simple texts stay readable', () => {
  assert.equal(literal.python('15550100101'), "'15550100101'");
  assert.equal(literal.shell("it's 中文"), "'it'\\''s 中文'");
  assert.equal(literal.java('a "b"'), '"a \\"b\\""');
  assert.equal(literal.php('$x'), '"\\$x"');
  assert.equal(literal.cpp('??='), '"?\\?="');
  assert.equal(literal.cpp('a\0b'), 'std::string("a\\000b", 3)');
});

test('a shell cannot write a NUL, and says so', () => {
  assert.throws(() => literal.shell('a\0b'), Unwritable);
});

test('TypeScript', () => {
  for (const text of texts) {
    assert.equal(new Function(`return ${literal.typescript(text)}`)(), clean(text), JSON.stringify(text));
  }
});

test('Python', { skip: !works('python3', '--version') }, () => {
  save('a.py', `for text in [\n${texts.map((text) => `${literal.python(text)},\n`).join('')}]:\n    print(text.encode().hex())\n`);
  compare(run('python3', ['a.py'], { LC_ALL: 'C', PYTHONUTF8: '0' }));
});

test('Java', { skip: !works('javac', '-version') }, () => {
  const list = texts.map((text) => `        ${literal.java(text)},\n`).join('');
  save(
    'Texts.java',
    `public class Texts {
    static final String[] TEXTS = {\n${list}    };
    public static void main(String[] args) {
        for (String text : TEXTS) {
            System.out.println(java.util.HexFormat.of().formatHex(text.getBytes(java.nio.charset.StandardCharsets.UTF_8)));
        }
    }
}\n`,
  );
  compare(run('java', ['Texts.java'], { LC_ALL: 'C' }));
});

test('Go', { skip: !works('go', 'version') }, () => {
  const list = texts.map((text) => `\t\t${literal.go(text)},\n`).join('');
  save('texts.go', `package main\n\nimport "fmt"\n\nfunc main() {\n\tfor _, text := range []string{\n${list}\t} {\n\t\tfmt.Printf("%x\\n", text)\n\t}\n}\n`);
  compare(run('go', ['run', 'texts.go']));
});

test('Rust', { skip: !works('rustc', '--version') }, () => {
  const list = texts.map((text) => `        ${literal.rust(text)},\n`).join('');
  save(
    'texts.rs',
    `fn main() {\n    let texts: &[&str] = &[\n${list}    ];\n    for text in texts {\n        println!("{}", text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());\n    }\n}\n`,
  );
  run('rustc', ['--edition', '2021', '-o', 'texts-rs', 'texts.rs']);
  compare(run('./texts-rs', []));
});

test('C++', { skip: !works('g++', '--version') }, () => {
  const list = texts.map((text) => `    ${literal.cpp(text)},\n`).join('');
  save(
    'texts.cpp',
    `#include <cstdio>\n#include <string>\n#include <vector>\nint main() {\n  std::vector<std::string> texts = {\n${list}  };\n  for (const auto &text : texts) {\n    for (unsigned char byte : text) std::printf("%02x", byte);\n    std::printf("\\n");\n  }\n}\n`,
  );
  run('g++', ['-std=c++11', '-trigraphs', '-O0', '-o', 'texts-cpp', 'texts.cpp']);
  compare(run('./texts-cpp', []));
});

for (const shell of ['bash', 'zsh']) {
  test(shell, { skip: !works(shell, '-c', 'true') }, () => {
    const writable = texts.filter((text) => !text.includes('\0'));
    for (const locale of ['C', 'C.UTF-8']) {
      save('texts.sh', writable.map((text) => `printf '%s\\0' ${literal.shell(text)}\n`).join(''));
      const output = run(shell, ['texts.sh'], { LC_ALL: locale });
      const found = output.toString('hex').match(/(?:..)*?00/g) ?? [];
      // A text is never cut at a byte 00, because it has none.
      compare(Buffer.from(found.map((one) => `${one.slice(0, -2)}\n`).join('')), writable);
    }
  });
}

test('PHP', { skip: !works('php', '--version') }, () => {
  const list = texts.map((text) => `    ${literal.php(text)},\n`).join('');
  save('texts.php', `<?php\nforeach ([\n${list}] as $text) {\n    echo bin2hex($text), "\\n";\n}\n`);
  compare(run('php', ['texts.php']));
});

test('C#', { skip: !works('mcs', '--version') || !works('mono', '--version') }, () => {
  const list = texts.map((text) => `    ${literal.csharp(text)},\n`).join('');
  save(
    'Texts.cs',
    `class Texts {\n  static readonly string[] texts = {\n${list}  };\n  static void Main() {\n    foreach (var text in texts) {\n      System.Console.WriteLine(System.BitConverter.ToString(System.Text.Encoding.UTF8.GetBytes(text)).Replace("-", "").ToLower());\n    }\n  }\n}\n`,
  );
  run('mcs', ['Texts.cs']);
  compare(run('mono', ['Texts.exe']));
});

// Readers of our own for languages whose compilers are rarely here, from their grammars.
const SIMPLE = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$' };

test('Swift, PHP and C#, by their grammars', () => {
  const grammars = {
    swift: /\\(?:u\{([0-9a-f]{1,8})\}|([nrt\\"]))|[^"\\]/gy,
    php: /\\(?:u\{([0-9a-f]+)\}|([nrt\\"$]))|[^"\\$]/gy,
    csharp: /\\(?:u([0-9a-f]{4})|([nrt\\"]))|[^"\\]/gy,
  };
  for (const [language, grammar] of Object.entries(grammars)) {
    for (const text of texts) {
      const written = literal[language](text);
      const inner = written.slice(1, -1);
      let read = '';
      let at = 0;
      for (const match of inner.matchAll(grammar)) {
        assert.equal(match.index, at, `${language} ${written}`);
        at += match[0].length;
        read += match[1] ? (match[1].length === 4 && language === 'csharp' ? String.fromCharCode(parseInt(match[1], 16)) : String.fromCodePoint(parseInt(match[1], 16))) : match[2] ? SIMPLE[match[2]] : match[0];
      }
      assert.equal(at, inner.length, `${language} ${written}`);
      assert.ok(written.startsWith('"') && written.endsWith('"'));
      assert.equal(read, clean(text), `${language} ${written}`);
    }
  }
});

test('a query is percent-encoded', () => {
  for (const text of texts) {
    const written = query(text);
    assert.match(written, /^(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})*$/);
    assert.equal(decodeURIComponent(written), clean(text));
  }
});
