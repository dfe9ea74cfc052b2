//! From messages to durable batches: each message is read as the body of a webhook is,
//! as many as fit are committed together with the place behind the last of them.
//!
//! Not here: where messages come from. Invariants: one batch at a time, so the kept place
//! never passes over a batch that was refused; a message that cannot be read is sealed in
//! quarantine, and every message is at least one item of the books.

use super::place::{self, Follow};
use super::{Feed, StreamState, told};
use crate::config::{OnGap, StreamFormat};
use crate::ingest::cams;
use crate::ingest::events::{self, Body, Format};
use crate::ingest::receive::{self, Reported, Reports};
use crate::ingest::whatsapp::{self, text_of};
use crate::server::App;
use bytes::Bytes;
use chatmetric_core::EpochMs;
use chatmetric_store::{BATCH_EVENTS_MAX, Batch, Reason, StreamOffset};
use std::borrow::Cow;
use std::time::Duration;
use tokio::sync::watch;

/// Sealed bytes of a batch of several messages.
const SEALED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What is kept of a message that is longer than `limits.body_bytes_max`.
const CUT_BYTES: usize = 64 * 1024;
/// How long the first wait for the store is, and the longest one.
const RETRY_MS: (u64, u64) = (250, 5_000);

/// A message as it came.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) payload: Bytes,
    pub(super) sequence: u64,
    /// When it came into the stream.
    pub(super) at: EpochMs,
}

/// Why reading ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server stops.
    Stop,
    /// Messages are gone, and somebody has to decide.
    Gap(String),
}

/// What was read of a message.
struct Piece<'m, R> {
    events: Vec<R>,
    bad: Vec<(Reason, Cow<'m, [u8]>)>,
    ignored: u32,
}

impl<'m, R> Piece<'m, R> {
    /// A message that could not be read at all.
    fn unparsable(bytes: &'m [u8]) -> Self {
        Self {
            events: Vec::new(),
            bad: vec![(Reason::Unparsable, bytes.into())],
            ignored: 0,
        }
    }

    fn items(&self) -> usize {
        self.events.len() + self.bad.len()
    }

    fn sealed_bytes(&self) -> usize {
        self.bad.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Adds another one.
    fn append(&mut self, mut more: Self) {
        self.events.append(&mut more.events);
        self.bad.append(&mut more.bad);
        self.ignored = self.ignored.saturating_add(more.ignored);
    }

    fn has_room_for(&self, more: &Self) -> bool {
        self.items() + more.items() <= BATCH_EVENTS_MAX
            && self.sealed_bytes() + more.sealed_bytes() <= SEALED_BYTES_MAX
    }
}

/// Messages that are committed together.
struct Group<'m, R> {
    piece: Piece<'m, R>,
    /// The place behind the last of them.
    offset: StreamOffset,
    /// What is missing before one of them.
    gap: Option<String>,
}

/// Puts messages together, as many as fit; what comes behind a gap is left out where a gap
/// ends the reading, and the gap is told.
fn grouped<'m, R>(
    offset: StreamOffset,
    follow: Follow,
    on_gap: OnGap,
    messages: &[Message],
    pieces: Vec<Piece<'m, R>>,
) -> (Vec<Group<'m, R>>, Option<String>) {
    let (mut groups, mut offset) = (Vec::<Group<'m, R>>::new(), offset);
    for (message, mut piece) in messages.iter().zip(pieces) {
        if piece.items() == 0 && piece.ignored == 0 {
            piece.ignored = 1;
        }
        let (after, missing) = place::behind(offset, (message.sequence, message.at), follow);
        let gap = (missing > 0).then(|| {
            let sequence = message.sequence;
            format!("{missing} messages are gone that were not read, before {sequence}")
        });
        if place::ends(gap.is_some(), on_gap) {
            return (groups, gap);
        }
        offset = after;
        match groups.last_mut() {
            Some(group) if group.piece.has_room_for(&piece) => {
                group.piece.append(piece);
                group.offset = offset;
                group.gap = gap.or(group.gap.take());
            }
            Some(_) | None => groups.push(Group { piece, offset, gap }),
        }
    }
    (groups, None)
}

/// Reads a stream into the store.
pub(super) struct Reader<'a> {
    pub(super) app: &'a App,
    pub(super) feed: &'a Feed,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) follow: Follow,
    /// What is durable; of the messages before it nothing is read again.
    pub(super) offset: StreamOffset,
}

