//! The protections of streams, broken one by one, each with the test that must see it.
//!
//! A part of the list in `list.rs`; the same rules hold.

use super::Mutant;

/// The mutants of streams.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "stream-offset-early",
        promise: "an offset is stored after every shard has committed its part",
        file: "crates/chatmetric-store/src/embedded/offsets.rs",
        find: "        Err(error) => done(Err(error)),\n        Ok(receipt) => {",
        replace: "        result => {\n            let receipt = result.unwrap_or_default();",
        test: test!(
            "chatmetric-store",
            it,
            "an_offset_is_not_stored_before_every_shard_has_its_part"
        ),
    },
    Mutant {
        id: "stream-offset-lost",
        promise: "an offset is stored with the counts of its batch",
        file: "crates/chatmetric-store/src/embedded/writer.rs",
        find: "if let Some(offset) = offset {",
        replace: "if let Some(offset) = offset.as_ref().filter(|it| it.sequence % 2 == 0) {",
        test: test!("chatmetric-store", it, "an_offset_is_kept_with_its_counts"),
    },
    Mutant {
        id: "stream-offset-sealed",
        promise: "an offset outlives its journal",
        file: "crates/chatmetric-store/src/embedded/sealer.rs",
        find: "        offsets::put(catalog, batch, source, offset);\n",
        replace: "        let _ = (source, offset);\n",
        test: test!(
            "chatmetric-store",
            it,
            "a_cut_has_the_offsets_of_the_journal_and_of_the_catalog"
        ),
    },
    Mutant {
        id: "stream-offset-verified",
        promise: "verify sees an offset that is ahead of the books",
        file: "crates/chatmetric-store/src/embedded/offsets.rs",
        find: "if received < offset.messages {",
        replace: "if received < offset.missing {",
        test: test!(
            "chatmetric-store",
            it,
            "verify_finds_an_offset_ahead_of_the_books_and_nonsense"
        ),
    },
    Mutant {
        id: "stream-ack-early",
        promise: "a message of a stream is acknowledged after it is durable",
        file: "crates/chatmetric/src/ingest/stream/nats.rs",
        find: "    reader.count(&messages).await?;\n    acknowledge(reader.feed, delivered).await?;\n",
        replace: "    acknowledge(reader.feed, delivered).await?;\n    reader.count(&messages).await?;\n",
        test: test!(
            "chatmetric",
            it,
            "nothing_is_acknowledged_before_it_is_durable_and_a_full_store_is_waited_for"
        ),
    },
    Mutant {
        id: "stream-place-ahead",
        promise: "the place of a batch is behind what is in it, not behind what comes later",
        file: "crates/chatmetric/src/ingest/stream/feed.rs",
        find: "            Some(_) | None => groups.push(Group { piece, offset, gap }),\n",
        replace: "            Some(full) => {\n                full.offset = offset;\n                groups.push(Group { piece, offset, gap });\n            }\n            None => groups.push(Group { piece, offset, gap }),\n",
        test: test!("chatmetric", lib, "a_full_batch_keeps_its_own_place"),
    },
    Mutant {
        id: "stream-gap",
        promise: "messages that are gone are counted as missing",
        file: "crates/chatmetric/src/ingest/stream/place.rs",
        find: "        missing: kept.missing.saturating_add(missing),\n",
        replace: "        missing: kept.missing,\n",
        test: test!("chatmetric", lib, "what_is_gone_is_counted"),
    },
    Mutant {
        id: "stream-recreated",
        promise: "another stream of the same name is read from its first message",
        file: "crates/chatmetric/src/ingest/stream/place.rs",
        find: "kept.created_ns == found.created_ns && found.last >= kept.sequence",
        replace: "found.last >= kept.sequence",
        test: test!(
            "chatmetric",
            lib,
            "another_stream_is_read_from_its_first_message"
        ),
    },
    Mutant {
        id: "stream-poison",
        promise: "a message that cannot be read is sealed in quarantine",
        file: "crates/chatmetric/src/ingest/stream/feed.rs",
        find: "            bad: vec![(Reason::Unparsable, bytes.into())],\n",
        replace: "            bad: Vec::from_iter(bytes.is_empty().then_some((Reason::Unparsable, bytes.into()))),\n",
        test: test!(
            "chatmetric",
            it,
            "what_cannot_be_read_is_sealed_and_the_rest_counts"
        ),
    },
];
