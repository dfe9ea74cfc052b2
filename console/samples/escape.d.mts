/** The language of a sample, by its literals; curl and the command lines are `shell`. */
export type Language =
  | 'cpp'
  | 'csharp'
  | 'go'
  | 'java'
  | 'php'
  | 'python'
  | 'rust'
  | 'shell'
  | 'swift'
  | 'typescript';

/** A value that a language has no literal for, or that a hole may not hold. */
export class Unwritable extends Error {
  constructor(why: string);
}

/** The literal, quotes included, that a program of the language reads as `text`. */
export const literal: Readonly<Record<Language, (text: string) => string>>;

/** What stands between `=` and `&` of a canonical query. */
export function query(text: string): string;
