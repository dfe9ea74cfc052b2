// The form of an operation, made from its metadata: each parameter with its documentation, times
// as milliseconds, ISO or in a calendar, numbers and spaces to pick from.
import type { JSX } from "preact";
import { get } from "../../api.ts";
import { now } from "../../clock.ts";
import { Field, Select, Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { iso, phone } from "../../format.ts";
import { explorer as m } from "../../messages/en/explorer.ts";
import type { Operation, OperationParameter, PhoneNumber, Space } from "../../types.ts";
import { knows } from "../../zone.ts";
import { instantIn, instantOfWall, isMs, wallText } from "./times.ts";

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

/** The value is milliseconds, or what was typed while it says no time. */
function TimeField(props: { parameter: OperationParameter; value: string; onValue: (value: string) => void; error: string | null; zone: string }): JSX.Element {
  const { parameter, value, onValue, zone } = props;
  const ms = isMs(value) ? Number(value) : null;
  const error = props.error ?? (value !== "" && ms === null ? m.notTime(parameter.name) : null);
  const typed = (text: string): void => onValue(String(instantIn(text) ?? text.trimStart()));
  const picked = (text: string): void => {
    const instant = instantOfWall(zone, text);
    if (instant !== null) onValue(String(instant));
  };
  return (
    <Field label={<Label parameter={parameter} />} hint={parameter.description} error={error}>
      {(ids) => (
        <div class="time-field">
          <input {...ids} class="input mono" autocomplete="off" spellcheck={false} value={value} placeholder={parameter.example} onInput={(event) => typed(event.currentTarget.value)} />
          <input class="input" type="datetime-local" step="1" aria-label={`${parameter.name}, ${m.calendar(zone)}`} title={m.calendar(zone)} value={ms === null ? "" : wallText(zone, ms)} onInput={(event) => picked(event.currentTarget.value)} />
          <button type="button" class="button slim" aria-label={`${parameter.name}: ${m.setNow}`} onClick={() => onValue(String(now()))}>
            {m.setNow}
          </button>
          <span class="hint">{m.calendar(zone)}</span>
          {ms !== null && <span class="hint mono">{m.ms(iso(ms))}</span>}
          {value === "" && <span class="hint">{m.timeWhat}</span>}
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
  const zone = space && knows(space.timeZone) ? space.timeZone : "UTC";
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
        if (isTime(parameter)) return <TimeField key={name} {...shared} zone={zone} />;
        if (suggestions[name]) return <Suggested key={name} {...shared} options={suggestions[name]} />;
        if (parameter.enum) return <Select key={name} label={<Label parameter={parameter} />} hint={parameter.description} error={error} value={value} onValue={onValue} options={[{ value: "", label: m.notSet }, ...parameter.enum.map((one) => ({ value: one, label: one }))]} />;
        return <Text key={name} label={<Label parameter={parameter} />} hint={parameter.description} error={error} value={value} onValue={onValue} mono placeholder={parameter.example} {...(/Document$/.test(name) ? { lines: 6 } : {})} />;
      })}
    </>
  );
}
