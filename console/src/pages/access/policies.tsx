// Policies: the list, an editor with a check and a statement builder, and the simulator, which asks
// the code that decides about calls.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../../api.ts";
import type { Result } from "../../api.ts";
import { useAct } from "../../components/act.ts";
import { Select, Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Failed, Loaded } from "../../components/states.tsx";
import type { Column } from "../../components/table.tsx";
import { When } from "../../components/when.tsx";
import { count } from "../../format.ts";
import { access as m } from "../../messages/en/access.ts";
import { ram, ramList } from "../../ram.ts";
import { useSession } from "../../session.ts";
import { DeleteButton, FormDialog, List } from "./parts.tsx";
import { dateMs } from "./ram_types.ts";
import type { RamPolicy, RamPolicyVersion } from "./ram_types.ts";

const STATEMENT = { Effect: "Allow", Action: "cams:GetChatappPhoneNumberMetric", Resource: "*" };
const EMPTY = JSON.stringify({ Version: "1", Statement: [STATEMENT] }, null, 2);

/** The document with one more statement, or null when it cannot be read. */
export function withStatement(document: string, statement: object): string | null {
  try {
    const read = JSON.parse(document) as { Version?: string; Statement?: object[] | object };
    const statements = Array.isArray(read.Statement) ? read.Statement : read.Statement ? [read.Statement] : [];
    return JSON.stringify({ ...read, Version: read.Version ?? "1", Statement: [...statements, statement] }, null, 2);
  } catch {
    return null;
  }
}

function Builder(props: { document: string; onDocument: (document: string) => void }): JSX.Element {
  const [effect, setEffect] = useState("Allow");
  const [action, setAction] = useState(STATEMENT.Action);
  const [resource, setResource] = useState("*");
  const next = withStatement(props.document, { Effect: effect, Action: action, Resource: resource });
  return (
    <details class="details">
      <summary>{m.builder}</summary>
      <div class="columns builder">
        <Select label={m.effect} value={effect} options={Object.entries(m.effects).map(([value, label]) => ({ value, label }))} onValue={setEffect} />
        <Text label={m.action} mono value={action} onValue={setAction} />
        <Text label={m.resource} mono value={resource} onValue={setResource} />
      </div>
      <button type="button" class="button slim" disabled={next === null} onClick={() => next !== null && props.onDocument(next)}>
        {m.insert}
      </button>
    </details>
  );
}

function DocumentField(props: { document: string; onDocument: (document: string) => void }): JSX.Element {
  const act = useAct();
  const [verdict, setVerdict] = useState<{ ok: boolean; message?: string } | null>(null);
  const change = (document: string): void => {
    setVerdict(null);
    props.onDocument(document);
  };
  return (
    <>
      <Text label={m.document} lines={14} mono value={props.document} onValue={change} required error={verdict && !verdict.ok ? (verdict.message ?? m.notJson) : null} />
      <div class="row" aria-live="polite">
        <button type="button" class="button slim" disabled={act.busy} onClick={() => void act.run(() => call<{ ok: boolean; message?: string }>("POST", "policies/check", { document: props.document }), setVerdict)}>
          {m.check}
        </button>
        {verdict?.ok && <span class="state ok">{m.checked}</span>}
      </div>
      <Failed error={act.error} />
      <Builder document={props.document} onDocument={change} />
    </>
  );
}

type Current = { Policy: { PolicyName: string }; DefaultPolicyVersion: { PolicyDocument: string } };

