//! A webhook of the usual shape, read in one pass: every byte is looked at once and
//! nothing is copied.
//!
//! The lenient reader beside it goes through a body once for each level of nesting,
//! because it keeps what it cannot read; here the first thing that is unusual ends the
//! reading, and the lenient reader begins again. Not here: any rule of what counts.
//!
//! Invariant: what is read here is what the lenient reader would have read.

use super::super::lenient::Name;
use super::{Event, FIELD, OBJECT, UNCOUNTED_LISTS, Webhook, is_message_id, read_time};
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};
use std::borrow::Cow;
use std::fmt;

/// About the bytes of one status, to allocate once.
const STATUS_BYTES: usize = 256;

/// Reads a body; `None` when anything in it is unusual.
pub(super) fn parse(body: &str, statuses_max: usize) -> Option<Webhook<'_>> {
    let mut webhook = Webhook {
        events: Vec::with_capacity((body.len() / STATUS_BYTES + 1).min(statuses_max)),
        ..Webhook::default()
    };
    let mut envelope = Envelope {
        webhook: &mut webhook,
        object: Once(false),
        entry: Once(false),
    };
    let mut json = serde_json::Deserializer::from_str(body);
    Object(&mut envelope).deserialize(&mut json).ok()?;
    let has_entries = envelope.entry.0;
    json.end().ok()?;
    (has_entries && webhook.events.len() <= statuses_max).then_some(webhook)
}

fn unusual<E: Error>(what: &str) -> E {
    E::invalid_value(Unexpected::Other(what), &"the usual shape")
}

/// A member that is there once, if at all.
struct Once(bool);

impl Once {
    fn more<E: Error>(&mut self) -> Result<(), E> {
        if std::mem::replace(&mut self.0, true) {
            return Err(unusual("a member that is given twice"));
        }
        Ok(())
    }
}

/// What an object is read into, member by member.
trait Members<'a> {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// What an array is read into, item by item.
trait Items<'a> {
    /// `false` at the end.
    fn item<A: SeqAccess<'a>>(&mut self, items: &mut A) -> Result<bool, A::Error>;
}

struct Object<'t, T>(&'t mut T);

impl<'a, T: Members<'a>> DeserializeSeed<'a> for Object<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a, T: Members<'a>> Visitor<'a> for Object<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            self.0.member(&name, &mut map)?;
        }
        Ok(())
    }
}

struct List<T>(T);

impl<'a, T: Items<'a>> DeserializeSeed<'a> for List<T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a, T: Items<'a>> Visitor<'a> for List<T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut items: A) -> Result<(), A::Error> {
        while self.0.item(&mut items)? {}
        Ok(())
    }
}

struct Envelope<'w, 'a> {
    webhook: &'w mut Webhook<'a>,
    object: Once,
    entry: Once,
}

impl<'a> Members<'a> for Envelope<'_, 'a> {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "object" => {
                self.object.more()?;
                word(map, OBJECT)
            }
            "entry" => {
                self.entry.more()?;
                map.next_value_seed(List(Entries(self.webhook)))
            }
            "statuses" | "messages" | "errors" => Err(unusual("a list at the top")),
            _ => ignore(map),
        }
    }
}

fn ignore<'a, A: MapAccess<'a>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// A text that has to be this one.
fn word<'a, A: MapAccess<'a>>(map: &mut A, expected: &str) -> Result<(), A::Error> {
    if map.next_value::<Name<'a>>()?.0 == expected {
        Ok(())
    } else {
        Err(unusual("another word"))
    }
}

struct Entries<'w, 'a>(&'w mut Webhook<'a>);

impl<'a> Items<'a> for Entries<'_, 'a> {
    fn item<A: SeqAccess<'a>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut entry = Entry {
            webhook: self.0,
            changes: Once(false),
        };
        let more = items.next_element_seed(Object(&mut entry))?.is_some();
        if more && !entry.changes.0 {
            return Err(unusual("an entry without changes"));
        }
        Ok(more)
    }
}

struct Entry<'w, 'a> {
    webhook: &'w mut Webhook<'a>,
    changes: Once,
}

impl<'a> Members<'a> for Entry<'_, 'a> {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name != "changes" {
            return ignore(map);
        }
        self.changes.more()?;
        map.next_value_seed(List(Changes(self.webhook)))
    }
}

struct Changes<'w, 'a>(&'w mut Webhook<'a>);

