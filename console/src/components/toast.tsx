// Short notes in a corner, read out politely, gone after a while. For what worked; errors stay
// where they happened.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

const SHOWN_MS = 4_000;
let notes: { id: number; text: string }[] = [];
let last = 0;
let changed: () => void = () => undefined;

export function toast(text: string): void {
  last += 1;
  const id = last;
  notes = [...notes.slice(-2), { id, text }];
  changed();
  setTimeout(() => {
    notes = notes.filter((note) => note.id !== id);
    changed();
  }, SHOWN_MS);
}

export function Toasts(): JSX.Element {
  const [, render] = useState(0);
  useEffect(() => {
    changed = () => render((n) => n + 1);
    return () => {
      changed = () => undefined;
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {notes.map((note) => (
        <div class="toast" key={note.id}>
          {note.text}
        </div>
      ))}
    </div>
  );
}