/** The versions that are kept: one is in effect, any other can be put in effect again. */
function Versions(props: { name: string; onDocument: (document: string) => void; onDone: () => void }): JSX.Element {
  const who = { PolicyName: props.name };
  const versions = useLoad(`versions|${props.name}`, () => ramList<RamPolicyVersion>("ListPolicyVersions", "PolicyVersions", "PolicyVersion", { ...who, PolicyType: "Custom" }));
  const act = useAct();
  const of = (version: string): Record<string, string> => ({ ...who, VersionId: version });
  const look = (version: string): void => void act.run(() => ram<{ PolicyVersion: RamPolicyVersion }>("GetPolicyVersion", { ...of(version), PolicyType: "Custom" }), (data) => props.onDocument(spread(data.PolicyVersion.PolicyDocument)));
  return (
    <section class="stack tight">
      <h3>{m.versions}</h3>
      <Loaded of={versions} height={40}>
        {(rows) => (
          <ul class="members">
            {rows.map((row) => (
              <li key={row.VersionId}>
                <span class="grow">
                  <button type="button" class="link" aria-label={`${m.showVersion} ${row.VersionId}`} onClick={() => look(row.VersionId)}>
                    {row.VersionId}
                  </button>{" "}
                  <When ms={dateMs(row.CreateDate)} />
                </span>
                {row.IsDefaultVersion ? (
                  <span class="state ok">{m.inEffect}</span>
                ) : (
                  <>
                    <button type="button" class="button slim" aria-label={`${m.putInEffect} ${row.VersionId}`} disabled={act.busy} onClick={() => void act.run(() => ram("SetDefaultPolicyVersion", of(row.VersionId)), props.onDone)}>
                      {m.putInEffect}
                    </button>
                    <DeleteButton name={row.VersionId} work={() => ram("DeletePolicyVersion", of(row.VersionId))} onDone={versions.reload} />
                  </>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <Failed error={act.error} />
    </section>
  );
}

function PolicyEditor(props: { name: string; document: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const [document, setDocument] = useState(props.document);
  const save = (): Promise<Result<unknown>> => ram("CreatePolicyVersion", { PolicyName: props.name, PolicyDocument: document, SetAsDefault: "true", RotateStrategy: "DeleteOldestNonDefaultVersionWhenLimitExceeded" });
  return (
    <FormDialog title={props.name} action={m.saveVersion} broad submit={save} onClose={props.onClose} onDone={props.onDone} disabled={document === props.document}>
      <DocumentField document={document} onDocument={setDocument} />
      <p class="hint">{m.policyKept}</p>
      <Versions name={props.name} onDocument={setDocument} onDone={props.onDone} />
    </FormDialog>
  );
}

function NewPolicy(props: { onClose: () => void; onDone: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [document, setDocument] = useState(EMPTY);
  return (
    <FormDialog title={m.newPolicy} action={m.create} broad submit={() => ram("CreatePolicy", { PolicyName: name, PolicyDocument: document, ...(description ? { Description: description } : {}) })} onClose={props.onClose} onDone={props.onDone}>
      <Text label={m.name} hint={m.policyNameHint} value={name} onValue={setName} required autoFocus />
      <Text label={m.description} value={description} onValue={setDescription} />
      <DocumentField document={document} onDocument={setDocument} />
    </FormDialog>
  );
}

/** Condition keys, one a line as `key=value`, or null when a line is no such thing. */
export function contextOf(text: string): Record<string, string> | null {
  const keys: Record<string, string> = {};
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line === "") continue;
    const at = line.indexOf("=");
    if (at < 1) return null;
    keys[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return keys;
}

interface Verdict {
  allowed: boolean;
  decidedBy: { policy: string; statement: number; effect: string } | null;
}

function Simulator(): JSX.Element {
  const session = useSession();
  const [user, setUser] = useState(session.user);
  const [action, setAction] = useState(STATEMENT.Action);
  const [resource, setResource] = useState(`acs:cams:*:${session.account.id}:*`);
  const [context, setContext] = useState("");
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const act = useAct();
  const keys = contextOf(context);
  const ask = (event: Event): void => {
    event.preventDefault();
    if (keys) void act.run(() => call<Verdict>("POST", "policies/simulate", { user, action, resource, context: keys }), setVerdict);
  };
  return (
    <form class="card card-body stack" onSubmit={ask}>
      <h2>{m.simulator}</h2>
      <p class="quiet">{m.simulatorWhat}</p>
      <div class="columns">
        <Text label={m.user} value={user} onValue={setUser} required />
        <Text label={m.action} mono value={action} onValue={setAction} required />
        <Text label={m.resource} mono value={resource} onValue={setResource} required />
      </div>
      <Text label={m.context} hint={m.contextHint} lines={3} mono value={context} onValue={setContext} error={keys ? null : m.contextFault} />
      <div class="row">
        <button type="submit" class="button" disabled={act.busy || !keys}>
          {m.simulate}
        </button>
        <span class="row" aria-live="polite">
          {verdict && (
            <>
              <span class={`state ${verdict.allowed ? "ok" : "bad"}`}>
                <b>{verdict.allowed ? m.allowed : m.deniedVerdict}</b>
              </span>
              <span class="quiet">{verdict.decidedBy ? m.by(verdict.decidedBy.policy, count(verdict.decidedBy.statement + 1), verdict.decidedBy.effect) : m.byNone}</span>
            </>
          )}
        </span>
      </div>
      <Failed error={act.error} />
    </form>
  );
}

function LoadedEditor(props: { name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const policy = useLoad(`policy|${props.name}`, () => ram<Current>("GetPolicy", { PolicyName: props.name, PolicyType: "Custom" }));
  return <Loaded of={policy}>{(data) => <PolicyEditor name={props.name} document={spread(data.DefaultPolicyVersion.PolicyDocument)} onClose={props.onClose} onDone={props.onDone} />}</Loaded>;
}

function spread(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}

export function PoliciesTab(): JSX.Element {
  const policies = useLoad("ram-policies", () => ramList<RamPolicy>("ListPolicies", "Policies", "Policy"));
  const [opened, setOpened] = useState<string | null>(null);
  const [adding, setAdding] = useState(false);
  const columns: Column<RamPolicy>[] = [
    { key: "name", title: m.policy, cell: (row) => <button type="button" class="link" onClick={() => setOpened(row.PolicyName)}>{row.PolicyName}</button>, by: (row) => row.PolicyName, upFirst: true },
    { key: "description", title: m.description, cell: (row) => <span class="clip">{row.Description}</span> },
    { key: "version", title: m.version, cell: (row) => row.DefaultVersion },
    { key: "attached", title: m.attachedTo, cell: (row) => count(row.AttachmentCount), by: (row) => row.AttachmentCount, number: true },
    { key: "updated", title: m.updated, cell: (row) => <When ms={dateMs(row.UpdateDate)} />, by: (row) => row.UpdateDate },
    { key: "actions", title: m.actions, actions: true, cell: (row) => <DeleteButton name={row.PolicyName} work={() => ram("DeletePolicy", { PolicyName: row.PolicyName })} onDone={policies.reload} /> },
  ];
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.newPolicy}
    </button>
  );
  const close = (changed: boolean): void => {
    setOpened(null);
    setAdding(false);
    if (changed) policies.reload();
  };
  return (
    <>
      <List of={policies} caption={m.tabs.policies} columns={columns} rowKey={(row) => row.PolicyName} what={m.noPolicies} add={add} />
      <Simulator />
      {opened && <LoadedEditor name={opened} onClose={() => close(false)} onDone={() => close(true)} />}
      {adding && <NewPolicy onClose={() => close(false)} onDone={() => close(true)} />}
    </>
  );
}