impl<'a> Items<'a> for Changes<'_, 'a> {
    fn item<A: SeqAccess<'a>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut change = Change {
            webhook: self.0,
            field: Once(false),
            value: Once(false),
        };
        let more = items.next_element_seed(Object(&mut change))?.is_some();
        if more && !change.value.0 {
            return Err(unusual("a change without a value"));
        }
        Ok(more)
    }
}

struct Change<'w, 'a> {
    webhook: &'w mut Webhook<'a>,
    field: Once,
    value: Once,
}

impl<'a> Members<'a> for Change<'_, 'a> {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "field" => {
                self.field.more()?;
                word(map, FIELD)
            }
            "value" => {
                self.value.more()?;
                let mut value = Value {
                    webhook: self.webhook,
                    number: None,
                    metadata: Once(false),
                    statuses: Once(false),
                    uncounted: UNCOUNTED_LISTS.map(|_| Once(false)),
                };
                map.next_value_seed(Object(&mut value))?;
                if !value.statuses.0 && value.uncounted.iter().all(|list| !list.0) {
                    self.webhook.ignore(1);
                }
                Ok(())
            }
            _ => ignore(map),
        }
    }
}

struct Value<'w, 'a> {
    webhook: &'w mut Webhook<'a>,
    number: Option<PhoneNumber>,
    metadata: Once,
    statuses: Once,
    uncounted: [Once; UNCOUNTED_LISTS.len()],
}

impl<'a> Members<'a> for Value<'_, 'a> {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "metadata" => {
                self.metadata.more()?;
                let mut metadata = Metadata(None);
                map.next_value_seed(Object(&mut metadata))?;
                self.number = metadata.0;
                Ok(())
            }
            "statuses" => {
                self.statuses.more()?;
                let statuses = Statuses {
                    webhook: self.webhook,
                    number: self.number,
                };
                map.next_value_seed(List(statuses))
            }
            _ => {
                let lists = UNCOUNTED_LISTS.iter().zip(&mut self.uncounted);
                match lists.into_iter().find(|(list, _)| **list == name) {
                    Some((_, list)) => {
                        list.more()?;
                        map.next_value_seed(List(Uncounted(self.webhook)))
                    }
                    None => ignore(map),
                }
            }
        }
    }
}

struct Metadata(Option<PhoneNumber>);

impl<'a> Members<'a> for Metadata {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name != "display_phone_number" {
            return ignore(map);
        }
        self.0 = PhoneNumber::parse(&map.next_value::<Name<'a>>()?.0).ok();
        Ok(())
    }
}

struct Uncounted<'w, 'a>(&'w mut Webhook<'a>);

impl<'a> Items<'a> for Uncounted<'_, 'a> {
    fn item<A: SeqAccess<'a>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let more = items.next_element::<IgnoredAny>()?.is_some();
        self.0.ignore(usize::from(more));
        Ok(more)
    }
}

struct Statuses<'w, 'a> {
    webhook: &'w mut Webhook<'a>,
    /// Known when the metadata stand before the statuses, as they do.
    number: Option<PhoneNumber>,
}

impl<'a> Items<'a> for Statuses<'_, 'a> {
    fn item<A: SeqAccess<'a>>(&mut self, items: &mut A) -> Result<bool, A::Error> {
        let mut status = Status::default();
        if items.next_element_seed(Object(&mut status))?.is_none() {
            return Ok(false);
        }
        let word = status.word.unwrap_or_default();
        let word = word.trim();
        match MessageStatus::from_word(word) {
            Some(word) => {
                let event = status.id.zip(status.at).zip(self.number);
                let Some(((message_id, at), number)) = event else {
                    return Err(unusual("a status without an id, a time or a number"));
                };
                if !is_message_id(&message_id) {
                    return Err(unusual("an id that is none"));
                }
                self.webhook.events.push(Event {
                    number,
                    message_id,
                    status: word,
                    at,
                });
            }
            None if word.is_empty() => return Err(unusual("a status without a word")),
            None => self.webhook.ignore(1),
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Status<'a> {
    id: Option<Cow<'a, str>>,
    word: Option<Cow<'a, str>>,
    at: Option<EpochMs>,
}

impl<'a> Members<'a> for Status<'a> {
    fn member<A: MapAccess<'a>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "id" => self.id = Some(map.next_value::<Name<'a>>()?.0),
            "status" => self.word = Some(map.next_value::<Name<'a>>()?.0),
            "timestamp" => self.at = map.next_value_seed(Time)?,
            _ => return ignore(map),
        }
        Ok(())
    }
}

struct Time;

impl<'a> DeserializeSeed<'a> for Time {
    type Value = Option<EpochMs>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Time {
    type Value = Option<EpochMs>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(read_time(text))
    }
}
