// What was run in this tab, newest first; in memory only, because parameters may be private.
import type { CallAnswer } from "../../types.ts";

export interface Past {
  id: number;
  atMs: number;
  operation: string;
  params: Record<string, string>;
  answer: CallAnswer;
}

const KEPT = 50;
let past: Past[] = [];
let last = 0;

export const history = (): Past[] => past;

export function remember(entry: Omit<Past, "id">): void {
  last += 1;
  past = [{ ...entry, id: last }, ...past].slice(0, KEPT);
}
