//! Files of other writers, wrong types, claims beyond the limits, and damage.

use super::super::tests::Seen;
use super::*;
use crate::entropy::{Entropy, SeededEntropy};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::{Seek as _, Write as _};
use std::path::PathBuf;

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/parquet")
        .join(format!("{name}.parquet"))
}

fn seen_from(file: File, from: u64) -> Vec<String> {
    let mut seen = Seen::default();
    let mark = Mark {
        rows: from,
        ..Mark::default()
    };
    match read(file, Some(mark), &mut seen) {
        Ok(()) => {}
        Err(ReadError::Format(bad)) => seen.lines.push(format!("format {bad}")),
        Err(ReadError::Io(error)) => seen.lines.push(format!("io {error}")),
        Err(ReadError::Stopped(never)) => match never {},
    }
    seen.lines
}

fn seen(file: File) -> Vec<String> {
    seen_from(file, 0)
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    file.rewind().expect("rewound");
    file
}

const ROWS: [&str; 5] = [
    "whatsapp 15550100101 m-1 sent 1767225590000",
    "whatsapp 15550100101 m-2 delivered 1767225591000",
    "bad 3: `message_id` is null",
    "ignored deleted",
    "whatsapp 15550100101 m-1 read 1767225594000",
];

const SAMPLES: [&str; 9] = [
    "snappy",
    "zstd-v2",
    "gzip-seconds",
    "lz4-us",
    "plain-ns",
    "int96",
    "text-time",
    "delta",
    "fastparquet",
];

#[test]
fn files_of_other_writers_are_read() {
    for name in SAMPLES {
        let open = || File::open(sample(name)).expect("a sample");
        assert_eq!(seen(open()), ROWS, "{name}");
        // From each row on, also in the middle of a row group.
        for from in 1..=5_usize {
            let rest = seen_from(open(), u64::try_from(from).expect("small"));
            assert_eq!(rest, &ROWS[from..], "{name} from {from}");
        }
        // And as a stream.
        let bytes = std::fs::read(sample(name)).expect("a sample");
        let spooled = spooled(&mut bytes.as_slice()).expect("a file");
        assert_eq!(seen(spooled), ROWS, "{name}");
    }
    let channels = seen(File::open(sample("status-dictionary")).expect("a sample"));
    assert_eq!(&channels[..3], &ROWS[..3]);
    let long = spooled_within(&mut [0_u8; 11].as_slice(), 10).map_err(|error| error.to_string());
    let reason = "a stream of Parquet may have 10 bytes; give the file itself, uncompressed, by \
                  its name";
    assert_eq!(long.err().as_deref(), Some(reason));
}

#[test]
fn wrong_columns_are_named_with_what_they_may_be() {
    for (name, reason) in [
        (
            "wrong-brotli",
            "format 1: the column `number` cannot be read: it is compressed with Brotli; it can \
             be with Snappy, gzip, zstd or LZ4_RAW",
        ),
        (
            "wrong-delta-text",
            "format 1: the column `message_id` cannot be read: the encoding DELTA_BYTE_ARRAY is \
             not read; write another one",
        ),
        (
            "wrong-double",
            "format 1: the column `number` cannot be read: it is DOUBLE; it can be a string or a \
             whole number",
        ),
        (
            "wrong-list",
            "format 1: the column `status` cannot be read: it is a list or a group; it can be a \
             string",
        ),
        (
            "wrong-no-status",
            "format 1: there is no column `status`; the file needs `number`, `message_id`, \
             `status`, `timestamp`",
        ),
    ] {
        assert_eq!(seen(File::open(sample(name)).expect("a sample")), [reason]);
    }
    for (bytes, reason) in [
        (&b""[..], "the file is too short for Parquet"),
        (
            b"number,message_id,status,timestamp\n",
            "the Parquet file has no end (`PAR1`): it is cut off or not Parquet",
        ),
        (
            b"PAR1\0\0\0\0PARE",
            "the footer is encrypted; write the file without encryption",
        ),
        (
            b"PAR1\xff\xff\0\0PAR1",
            "the footer is longer than the file",
        ),
    ] {
        assert_eq!(seen(file_of(bytes)), [format!("format 1: {reason}")]);
    }
}

