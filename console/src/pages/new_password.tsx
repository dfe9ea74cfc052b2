// Two fields for a new password, with its only rule: it is long.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Text } from "../components/field.tsx";
import { Password } from "../components/password.tsx";
import { door as m } from "../messages/en/door.ts";

const PASSWORD_MIN = 12;

/** Two fields for a new password; gives it when it is long enough and the same twice. */
export function NewPassword(props: { onPassword: (password: string | null) => void }): JSX.Element {
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const told = (a: string, b: string): void => props.onPassword(a.length >= PASSWORD_MIN && a === b ? a : null);
  return (
    <>
      <Password
        label={m.password}
        value={first}
        hint={first.length >= PASSWORD_MIN ? m.enough(first.length) : m.length(first.length)}
        autocomplete="new-password"
        required
        onValue={(value) => {
          setFirst(value);
          told(value, second);
        }}
      />
      <Text
        label={m.repeat}
        type="password"
        value={second}
        error={second !== "" && first !== second ? m.differ : null}
        autocomplete="new-password"
        required
        onValue={(value) => {
          setSecond(value);
          told(first, value);
        }}
      />
    </>
  );
}
