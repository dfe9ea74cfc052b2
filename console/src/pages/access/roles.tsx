// Roles: who may assume them, for how long, with which policies.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../components/dialog.tsx";
import { Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Loaded } from "../../components/states.tsx";
import type { Column } from "../../components/table.tsx";
import { When } from "../../components/when.tsx";
import { count } from "../../format.ts";
import { access as m } from "../../messages/en/access.ts";
import { ram, ramList } from "../../ram.ts";
import { useSession } from "../../session.ts";
import { DeleteButton, Details, FormDialog, List, Policies } from "./parts.tsx";
import { dateMs } from "./ram_types.ts";
import type { RamRole } from "./ram_types.ts";

function RoleDialog(props: { role: RamRole; onClose: () => void; onChanged: () => void }): JSX.Element {
  const name = props.role.RoleName;
  const role = useLoad(`role|${name}`, () => ram<{ Role: { AssumeRolePolicyDocument: string } }>("GetRole", { RoleName: name }));
  return (
    <Dialog title={name} onClose={props.onClose}>
      <dl class="facts">
        <dt>{m.arn}</dt>
        <dd class="mono">{props.role.Arn}</dd>
      </dl>
      <Loaded of={role} height={120}>
        {(data) => (
          <Details
            title={m.details}
            details={[
              { key: "NewDescription", label: m.description, value: props.role.Description ?? "" },
              { key: "NewMaxSessionDuration", label: m.duration, value: String(props.role.MaxSessionDuration) },
              { key: "NewAssumeRolePolicyDocument", label: m.trust, value: pretty(data.Role.AssumeRolePolicyDocument), lines: 10 },
            ]}
            save={(changed) => ram("UpdateRole", { RoleName: name, ...changed })}
            onDone={() => {
              role.reload();
              props.onChanged();
            }}
          />
        )}
      </Loaded>
      <Policies of="Role" name={name} />
    </Dialog>
  );
}

function pretty(document: string): string {
  try {
    return JSON.stringify(JSON.parse(document), null, 2);
  } catch {
    return document;
  }
}

function NewRole(props: { onClose: () => void; onDone: () => void }): JSX.Element {
  const session = useSession();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [duration, setDuration] = useState("3600");
  const [trust, setTrust] = useState(() => JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: [`acs:ram::${session.account.id}:root`] } }] }, null, 2));
  const submit = () => ram("CreateRole", { RoleName: name, AssumeRolePolicyDocument: trust, MaxSessionDuration: duration, ...(description ? { Description: description } : {}) });
  return (
    <FormDialog title={m.newRole} action={m.create} broad submit={submit} onClose={props.onClose} onDone={props.onDone}>
      <Text label={m.name} hint={m.nameHint} value={name} onValue={setName} required autoFocus />
      <Text label={m.description} value={description} onValue={setDescription} />
      <Text label={m.duration} value={duration} onValue={setDuration} inputMode="numeric" pattern="[0-9]{4,5}" />
      <Text label={m.trust} lines={10} mono value={trust} onValue={setTrust} required />
    </FormDialog>
  );
}

export function RolesTab(): JSX.Element {
  const roles = useLoad("ram-roles", () => ramList<RamRole>("ListRoles", "Roles", "Role"));
  const [opened, setOpened] = useState<RamRole | null>(null);
  const [adding, setAdding] = useState(false);
  const columns: Column<RamRole>[] = [
    { key: "name", title: m.name, cell: (row) => <button type="button" class="link" onClick={() => setOpened(row)}>{row.RoleName}</button>, by: (row) => row.RoleName, upFirst: true },
    { key: "description", title: m.description, cell: (row) => <span class="clip">{row.Description}</span> },
    { key: "arn", title: m.arn, cell: (row) => <code class="nowrap">{row.Arn}</code> },
    { key: "duration", title: m.duration, cell: (row) => count(row.MaxSessionDuration), by: (row) => row.MaxSessionDuration, number: true },
    { key: "created", title: m.created, cell: (row) => <When ms={dateMs(row.CreateDate)} />, by: (row) => row.CreateDate },
    { key: "actions", title: m.actions, actions: true, cell: (row) => <DeleteButton name={row.RoleName} work={() => ram("DeleteRole", { RoleName: row.RoleName })} onDone={roles.reload} /> },
  ];
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.newRole}
    </button>
  );
  return (
    <>
      <List of={roles} caption={m.tabs.roles} columns={columns} rowKey={(row) => row.RoleId} what={m.roleWhat} add={add} />
      {opened && <RoleDialog role={opened} onClose={() => setOpened(null)} onChanged={roles.reload} />}
      {adding && (
        <NewRole
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            roles.reload();
          }}
        />
      )}
    </>
  );
}
