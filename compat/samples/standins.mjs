// How a sample is compiled whose SDK cannot be had: against our stand-ins, by the real
// compiler of its language. They write down what they are given, so running a sample
// tells which texts its literals mean. Swift has no compiler here; its grammar reads it.

import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { folders, inside, must, place, target, works } from './runners.mjs';

const swiftReader = process.env.CHATMETRIC_SAMPLES_SWIFT ?? join(target, 'compat/python-swift/bin/python');

const each = (made, command) => Object.fromEntries(Object.entries(made).map(([name, cwd]) => [name, { command, cwd }]));

function php(id, texts, file) {
  const made = folders(id, texts, file);
  for (const cwd of Object.values(made)) {
    cpSync(inside('samples/standin/php/autoload.php'), join(cwd, 'vendor/autoload.php'));
    must('php', ['-l', file], cwd);
  }
  return each(made, ['php', '-d', 'error_reporting=-1', file]);
}

let library;

function csharp(id, texts, file) {
  if (library === undefined) {
    const base = join(place, 'standin-csharp');
    rmSync(base, { recursive: true, force: true });
    mkdirSync(base, { recursive: true });
    library = join(base, 'Standin.dll');
    must('mcs', ['-nologo', '-warnaserror', '-target:library', `-out:${library}`, inside('samples/standin/csharp/Standin.cs')], base);
  }
  const made = folders(id, texts, file);
  for (const cwd of Object.values(made)) {
    cpSync(library, join(cwd, 'Standin.dll'));
    must('mcs', ['-nologo', '-warnaserror', '-reference:Standin.dll', '-out:sample.exe', file], cwd);
  }
  return each(made, ['mono', 'sample.exe']);
}

function cpp(id, texts, file) {
  const made = folders(id, texts, file);
  for (const cwd of Object.values(made)) {
    // The vendor's headers are written for this standard.
    must('g++', ['-std=c++11', '-Wall', '-Wextra', '-Werror', '-O0', '-I', inside('samples/standin/cpp'), '-o', 'sample', file], cwd);
  }
  return each(made, ['./sample']);
}

function swift(id, texts, file) {
  const made = folders(id, texts, file);
  const reader = [swiftReader, inside('samples/swift_syntax.py'), file];
  for (const cwd of Object.values(made)) {
    must(reader[0], reader.slice(1), cwd);
  }
  return each(made, reader);
}

// `runs` are those that tell what a client was given; the other tells its literals alone.
export const STANDINS = {
  php: { needs: 'php', runs: true, ready: () => works('php', '--version'), prepare: php },
  csharp: { needs: 'mcs and mono', runs: true, ready: () => works('mcs', '--version') && works('mono', '--version'), prepare: csharp },
  cpp: { needs: 'g++', runs: true, ready: () => works('g++', '--version'), prepare: cpp },
  swift: { needs: 'the grammar of requirements.txt', runs: false, ready: () => existsSync(swiftReader), prepare: swift },
};