impl Reader<'_> {
    /// Counts messages. When it returns, they are durable.
    ///
    /// # Errors
    /// [`Ended`]; what was not counted comes again.
    pub(super) async fn count(&mut self, messages: &[Message]) -> Result<(), Ended> {
        let bytes_max = self.app.settings.limits.body_bytes_max;
        let texts: Vec<Option<Cow<'_, str>>> = messages
            .iter()
            .map(|it| (it.payload.len() <= bytes_max).then(|| text_of(&it.payload)))
            .collect();
        let all = || messages.iter().zip(&texts);
        match self.feed.settings.format {
            Some(StreamFormat::Whatsapp) => {
                let pieces = all().map(|(it, text)| of_whatsapp(it, text.as_deref()));
                self.commit_all(messages, pieces.collect()).await
            }
            Some(StreamFormat::Cams) => {
                let pieces = all().map(|(it, text)| of_cams(it, text.as_deref()));
                self.commit_all(messages, pieces.collect()).await
            }
            Some(StreamFormat::CloudEvents) => {
                let format = Format::CloudEvents;
                let pieces = all().map(|(it, text)| of_events(it, text.as_deref(), format));
                self.commit_all(messages, pieces.collect()).await
            }
            Some(StreamFormat::Ndjson) | None => {
                let format = Format::Ndjson;
                let pieces = all().map(|(it, text)| of_events(it, text.as_deref(), format));
                self.commit_all(messages, pieces.collect()).await
            }
        }
    }

    async fn commit_all<R: Reported + Send>(
        &mut self,
        messages: &[Message],
        pieces: Vec<Piece<'_, R>>,
    ) -> Result<(), Ended> {
        let settings = &self.feed.settings;
        let (groups, gap) = grouped(self.offset, self.follow, settings.on_gap, messages, pieces);
        for group in groups {
            if let Some(gap) = &group.gap {
                tracing::warn!(stream = settings.name, gap, "a gap in the stream");
            }
            self.commit(&group.piece, group.offset).await?;
        }
        gap.map_or(Ok(()), |gap| Err(Ended::Gap(gap)))
    }

    /// Keeps a place without a message.
    pub(super) async fn keep(&mut self, offset: StreamOffset) -> Result<(), Ended> {
        let nothing = Piece::<events::Event> {
            events: Vec::new(),
            bad: Vec::new(),
            ignored: 0,
        };
        self.commit(&nothing, offset).await
    }

    /// Commits what was read with the place behind it, again until it is durable.
    async fn commit<R: Reported>(
        &mut self,
        piece: &Piece<'_, R>,
        offset: StreamOffset,
    ) -> Result<(), Ended> {
        let mut wait_ms = RETRY_MS.0;
        loop {
            match self.try_commit(piece, offset).await {
                Ok(()) => break,
                Err(why) => self.feed.note(StreamState::Paused, Some(why)),
            }
            let wait = tokio::time::sleep(Duration::from_millis(wait_ms));
            tokio::select! {
                () = wait => {}
                () = told(&mut self.stop) => return Err(Ended::Stop),
            }
            wait_ms = (wait_ms * 2).min(RETRY_MS.1);
        }
        self.offset = offset;
        self.feed.note_offset(offset);
        self.feed.note(StreamState::Reading, None);
        Ok(())
    }

    async fn try_commit<R: Reported>(
        &self,
        piece: &Piece<'_, R>,
        offset: StreamOffset,
    ) -> Result<(), String> {
        let app = self.app;
        let received_at = app.clock.now();
        let webhook = self.feed.webhook(&app.directory.snapshot())?;
        let reports = Reports {
            events: &piece.events,
            bad: piece.bad.clone(),
            ignored: piece.ignored,
        };
        let batch: Batch = receive::batch_of(app, &webhook, reports, received_at)
            .await
            .map_err(|error| crate::cli::error_chain(&error))?;
        let done = app.pipeline.commit_at(batch, offset).await;
        done.map(drop)
            .map_err(|error| crate::cli::error_chain(&error))
    }
}

/// What is kept of a message that is too long to be read.
fn cut(message: &Message) -> &[u8] {
    let bytes = &message.payload;
    bytes.get(..CUT_BYTES).unwrap_or(bytes)
}

fn of_whatsapp<'m>(message: &'m Message, text: Option<&'m str>) -> Piece<'m, whatsapp::Event<'m>> {
    let Some(text) = text else {
        return Piece::unparsable(cut(message));
    };
    match whatsapp::parse(text, BATCH_EVENTS_MAX) {
        Ok(found) => Piece {
            events: found.events,
            bad: found
                .bad
                .iter()
                .map(|bad| (bad.reason, bad.kept()))
                .collect(),
            ignored: found.ignored,
        },
        Err(_) => Piece::unparsable(&message.payload),
    }
}