/// A file with one row, whose id is so long.
fn with_id(id: Vec<u8>, properties: WriterProperties, copies: usize) -> File {
    let schema = "message m { required binary number (UTF8); required binary message_id (UTF8);
        required binary status (UTF8); required int64 ts; }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let file = tempfile::tempfile().expect("a file");
    let kept = file.try_clone().expect("cloned");
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    let mut group = writer.next_row_group().expect("a group");
    let texts: [Vec<ByteArray>; 3] = [
        vec!["1555".into(); copies],
        (0..copies)
            .map(|copy| {
                [id.clone(), vec![u8::try_from(copy).expect("few")]]
                    .concat()
                    .into()
            })
            .collect(),
        vec!["sent".into(); copies],
    ];
    for text in texts {
        let mut column = group.next_column().expect("works").expect("a column");
        let typed = column.typed::<ByteArrayType>();
        typed.write_batch(&text, None, None).expect("written");
        column.close().expect("closed");
    }
    let mut column = group.next_column().expect("works").expect("a column");
    let typed = column.typed::<Int64Type>();
    let times = vec![1_767_225_590; copies];
    typed.write_batch(&times, None, None).expect("written");
    column.close().expect("closed");
    group.close().expect("closed");
    writer.close().expect("closed");
    kept
}

#[test]
fn pages_and_dictionaries_beyond_their_limits_are_refused() {
    let plain = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let fits = with_id(vec![b'x'; 500], plain.clone(), 1);
    assert_eq!(seen(fits).len(), 1);
    let size = usize::try_from(pages::PAGE_BYTES_MAX).expect("fits");
    let bomb = with_id(vec![0; size], plain, 1);
    assert!(bomb.metadata().expect("there").len() < 4 << 20);
    let refused = seen(bomb);
    let start = "format 1: the column `message_id` cannot be read: a page has 671";
    assert!(refused[0].starts_with(start), "{refused:?}");
    assert!(
        refused[0].contains("at most 67108864 are read"),
        "{refused:?}"
    );
    let size = usize::try_from(pages::DICTIONARY_BYTES_MAX / 2).expect("fits");
    let large = WriterProperties::builder()
        .set_dictionary_page_size_limit(64 << 20)
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let refused = seen(with_id(vec![0; size], large, 3));
    let start = "format 1: the column `message_id` cannot be read: a dictionary has 251";
    assert!(refused[0].starts_with(start), "{refused:?}");
}

/// A file that is a footer alone.
fn footer_of(footer: &[u8]) -> File {
    let length = u32::try_from(footer.len()).expect("short").to_le_bytes();
    file_of(&[b"PAR1", footer, &length, b"PAR1"].concat())
}

#[test]
fn claims_of_a_footer_are_not_believed() {
    // 1: version, 2: a list of 2^32 elements.
    let many = [0x15, 2, 0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x10, 0];
    // A root that says that it has 2^30 children.
    let children = [
        0x15, 2, 0x19, 0x1c, 0x48, 1, b'm', 0x15, 0x80, 0x80, 0x80, 0x80, 8, 0, 0,
    ];
    // Groups within groups, 5,000 deep.
    let mut deep = vec![0x15, 2, 0x19, 0xfc, 0x88, 0x27];
    for _ in 0..5_000 {
        deep.extend([0x48, 1, b'm', 0x15, 2, 0]);
    }
    deep.push(0);
    // Two columns and 2^20 row groups.
    let mut groups = vec![0x15, 2, 0x19, 0x3c, 0x48, 1, b'm', 0x15, 4, 0];
    for name in [b'a', b'b'] {
        groups.extend([0x15, 2, 0x25, 0, 0x18, 1, name, 0]);
    }
    groups.extend([0x16, 2, 0x19, 0xfc, 0x80, 0x80, 0x40]);
    for (footer, reason) in [
        (many.as_slice(), "the file has more than 10000 columns"),
        (
            &children,
            "the footer is damaged: its columns do not fit together",
        ),
        (
            &deep,
            "the footer is damaged: its columns do not fit together",
        ),
        (
            &groups,
            "the file has more than 100000 columns in all its row groups; write larger row groups",
        ),
    ] {
        assert_eq!(seen(footer_of(footer)), [format!("format 1: {reason}")]);
    }
    let long = file_of(
        &[
            b"PAR1".as_slice(),
            &vec![0; 17 << 20],
            &[0, 0, 0x10, 1],
            b"PAR1",
        ]
        .concat(),
    );
    assert!(seen(long)[0].contains("at most 16777216 are read"));
}

#[test]
fn no_damage_breaks_the_reader() {
    let entropy = SeededEntropy::new(20_261_129);
    let mut random = [0_u8; 8];
    for name in SAMPLES {
        let whole = std::fs::read(sample(name)).expect("a sample");
        for _ in 0..400 {
            entropy.fill(&mut random);
            let mut bytes = whole.clone();
            let at = usize::from(u16::from_le_bytes([random[0], random[1]])) % bytes.len();
            bytes[at] ^= random[2].max(1);
            if random[3] % 4 == 0 {
                let end = usize::from(u16::from_le_bytes([random[4], random[5]])) % bytes.len();
                bytes.truncate(end);
            }
            let _ = seen(file_of(&bytes));
        }
    }
}
