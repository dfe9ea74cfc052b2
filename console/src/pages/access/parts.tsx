// What the tabs of Access share: a list that loads, a form in a dialog, deleting after a question,
// and attaching policies.
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { Result } from "../../api.ts";
import { useAct } from "../../components/act.ts";
import { Confirm, Dialog } from "../../components/dialog.tsx";
import { Select, Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import type { Loading } from "../../components/load.ts";
import { EmptyState, Failed, Loaded } from "../../components/states.tsx";
import { Table } from "../../components/table.tsx";
import type { Column } from "../../components/table.tsx";
import { toast } from "../../components/toast.tsx";
import { access as m } from "../../messages/en/access.ts";
import { shell } from "../../messages/en/shell.ts";
import { ram, ramList } from "../../ram.ts";
import type { RamPolicy } from "./ram_types.ts";

export function List<Row>(props: { of: Loading<Row[]>; caption: string; columns: Column<Row>[]; rowKey: (row: Row) => string; what: string; add: ComponentChildren }): JSX.Element {
  return (
    <div class="card">
      <div class="card-head">
        <h2>{props.caption}</h2>
        {props.add}
      </div>
      <Loaded of={props.of}>
        {(rows) =>
          rows.length === 0 ? (
            <EmptyState title={m.noneYet} actions={props.add}>
              <p>{props.what}</p>
            </EmptyState>
          ) : (
            <Table caption={props.caption} columns={props.columns} rows={rows} rowKey={props.rowKey} />
          )
        }
      </Loaded>
    </div>
  );
}

export function FormDialog(props: { title: string; action: string; disabled?: boolean; broad?: boolean; submit: () => Promise<Result<unknown>>; onClose: () => void; onDone: (data: unknown) => void; children: ComponentChildren }): JSX.Element {
  const act = useAct();
  const submit = (event: Event): void => {
    event.preventDefault();
    void act.run(props.submit, props.onDone);
  };
  return (
    <Dialog title={props.title} onClose={props.onClose} {...(props.broad ? { broad: true } : {})}>
      <form class="stack" onSubmit={submit}>
        {props.children}
        <Failed error={act.error} />
        <div class="dialog-foot">
          <button type="button" class="button" onClick={props.onClose}>
            {shell.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy || props.disabled}>
            {props.action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A button that deletes after a question. */
export function DeleteButton(props: { name: string; what?: string; label?: string; work: () => Promise<Result<unknown>>; onDone: () => void }): JSX.Element {
  const [asking, setAsking] = useState(false);
  const act = useAct();
  const yes = (): void =>
    void act.run(props.work, () => {
      setAsking(false);
      toast(m.deleted(props.name));
      props.onDone();
    });
  return (
    <>
      <button type="button" class="button slim" aria-label={`${props.label ?? m.delete} ${props.name}`} onClick={() => setAsking(true)}>
        {props.label ?? m.delete}
      </button>
      {asking && (
        <Confirm title={m.deleteTitle(props.name)} action={props.label ?? m.delete} busy={act.busy} onClose={() => setAsking(false)} onYes={yes}>
          {props.what && <p>{props.what}</p>}
          <Failed error={act.error} />
        </Confirm>
      )}
    </>
  );
}

export interface Detail {
  key: string;
  label: string;
  value: string;
  lines?: number;
}

/** What can be changed of something; only what was changed is sent. */
export function Details(props: { title: string; details: Detail[]; save: (changed: Record<string, string>) => Promise<Result<unknown>>; onDone: () => void }): JSX.Element {
  const [values, setValues] = useState<Record<string, string>>({});
  const act = useAct();
  const changed = Object.fromEntries(props.details.flatMap(({ key, value }) => (values[key] !== undefined && values[key] !== value ? [[key, values[key]]] : [])));
  const submit = (event: Event): void => {
    event.preventDefault();
    void act.run(
      () => props.save(changed),
      () => {
        toast(m.saved);
        props.onDone();
      },
    );
  };
  return (
    <form class="stack tight" onSubmit={submit}>
      <h3>{props.title}</h3>
      {props.details.map(({ key, label, value, lines }) => (
        <Text key={key} label={label} value={values[key] ?? value} onValue={(next) => setValues({ ...values, [key]: next })} {...(lines ? { lines, mono: true } : {})} />
      ))}
      <Failed error={act.error} />
      <div class="row">
        <button type="submit" class="button slim" disabled={act.busy || Object.keys(changed).length === 0}>
          {m.save}
        </button>
      </div>
    </form>
  );
}

/** Things that belong to something, each with a way out, and a select to add one. */
export function Members(props: { title: string; empty: string; items: Loading<string[]>; addLabel: string; candidates: Loading<string[]>; add: (name: string) => Promise<Result<unknown>>; remove: (name: string) => Promise<Result<unknown>>; removeLabel: string }): JSX.Element {
  const [chosen, setChosen] = useState("");
  const act = useAct();
  const changed = (): void => {
    setChosen("");
    props.items.reload();
  };
  return (
    <section class="stack tight">
      <h3>{props.title}</h3>
      <Loaded of={props.items} height={40}>
        {(items) => {
          const free = (props.candidates.data ?? []).filter((name) => !items.includes(name));
          return (
            <>
              {items.length === 0 && <p class="quiet">{props.empty}</p>}
              <ul class="members">
                {items.map((name) => (
                  <li key={name}>
                    <span class="grow">{name}</span>
                    <button type="button" class="button slim" aria-label={`${props.removeLabel} ${name}`} disabled={act.busy} onClick={() => void act.run(() => props.remove(name), changed)}>
                      {props.removeLabel}
                    </button>
                  </li>
                ))}
              </ul>
              {free.length > 0 && (
                <div class="add-member">
                  <Select label={props.addLabel} value={chosen} options={[{ value: "", label: m.choose }, ...free.map((name) => ({ value: name, label: name }))]} onValue={setChosen} />
                  <button type="button" class="button" disabled={act.busy || chosen === ""} onClick={() => void act.run(() => props.add(chosen), changed)}>
                    {m.add}
                  </button>
                </div>
              )}
            </>
          );
        }}
      </Loaded>
      <Failed error={act.error} />
    </section>
  );
}

const mapped = <T, U>(result: Result<T[]>, map: (item: T) => U): Result<U[]> => (result.ok ? { ok: true, data: result.data.map(map) } : result);
export { mapped };

/** Policies of a user, a group or a role. */
export function Policies(props: { of: "User" | "Group" | "Role"; name: string }): JSX.Element {
  const { of, name } = props;
  const who = { [`${of}Name`]: name };
  const items = useLoad(`policies|${of}|${name}`, async () => mapped(await ramList<RamPolicy>(`ListPoliciesFor${of}`, "Policies", "Policy", who), (one) => one.PolicyName));
  const candidates = useLoad("policies", async () => mapped(await ramList<RamPolicy>("ListPolicies", "Policies", "Policy"), (one) => one.PolicyName));
  const change = (verb: string) => (policy: string) => ram(verb, { PolicyType: "Custom", PolicyName: policy, ...who });
  return <Members title={m.policiesOf} empty={m.noPolicies} items={items} candidates={candidates} addLabel={m.addPolicy} add={change(`AttachPolicyTo${of}`)} remove={change(`DetachPolicyFrom${of}`)} removeLabel={m.detach} />;
}
