// A field for a password that can be made readable by who types it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { shell as m } from "../messages/en/shell.ts";
import { Text } from "./field.tsx";
import type { TextProps } from "./field.tsx";

export function Password(props: TextProps): JSX.Element {
  const [shown, setShown] = useState(false);
  return (
    <div class="stack tight">
      <Text {...props} type={shown ? "text" : "password"} />
      <label class="choice small">
        <input type="checkbox" checked={shown} onChange={(event) => setShown(event.currentTarget.checked)} />
        {m.showPassword}
      </label>
    </div>
  );
}
