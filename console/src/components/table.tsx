// A table that sorts and pages. Columns say what they show and by what they sort; rows are data.
import type { ComponentChildren, JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { count } from "../format.ts";
import { shell as m } from "../messages/en/shell.ts";
import { DownIcon } from "./icons.tsx";

export interface Column<Row> {
  key: string;
  title: string;
  /** What a cell shows. */
  cell: (row: Row) => ComponentChildren;
  /** What it is sorted by; without it the column cannot be sorted. */
  by?: (row: Row) => string | number;
  number?: boolean;
  actions?: boolean;
  /** The first click sorts upwards. */
  upFirst?: boolean;
}

export interface Sort {
  key: string;
  down: boolean;
}

interface TableProps<Row> {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
  sort?: Sort | null;
  pageSize?: number;
  onPoint?: (row: Row | null) => void;
}

export function sorted<Row>(rows: Row[], columns: Column<Row>[], sort: Sort | null): Row[] {
  const by = sort && columns.find((column) => column.key === sort.key)?.by;
  if (!by) return rows;
  const order = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const left = by(a);
    const right = by(b);
    if (typeof left === "number" && typeof right === "number") return (left - right) * order;
    return String(left).localeCompare(String(right), "en", { numeric: true }) * order;
  });
}

export function Table<Row>(props: TableProps<Row>): JSX.Element {
  const [sort, setSort] = useState<Sort | null>(props.sort ?? null);
  const [page, setPage] = useState(0);
  const rows = useMemo(() => sorted(props.rows, props.columns, sort), [props.rows, props.columns, sort]);
  const size = props.pageSize ?? 100;
  const first = Math.min(page, Math.max(0, Math.ceil(rows.length / size) - 1)) * size;
  const shown = rows.slice(first, first + size);
  const sortBy = (column: Column<Row>): void => {
    setSort({ key: column.key, down: sort?.key === column.key ? !sort.down : !(column.upFirst ?? !column.number) });
    setPage(0);
  };
  return (
    <>
      <div class="table-wrap" tabIndex={0} role="region" aria-label={props.caption}>
        <table class="table">
          <caption class="visually-hidden">{props.caption}</caption>
          <thead>
            <tr>
              {props.columns.map((column) => {
                const mine = sort?.key === column.key;
                return (
                  <th key={column.key} scope="col" class={column.number ? "number" : column.actions ? "actions" : ""} aria-sort={mine ? (sort.down ? "descending" : "ascending") : undefined}>
                    {column.by ? (
                      <button type="button" class="sort" onClick={() => sortBy(column)}>
                        {column.title}
                        <DownIcon class={mine && !sort.down ? "glyph up" : "glyph"} />
                      </button>
                    ) : column.actions ? (
                      <span class="visually-hidden">{column.title}</span>
                    ) : (
                      column.title
                    )}
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody onMouseLeave={() => props.onPoint?.(null)}>
            {shown.map((row) => (
              <tr key={props.rowKey(row)} onMouseEnter={() => props.onPoint?.(row)} onFocusCapture={() => props.onPoint?.(row)} onBlurCapture={() => props.onPoint?.(null)}>
                {props.columns.map((column) => (
                  <td key={column.key} class={column.number ? "number" : column.actions ? "actions" : ""}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > size && (
        <div class="pager">
          <span>{m.pager(count(first + 1), count(first + shown.length), count(rows.length))}</span>
          <span class="row">
            <button type="button" class="button slim" disabled={first === 0} onClick={() => setPage(first / size - 1)}>
              {m.previous}
            </button>
            <button type="button" class="button slim" disabled={first + size >= rows.length} onClick={() => setPage(first / size + 1)}>
              {m.next}
            </button>
          </span>
        </div>
      )}
    </>
  );
}
