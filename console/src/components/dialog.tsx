// Dialogs on the browser's own element, which traps the focus and gives it back. A secret that is
// shown once has a dialog of its own, which cannot be left by accident.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { shell as m } from "../messages/en/shell.ts";
import { CopyButton } from "./copy.tsx";
import { CloseIcon } from "./icons.tsx";

export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; broad?: boolean; stay?: boolean }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before?.isConnected) before.focus();
      // Who opened it may have lost the focus, as a button that is busy does: then the page has it.
      const now = document.activeElement;
      if (now === null || now === document.body || dialog?.contains(now)) document.getElementById("main")?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog${props.broad ? " broad" : ""}`}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        if (!props.stay) props.onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={title}>{props.title}</h2>
        {!props.stay && (
          <button type="button" class="icon-button" aria-label={m.close} onClick={props.onClose}>
            <CloseIcon />
          </button>
        )}
      </div>
      <div class="dialog-body">{props.children}</div>
    </dialog>
  );
}

/** A question before something that cannot be undone. */
export function Confirm(props: { title: string; children: ComponentChildren; action: string; busy?: boolean; onClose: () => void; onYes: () => void }): JSX.Element {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      {props.children}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={props.onClose}>
          {m.cancel}
        </button>
        <button type="button" class="button danger" disabled={props.busy} onClick={props.onYes}>
          {props.action}
        </button>
      </div>
    </Dialog>
  );
}

/** Values that are never shown again: copy or download, then confirm. */
export function SecretOnce(props: { title: string; warning: string; values: [string, string][]; file: string; done: string; onDone: () => void }): JSX.Element {
  const download = (): void => {
    const text = props.values.map(([name, value]) => `${name},${value}\n`).join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = props.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
  };
  return (
    <Dialog title={props.title} onClose={props.onDone} stay>
      <div class="banner warn">{props.warning}</div>
      {props.values.map(([name, value]) => (
        <div class="secret" key={name}>
          <span class="label">{name}</span>
          <code>{value}</code>
          <CopyButton text={value} slim name={`${m.copy} ${name}`} />
        </div>
      ))}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={download}>
          {m.download}
        </button>
        <button type="button" class="button primary" onClick={props.onDone}>
          {props.done}
        </button>
      </div>
    </Dialog>
  );
}
