// A file that is dropped or chosen. The same one can be chosen again, after it was changed. It does
// not read the file.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { bytes } from "../format.ts";

export function FileDrop(props: { label: string; choose: string; accept?: string; file: { name: string; size: number } | null; onFile: (file: File) => void }): JSX.Element {
  const [over, setOver] = useState(false);
  const take = (files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file) props.onFile(file);
  };
  return (
    <label
      class={`drop${over ? " over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <input type="file" accept={props.accept} class="visually-hidden" aria-label={props.label} onClick={(event) => (event.currentTarget.value = "")} onChange={(event) => take(event.currentTarget.files)} />
      <b>{props.file ? props.file.name : props.choose}</b>
      {props.file && <span class="quiet">{bytes(props.file.size)}</span>}
    </label>
  );
}
