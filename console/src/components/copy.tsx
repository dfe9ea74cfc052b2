// A button that copies. Where the page is no secure context the browser has no clipboard for it,
// so a hidden text area does the work; when that fails too, the button says so.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { shell as m } from "../messages/en/shell.ts";
import { CheckIcon, CopyIcon } from "./icons.tsx";
import { toast } from "./toast.tsx";

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.className = "visually-hidden";
    // Inside an open dialog, or the focus could not go there.
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    const before = document.activeElement as HTMLElement | null;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus?.();
    return done;
  }
}

const DONE_MS = 1_600;

export function CopyButton(props: { text: string | (() => string); label?: string; slim?: boolean; name?: string }): JSX.Element {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), DONE_MS);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async (): Promise<void> => {
    if (await copyText(typeof props.text === "string" ? props.text : props.text())) setDone(true);
    else toast(m.copyFailed);
  };
  return (
    <button type="button" class={`button${props.slim ? " slim" : ""}`} onClick={() => void copy()} aria-label={props.name}>
      {done ? <CheckIcon /> : <CopyIcon />}
      <span aria-live="polite">{done ? m.copied : (props.label ?? m.copy)}</span>
    </button>
  );
}
