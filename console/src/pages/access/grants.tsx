// ISV grants: spaces of this account that others may read, and what others opened to this one.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get } from "../../api.ts";
import { SecretOnce } from "../../components/dialog.tsx";
import { Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import type { Column } from "../../components/table.tsx";
import { access as m } from "../../messages/en/access.ts";
import { useMay } from "../../session.ts";
import type { Grants } from "../../types.ts";
import { DeleteButton, FormDialog, List } from "./parts.tsx";

type Given = Grants["given"][number];
type Received = Grants["received"][number];
const list = (text: string): string[] => text.split(",").map((part) => part.trim()).filter(Boolean);

function Chips(props: { of: string[] }): JSX.Element {
  return (
    <span class="chips">
      {props.of.map((one) => (
        <span class="chip" key={one}>
          {one === "*" ? m.allUsers : one}
        </span>
      ))}
    </span>
  );
}

function NewGrant(props: { onClose: () => void; onDone: (code: string) => void }): JSX.Element {
  const [account, setAccount] = useState("");
  const [users, setUsers] = useState("*");
  const [spaces, setSpaces] = useState("");
  return (
    <FormDialog title={m.newGrant} action={m.create} submit={() => call("POST", "grants", { account: account.trim(), users: list(users), spaces: list(spaces) })} onClose={props.onClose} onDone={(data) => props.onDone((data as { code: string }).code)}>
      <Text label={m.account} mono value={account} onValue={setAccount} required autoFocus />
      <Text label={m.users} hint={m.usersHint} value={users} onValue={setUsers} required />
      <Text label={m.spaces} hint={m.spacesHint} mono value={spaces} onValue={setSpaces} required />
    </FormDialog>
  );
}

export function GrantsTab(): JSX.Element {
  const may = useMay();
  const grants = useLoad("grants", (signal) => get<Grants>("grants", signal));
  const [adding, setAdding] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const change = may("chatmetric:ChangeGrants");
  const given: Column<Given>[] = [
    { key: "account", title: m.account, cell: (row) => <code>{row.account}</code>, by: (row) => row.account, upFirst: true },
    { key: "code", title: m.code, cell: (row) => <code>{row.code}</code> },
    { key: "users", title: m.users, cell: (row) => <Chips of={row.users} /> },
    { key: "spaces", title: m.spaces, cell: (row) => <Chips of={row.spaces} /> },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) => change && <DeleteButton name={row.account} label={m.revoke} what={m.revokeWhat} work={() => call("DELETE", `grants/${encodeURIComponent(row.code)}/${encodeURIComponent(row.account)}`)} onDone={grants.reload} />,
    },
  ];
  const received: Column<Received>[] = [
    { key: "isv", title: m.isv, cell: (row) => <span class="clip">{row.isv.name || row.isv.id}</span>, by: (row) => row.isv.name, upFirst: true },
    { key: "code", title: m.code, cell: (row) => <code>{row.code}</code> },
    { key: "spaces", title: m.spaces, cell: (row) => <Chips of={row.spaces} /> },
  ];
  const add = change && (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.newGrant}
    </button>
  );
  const part = <K extends keyof Grants>(key: K) => ({ ...grants, data: grants.data ? grants.data[key] : null, set: () => undefined });
  return (
    <>
      <List of={part("given")} caption={m.given} columns={given} rowKey={(row) => `${row.code}|${row.account}`} what={m.isvWhat} add={add} />
      <List of={part("received")} caption={m.received} columns={received} rowKey={(row) => row.code} what={m.isvWhat} add={null} />
      {adding && (
        <NewGrant
          onClose={() => setAdding(false)}
          onDone={(made) => {
            setAdding(false);
            setCode(made);
            grants.reload();
          }}
        />
      )}
      {code && <SecretOnce title={m.grantTitle} warning={m.grantWarning} values={[[m.code, code]]} file="isv-code.csv" done={m.done} onDone={() => setCode(null)} />}
    </>
  );
}
