"""Makes the Parquet samples: the same five rows as other programs write them.

    python3 -m venv /tmp/pq && /tmp/pq/bin/pip install pyarrow==26.0.1 fastparquet
    /tmp/pq/bin/python testdata/parquet/make.py testdata/parquet

The third row has no message id.
"""

import datetime
import pathlib
import sys

import fastparquet
import pandas
import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])
seconds = [1767225590, 1767225591, 1767225592, 1767225593, 1767225594]
numbers = ["15550100101", "15550100101", "15550100102", "15550100102", "15550100101"]
ids = ["m-1", "m-2", None, "m-3", "m-1"]
statuses = ["sent", "delivered", "sent", "deleted", "read"]
times = [datetime.datetime.fromtimestamp(s, datetime.timezone.utc) for s in seconds]


def table(**columns):
    values = {
        "number": pa.array(numbers),
        "message_id": pa.array(ids),
        "status": pa.array(statuses),
        "timestamp": pa.array([s * 1000 for s in seconds]),
    }
    values.update(columns)
    return pa.table(values)


def write(name, value, **options):
    pq.write_table(value, folder / f"{name}.parquet", **options)


whole = pa.array([int(n) for n in numbers], pa.int64())
write("snappy", table())
write("zstd-v2", table(number=whole), compression="zstd", data_page_version="2.0")
write("gzip-seconds", table(timestamp=pa.array(seconds, pa.int64())), compression="gzip")
write("lz4-us", table(timestamp=pa.array(times, pa.timestamp("us", "UTC"))), compression="lz4")
write("plain-ns", table(timestamp=pa.array(times, pa.timestamp("ns", "UTC"))), compression="none", use_dictionary=False, write_page_checksum=True)
write("int96", table(timestamp=pa.array(times, pa.timestamp("ns"))), use_deprecated_int96_timestamps=True)
write("text-time", table(timestamp=pa.array([t.isoformat() for t in times])), row_group_size=2)
write(
    "delta",
    table(),
    use_dictionary=False,
    column_encoding={"message_id": "DELTA_LENGTH_BYTE_ARRAY", "timestamp": "DELTA_BINARY_PACKED"},
)
write("status-dictionary", table(status=pa.array(statuses).dictionary_encode(), channel=pa.array([None, "whatsapp", "", "x", None])))
fastparquet.write(
    str(folder / "fastparquet.parquet"),
    pandas.DataFrame({"number": numbers, "message_id": ids, "status": statuses, "ts": [s * 1000 for s in seconds]}),
)
# What is refused.
write("wrong-brotli", table(), compression="brotli")
write("wrong-delta-text", table(), use_dictionary=False, column_encoding={"message_id": "DELTA_BYTE_ARRAY"})
write("wrong-double", table(number=pa.array([float(n) for n in numbers])))
write("wrong-list", table(status=pa.array([[s] for s in statuses])))
write("wrong-no-status", table().drop_columns(["status"]))
