import type { Language } from './escape.mjs';

export { Unwritable } from './escape.mjs';

/** A place for a value: `string` as a literal with its quotes, `query` percent-encoded, `int` and `name` checked and as they are. */
export interface Hole {
  hole: string;
  type: 'string' | 'int' | 'query' | 'name';
  /** What stands there while the value is not given; a hole without one must be given. */
  example?: string;
}

export type Part =
  | { text: string }
  | Hole
  /** Only when the value is given and not empty. */
  | { optional: string; parts: Part[] }
  /** Another text for each valid value. */
  | { choice: string; cases: Record<string, string> }
  /** Once for each of `params` that is not empty, with the values `key` and `value`. */
  | {
      each: 'params';
      parts: Part[];
      sorted?: boolean;
      before?: string;
      between?: string;
      after?: string;
      /** What stands there when there are none. */
      empty?: string;
    };

export interface Sample {
  id: string;
  title: string;
  language: Language;
  /** One line that installs what the sample needs. */
  install: string;
  /** The name under which to save it. */
  file: string;
  /** Nobody here has run it: the SDK of this language could not be had. */
  community?: true;
  template: Part[];
}

/** `templates.json`. */
export interface Templates {
  /** By the name of an operation; `*` is for every other one. */
  operations: Record<string, Sample[]>;
}

export interface Values {
  /** `http://…` or `https://…`: the endpoint of the instance. */
  endpoint: string;
  /** Of a template below `*`: the operation. */
  product?: string;
  version?: string;
  action?: string;
  /** Of a template below `*`: names and values, all as text. */
  params?: readonly (readonly [string, string])[];
  /** Of a typed template: the parameters by name, all as text. */
  [parameter: string]: unknown;
}

/** Throws `Unwritable` with a sentence for people when a value cannot stand in this language. */
export function fill(sample: Sample, values: Values): { text: string; missing: string[] };

export function endpointParts(endpoint: string): { url: string; host: string; protocol: string | undefined };
