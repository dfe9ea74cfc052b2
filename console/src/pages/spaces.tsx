// Spaces: their zone, what happens to unknown numbers, how many numbers fit.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Dialog } from "../components/dialog.tsx";
import { Field, Select, Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { EmptyState, Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { toast } from "../components/toast.tsx";
import { count } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { spaces as m } from "../messages/en/directory.ts";
import { shell } from "../messages/en/shell.ts";
import { to } from "../router.ts";
import { useMay } from "../session.ts";
import type { Space } from "../types.ts";
import { knows } from "../zone.ts";

const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
const UNKNOWN = Object.entries(m.unknowns).map(([value, label]) => ({ value, label }));
const NUMBERS_MAX = 1_000;

function SpaceDialog(props: { space: Space | null; onClose: (changed: boolean) => void }): JSX.Element {
  const { space } = props;
  const [id, setId] = useState(space?.id ?? "");
  const [timeZone, setTimeZone] = useState(space?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [unknownNumbers, setUnknown] = useState(space?.unknownNumbers ?? "auto");
  const [max, setMax] = useState(String(space?.numbersMax ?? NUMBERS_MAX));
  const act = useAct();
  const fieldError = (field: string): string | null => (act.error?.field === field ? act.error.message : null);
  const save = (event: Event): void => {
    event.preventDefault();
    const body = { timeZone, unknownNumbers, numbersMax: Number(max) };
    void act.run(
      () => (space ? call("PATCH", `spaces/${encodeURIComponent(space.id)}`, body) : call("POST", "spaces", { id, ...body })),
      () => {
        toast(space ? m.changed : m.made);
        props.onClose(true);
      },
    );
  };
  return (
    <Dialog title={space ? m.editTitle(space.id) : m.add} onClose={() => props.onClose(false)}>
      <form class="stack" onSubmit={save}>
        {!space && <Text label={m.newId} hint={m.newIdHint} mono value={id} onValue={setId} required autoFocus error={fieldError("id")} />}
        <Field label={m.zone} hint={space ? m.zoneHint : undefined} error={knows(timeZone) ? fieldError("timeZone") : m.badZone}>
          {(ids) => (
            <>
              <input {...ids} class="input" list="zones" value={timeZone} required onInput={(event) => setTimeZone(event.currentTarget.value)} />
              <datalist id="zones">
                {ZONES.map((zone) => (
                  <option key={zone} value={zone} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Select label={m.unknown} value={unknownNumbers} options={UNKNOWN} onValue={setUnknown} error={fieldError("unknownNumbers")} />
        <Text label={m.max} value={max} onValue={setMax} inputMode="numeric" pattern="[0-9]{1,7}" required error={fieldError("numbersMax")} />
        {!act.error?.field && <Failed error={act.error} />}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={() => props.onClose(false)}>
            {shell.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy}>
            {shell.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export default function SpacesPage(): JSX.Element {
  const may = useMay();
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const [editing, setEditing] = useState<Space | "new" | null>(null);
  const change = may("chatmetric:ChangeSpaces");
  const columns: Column<Space>[] = [
    {
      key: "id",
      title: m.id,
      cell: (row) => (
        <span class="row">
          <a href={to("metrics", { space: row.id, ...(row.isvCode ? { isv: row.isvCode } : {}) })}>{row.id}</a>
          {row.default && <span class="chip">{m.default}</span>}
        </span>
      ),
      by: (row) => row.id,
      upFirst: true,
    },
    { key: "owner", title: m.owner, cell: (row) => (row.isvCode ? <span class="clip">{row.owner.name || row.owner.id}</span> : <span class="quiet">{m.own}</span>), by: (row) => row.owner.name, upFirst: true },
    { key: "zone", title: m.zone, cell: (row) => row.timeZone, by: (row) => row.timeZone, upFirst: true },
    { key: "unknown", title: m.unknown, cell: (row) => m.unknowns[row.unknownNumbers] ?? row.unknownNumbers },
    { key: "numbers", title: m.numbers, cell: (row) => <a href={to("numbers", { space: row.id })}>{count(row.numbers)}</a>, by: (row) => row.numbers, number: true },
    { key: "max", title: m.max, cell: (row) => count(row.numbersMax), by: (row) => row.numbersMax, number: true },
    {
      key: "actions",
      title: m.edit,
      actions: true,
      cell: (row) =>
        change && !row.isvCode && (
          <button type="button" class="button slim" onClick={() => setEditing(row)}>
            {m.edit}
          </button>
        ),
    },
  ];
  const add = change && (
    <button type="button" class="button primary" onClick={() => setEditing("new")}>
      {m.add}
    </button>
  );
  return (
    <Frame title={shell.pages.spaces} lead={m.lead} actions={add}>
      <div class="card">
        <Loaded of={spaces}>
          {(data) =>
            data.spaces.length === 0 ? (
              <EmptyState title={m.empty} actions={add}>
                <p>{m.emptyWhat}</p>
              </EmptyState>
            ) : (
              <Table caption={shell.pages.spaces} columns={columns} rows={data.spaces} rowKey={(row) => `${row.id}|${row.isvCode ?? ""}`} />
            )
          }
        </Loaded>
      </div>
      {editing && (
        <SpaceDialog
          space={editing === "new" ? null : editing}
          onClose={(changed) => {
            setEditing(null);
            if (changed) spaces.reload();
          }}
        />
      )}
    </Frame>
  );
}