fn of_cams<'m>(message: &'m Message, text: Option<&'m str>) -> Piece<'m, cams::Event<'m>> {
    let Some(text) = text else {
        return Piece::unparsable(cut(message));
    };
    match cams::parse(text, BATCH_EVENTS_MAX) {
        Ok(found) => Piece {
            events: found.events,
            bad: found
                .bad
                .iter()
                .map(|bad| (bad.reason, bad.kept()))
                .collect(),
            ignored: found.ignored,
        },
        Err(_) => Piece::unparsable(&message.payload),
    }
}

/// An event without a time happened when its message came into the stream: read again,
/// it has the same one.
fn of_events<'m>(
    message: &'m Message,
    text: Option<&'m str>,
    format: Format,
) -> Piece<'m, events::Event> {
    let Some(text) = text else {
        return Piece::unparsable(cut(message));
    };
    let body = Body {
        format,
        bytes: &message.payload,
        text,
        received_at: message.at,
    };
    match events::parse(body, BATCH_EVENTS_MAX) {
        Ok(found) => Piece {
            events: found.events,
            bad: found
                .bad
                .into_iter()
                .map(|(reason, bytes)| (reason, bytes.into()))
                .collect(),
            ignored: found.ignored,
        },
        Err(_) => Piece::unparsable(&message.payload),
    }
}

#[cfg(test)]
mod tests {
    //! What is committed together, and the place that goes with it.

    use super::*;

    fn message(sequence: u64) -> Message {
        Message {
            payload: Bytes::from_static(b"x"),
            sequence,
            at: EpochMs(i64::try_from(sequence).expect("small")),
        }
    }

    /// As of a webhook: a status alone does not name its number.
    #[test]
    fn a_bad_status_is_kept_with_its_number() {
        let text = r#"{"entry":[{"changes":[{"value":{"metadata":{"display_phone_number":"15550100101"},"statuses":[{"id":"m1","status":"sent","timestamp":"soon"}]}}]}]}"#;
        let message = message(1);
        let piece = of_whatsapp(&message, Some(text));
        let [(reason, kept)] = piece.bad.as_slice() else {
            panic!("one bad status: {:?}", piece.bad);
        };
        assert_eq!(*reason, Reason::BadTimestamp);
        let kept = String::from_utf8_lossy(kept);
        assert!(
            kept.contains(r#""display_phone_number":"15550100101""#),
            "{kept}"
        );
        assert!(kept.contains(r#""timestamp":"soon""#), "{kept}");
    }

    /// A message with so many items that cannot be read.
    fn bad(items: usize) -> Piece<'static, events::Event> {
        Piece {
            events: Vec::new(),
            bad: vec![(Reason::Malformed, b"x".as_slice().into()); items],
            ignored: 0,
        }
    }

    fn told(groups: &[Group<'_, events::Event>]) -> Vec<(usize, u32, u64, u64)> {
        let told = groups.iter().map(|group| {
            let offset = group.offset;
            (
                group.piece.items(),
                group.piece.ignored,
                offset.sequence,
                offset.messages,
            )
        });
        told.collect()
    }

    #[test]
    fn a_full_batch_keeps_its_own_place() {
        let messages: Vec<Message> = (1..=4).map(message).collect();
        let most = BATCH_EVENTS_MAX;
        let pieces = vec![bad(most - 1), bad(1), bad(1), bad(most)];
        let start = StreamOffset::default();
        let (groups, gap) = grouped(start, Follow::All, OnGap::Stop, &messages, pieces);
        assert_eq!(
            told(&groups),
            [(most, 0, 2, 2), (1, 0, 3, 3), (most, 0, 4, 4)]
        );
        assert_eq!(gap, None);
    }

    #[test]
    fn every_message_is_an_item_of_the_books() {
        let messages: Vec<Message> = (1..=2).map(message).collect();
        let pieces = vec![bad(0), bad(0)];
        let start = StreamOffset::default();
        let (groups, _) = grouped(start, Follow::All, OnGap::Continue, &messages, pieces);
        assert_eq!(told(&groups), [(0, 2, 2, 2)]);
    }

    #[test]
    fn a_gap_is_told_and_may_end_the_reading() {
        let messages: Vec<Message> = [1, 5].map(message).into();
        let pieces = || vec![bad(1), bad(1)];
        let start = StreamOffset::default();
        let (groups, gap) = grouped(start, Follow::All, OnGap::Continue, &messages, pieces());
        assert_eq!((told(&groups), gap), (vec![(2, 0, 5, 2)], None));
        assert_eq!(groups[0].offset.missing, 3);
        assert!(
            groups[0]
                .gap
                .as_deref()
                .expect("told")
                .starts_with("3 messages")
        );
        // What came before it is counted all the same.
        let (groups, gap) = grouped(start, Follow::All, OnGap::Stop, &messages, pieces());
        assert_eq!(told(&groups), [(1, 0, 1, 1)]);
        assert!(gap.expect("told").contains("before 5"));
    }
}
