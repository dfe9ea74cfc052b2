// AccessKeys of a user: two at most, on or off, the secret shown once.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useAct } from "../../components/act.ts";
import { SecretOnce } from "../../components/dialog.tsx";
import { Select } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Failed, Loaded } from "../../components/states.tsx";
import type { Column } from "../../components/table.tsx";
import { When } from "../../components/when.tsx";
import { access as m } from "../../messages/en/access.ts";
import { ram, ramList } from "../../ram.ts";
import { useSession } from "../../session.ts";
import { DeleteButton, List, mapped } from "./parts.tsx";
import { dateMs } from "./ram_types.ts";
import type { RamKey, RamUser } from "./ram_types.ts";

interface KeyRow extends RamKey {
  lastUsedMs: number | null;
}
type Made = { AccessKey: { AccessKeyId: string; AccessKeySecret: string } };

async function keysOf(user: string) {
  const keys = await ramList<RamKey>("ListAccessKeys", "AccessKeys", "AccessKey", { UserName: user });
  if (!keys.ok) return keys;
  const rows = keys.data.map(async (key): Promise<KeyRow> => {
    const used = await ram<{ AccessKeyLastUsed: { LastUsedDate: string } }>("GetAccessKeyLastUsed", { UserName: user, UserAccessKeyId: key.AccessKeyId });
    return { ...key, lastUsedMs: used.ok ? dateMs(used.data.AccessKeyLastUsed?.LastUsedDate ?? "") : null };
  });
  return { ok: true as const, data: await Promise.all(rows) };
}

export function KeysTab(): JSX.Element {
  const session = useSession();
  const users = useLoad("users", async () => mapped(await ramList<RamUser>("ListUsers", "Users", "User"), (one) => one.UserName));
  const [chosen, setChosen] = useState(session.user);
  const names = users.data ?? [];
  const user = names.includes(chosen) ? chosen : (names[0] ?? "");
  const keys = useLoad(user ? `keys|${user}` : null, () => keysOf(user));
  const [made, setMade] = useState<Made["AccessKey"] | null>(null);
  const act = useAct();
  const toggle = (key: KeyRow): void => void act.run(() => ram("UpdateAccessKey", { UserName: user, UserAccessKeyId: key.AccessKeyId, Status: key.Status === "Active" ? "Inactive" : "Active" }), keys.reload);
  const columns: Column<KeyRow>[] = [
    { key: "id", title: m.key, cell: (row) => <code>{row.AccessKeyId}</code>, by: (row) => row.AccessKeyId, upFirst: true },
    { key: "status", title: m.status, cell: (row) => <span class={`state ${row.Status === "Active" ? "ok" : ""}`}>{row.Status === "Active" ? m.active : m.inactive}</span> },
    { key: "created", title: m.created, cell: (row) => <When ms={dateMs(row.CreateDate)} />, by: (row) => row.CreateDate },
    { key: "used", title: m.lastUsed, cell: (row) => <When ms={row.lastUsedMs} />, by: (row) => row.lastUsedMs ?? 0 },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) => (
        <>
          <button type="button" class="button slim" disabled={act.busy} onClick={() => toggle(row)}>
            {row.Status === "Active" ? m.deactivate : m.activate}
          </button>{" "}
          <DeleteButton name={row.AccessKeyId} what={m.deleteKeyWhat} work={() => ram("DeleteAccessKey", { UserName: user, UserAccessKeyId: row.AccessKeyId })} onDone={keys.reload} />
        </>
      ),
    },
  ];
  const make = (): void =>
    void act.run(
      () => ram<Made>("CreateAccessKey", { UserName: user }),
      (answer) => {
        setMade(answer.AccessKey);
        keys.reload();
      },
    );
  const add = (
    <button type="button" class="button primary" disabled={act.busy || user === "" || (keys.data?.length ?? 0) >= 2} onClick={make}>
      {m.newKey}
    </button>
  );
  return (
    <Loaded of={users}>
      {() => (
        <>
          <div class="row">
            <Select label={m.keyOf} value={user} options={names.map((name) => ({ value: name, label: name }))} onValue={setChosen} />
          </div>
          <Failed error={act.error} />
          <List of={keys} caption={m.tabs.keys} columns={columns} rowKey={(row) => row.AccessKeyId} what={m.keysWhat} add={add} />
          {made && (
            <SecretOnce
              title={m.keyTitle}
              warning={m.secretWarning}
              values={[
                [m.key, made.AccessKeyId],
                [m.secret, made.AccessKeySecret],
              ]}
              file={`${made.AccessKeyId}.csv`}
              done={m.done}
              onDone={() => setMade(null)}
            />
          )}
        </>
      )}
    </Loaded>
  );
}
