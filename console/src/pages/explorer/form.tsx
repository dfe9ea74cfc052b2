// The form of an operation, made from its metadata: each parameter with its documentation, times
// in milliseconds beside ISO and a calendar, numbers and spaces to pick from.
import type { JSX } from "preact";
import { get } from "../../api.ts";
import { now } from "../../clock.ts";
import { Field, Select, Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { iso, phone } from "../../format.ts";
import { explorer as m } from "../../messages/en/explorer.ts";
import type { Operation, OperationParameter, PhoneNumber, Space } from "../../types.ts";

interface FormProps {
  operation: Operation;
  values: Record<string, string>;
  onValue: (name: string, value: string) => void;
  fieldError: { name: string; message: string } | null;
}

/** Parameters that are instants in ms. */
export const isTime = (parameter: OperationParameter): boolean => parameter.type === "integer" && /^(Start|End)$/.test(parameter.name);

function Label(props: { parameter: OperationParameter }): JSX.Element {
  const { parameter } = props;
  return (
    <>
      <code>{parameter.name}</code>
      <span class="type">{parameter.format ?? parameter.type}</span>
      {parameter.required && <span class="needed"> {m.required.toLowerCase()}</span>}
    </>
  );
}

function TimeField(props: { parameter: OperationParameter; value: string; onValue: (value: string) => void; error: string | null }): JSX.Element {
  const { parameter, value, onValue } = props;
  const ms = /^\d{1,15}$/.test(value) ? Number(value) : null;
  const error = props.error ?? (value !== "" && ms === null ? m.notMs : null);
  return (
    <Field label={<Label parameter={parameter} />} hint={parameter.description} error={error}>
      {(ids) => (
        <div class="time-field">
          <input {...ids} class="input mono" inputMode="numeric" value={value} placeholder={parameter.example} onInput={(event) => onValue(event.currentTarget.value.trim())} />
          <input class="input" type="datetime-local" step="1" aria-label={`${parameter.name}, ${m.calendar}`} title={m.calendar} value={ms === null ? "" : iso(ms).slice(0, 19)} onInput={(event) => event.currentTarget.value && onValue(String(Date.parse(`${event.currentTarget.value}Z`)))} />
          <button type="button" class="button slim" aria-label={`${parameter.name}: ${m.setNow}`} onClick={() => onValue(String(now()))}>
            {m.setNow}
          </button>
          {ms !== null && <span class="hint mono">{m.ms(iso(ms))}</span>}
        </div>
      )}
    </Field>
  );
}

/** A text with suggestions that the account has. */
function Suggested(props: { parameter: OperationParameter; value: string; onValue: (value: string) => void; error: string | null; options: { value: string; label: string }[] }): JSX.Element {
  const { parameter } = props;
  const list = `list-${parameter.name}`;
  return (
    <Field label={<Label parameter={parameter} />} hint={parameter.description} error={props.error}>
      {(ids) => (
        <>
          <input {...ids} class="input mono" list={list} autocomplete="off" value={props.value} placeholder={parameter.example} onInput={(event) => props.onValue(event.currentTarget.value)} />
          <datalist id={list}>
            {props.options.map((option) => (
              <option key={option.value} value={option.value} label={option.label} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

export function ParameterForm(props: FormProps): JSX.Element {
  const { operation, values } = props;
  const has = (name: string): boolean => operation.parameters.some((parameter) => parameter.name === name);
  const spaces = useLoad(has("CustSpaceId") ? "spaces" : null, (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const own = spaces.data?.spaces ?? [];
  const space = own.find((one) => one.id === values["CustSpaceId"]) ?? own.find((one) => one.default);
  const numbers = useLoad(has("PhoneNumber") && space && !space.isvCode ? `numbers|${space.id}` : null, (signal) => get<{ numbers: PhoneNumber[] }>(`numbers?space=${encodeURIComponent(space?.id ?? "")}`, signal));
  const suggestions: Record<string, { value: string; label: string }[]> = {
    CustSpaceId: own.map((one) => ({ value: one.id, label: one.timeZone })),
    PhoneNumber: (numbers.data?.numbers ?? []).slice(0, 200).map((one) => ({ value: one.number, label: phone(one.number) })),
  };
  if (operation.parameters.length === 0) return <p class="quiet">{m.noParameters}</p>;
  return (
    <>
      {operation.parameters.map((parameter) => {
        const { name } = parameter;
        const value = values[name] ?? "";
        const error = props.fieldError?.name === name ? props.fieldError.message : null;
        const onValue = (next: string): void => props.onValue(name, next);
        const shared = { parameter, value, onValue, error };
        if (isTime(parameter)) return <TimeField key={name} {...shared} />;
        if (suggestions[name]) return <Suggested key={name} {...shared} options={suggestions[name]} />;
        if (parameter.enum) return <Select key={name} label={<Label parameter={parameter} />} hint={parameter.description} error={error} value={value} onValue={onValue} options={[{ value: "", label: m.notSet }, ...parameter.enum.map((one) => ({ value: one, label: one }))]} />;
        return <Text key={name} label={<Label parameter={parameter} />} hint={parameter.description} error={error} value={value} onValue={onValue} mono placeholder={parameter.example} {...(/Document$/.test(name) ? { lines: 6 } : {})} />;
      })}
    </>
  );
}
