// Labelled controls: text, select, check box, segments. Each label is tied to its
// control, each error is read with it.
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: ComponentChildren;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  children: (ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": "true" | undefined }) => ComponentChildren;
}

export function Field(props: FieldProps): JSX.Element {
  const id = useId();
  const described = [props.hint ? `${id}h` : "", props.error ? `${id}e` : ""].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label class="label" for={id}>
        {props.label}
      </label>
      {props.children({ id, "aria-describedby": described || undefined, "aria-invalid": props.error ? "true" : undefined })}
      {props.hint && (
        <div class="hint" id={`${id}h`}>
          {props.hint}
        </div>
      )}
      {props.error && (
        <div class="field-error" id={`${id}e`}>
          {props.error}
        </div>
      )}
    </div>
  );
}

export interface TextProps {
  label: ComponentChildren;
  value: string;
  onValue: (value: string) => void;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  type?: "text" | "password" | "datetime-local" | "number" | "search";
  mono?: boolean;
  lines?: number;
  required?: boolean;
  placeholder?: string;
  autocomplete?: string;
  autoFocus?: boolean;
  disabled?: boolean;
  pattern?: string;
  inputMode?: "numeric" | "text" | "tel";
}

export function Text(props: TextProps): JSX.Element {
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {(ids) =>
        props.lines ? (
          <textarea {...ids} class={`input${props.mono ? " mono" : ""}`} rows={props.lines} value={props.value} placeholder={props.placeholder} required={props.required} spellcheck={false} onInput={(event) => props.onValue(event.currentTarget.value)} />
        ) : (
          <input
            {...ids}
            class={`input${props.mono ? " mono" : ""}`}
            {...({ type: props.type ?? "text" } as { type: "text" })}
            value={props.value}
            placeholder={props.placeholder}
            required={props.required}
            disabled={props.disabled}
            pattern={props.pattern}
            inputMode={props.inputMode}
            autocomplete={props.autocomplete ?? "off"}
            autoFocus={props.autoFocus}
            spellcheck={false}
            autocapitalize="none"
            onInput={(event) => props.onValue(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

export interface Option {
  value: string;
  label: string;
  disabled?: boolean;
}

export function Select(props: { label: ComponentChildren; value: string; options: Option[]; onValue: (value: string) => void; hint?: ComponentChildren; error?: string | null | undefined; disabled?: boolean; required?: boolean }): JSX.Element {
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {(ids) => (
        <select {...ids} class="select" value={props.value} disabled={props.disabled} required={props.required} onChange={(event) => props.onValue(event.currentTarget.value)}>
          {props.options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled} selected={option.value === props.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Check(props: { label: ComponentChildren; checked: boolean; onChecked: (checked: boolean) => void; disabled?: boolean }): JSX.Element {
  return (
    <label class="choice">
      <input type="checkbox" checked={props.checked} disabled={props.disabled} onChange={(event) => props.onChecked(event.currentTarget.checked)} />
      <span>{props.label}</span>
    </label>
  );
}

export function Segments(props: { label: string; value: string; options: Option[]; onValue: (value: string) => void }): JSX.Element {
  const name = useId();
  return (
    <fieldset class="field">
      <legend class="label">{props.label}</legend>
      <div class="segments">
        {props.options.map((option) => (
          <label key={option.value}>
            <input type="radio" name={name} value={option.value} checked={option.value === props.value} disabled={option.disabled} onChange={() => props.onValue(option.value)} />
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
