//! The product RAM from outside: operations, refusals, rights, and what a change
//! does to calls that follow.

// Each noun's operations, from the first to the last refusal.
mod access_keys;
mod diagnosis;
mod groups;
mod policies;
mod roles;
mod users;
// Who may do what, to whom.
mod rights;
// Every operation, with the names of another account's objects.
mod tenancy;
// What holds for all changes: replay, throttling, audit, the wire.
mod changes;

use crate::world::{Reply, World, key};
use chatmetric::api::action::Action;
use chatmetric::api::ram::RamAction;
use chatmetric::api::spec::{FieldKind, FieldSpec, Scalar};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A policy that allows the metric operation.
pub(crate) const DOCUMENT: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"cams:GetChatappPhoneNumberMetric","Resource":"*"}]}"#;
/// A trust policy that trusts the account.
pub(crate) const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::1000000000000001:root"]}}]}"#;

/// Calls operations as somebody, and remembers what they answered.
pub(crate) struct Ram<'w> {
    pub(crate) world: &'w World,
    seen: RefCell<BTreeSet<(String, String)>>,
}

impl<'w> Ram<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            seen: RefCell::default(),
        }
    }

    /// A call of the owner.
    pub(crate) fn call(&self, action: &str, query: &[(&str, &str)]) -> Reply {
        self.call_as("owner", action, query)
    }

    /// A call of the holder of a key of the world's directory.
    pub(crate) fn call_as(&self, who: &str, action: &str, query: &[(&str, &str)]) -> Reply {
        // Far from the limits of calls a second.
        self.world.clock.advance_ms(200);
        let reply = self.world.post(&self.world.v3(&key(who), action, query));
        let code = if reply.status == 200 {
            "OK".to_owned()
        } else {
            reply.code()
        };
        self.seen.borrow_mut().insert((action.to_owned(), code));
        reply
    }

    /// A call that succeeds, with exactly the members that the operation declares.
    #[track_caller]
    pub(crate) fn ok(&self, action: &str, query: &[(&str, &str)]) -> Value {
        self.ok_as("owner", action, query)
    }

    #[track_caller]
    pub(crate) fn ok_as(&self, who: &str, action: &str, query: &[(&str, &str)]) -> Value {
        let reply = self.call_as(who, action, query);
        assert_eq!(reply.status, 200, "{action} {query:?}: {reply:?}");
        let body = reply.json();
        let spec = operation(action).spec();
        assert_shape(action, &body, spec.answer);
        body
    }

    /// A call that is refused.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, action: &str, query: &[(&str, &str)]) {
        let reply = self.call(action, query);
        let got = (reply.status, reply.code());
        assert_eq!(
            got,
            (status, code.to_owned()),
            "{action} {query:?}: {reply:?}"
        );
    }

    /// Every operation that was called succeeded once and was refused with every
    /// error that it declares; a denial is the business of `rights`.
    #[track_caller]
    pub(crate) fn assert_complete(&self, operations: &[&str]) {
        let seen = self.seen.borrow();
        let mut missing = Vec::new();
        for name in operations {
            let declared = operation(name).spec().errors.iter().map(|error| error.code);
            let wanted = declared
                .filter(|code| *code != "NoPermission")
                .chain(["OK"]);
            missing.extend(
                wanted
                    .map(|code| ((*name).to_owned(), code.to_owned()))
                    .filter(|pair| !seen.contains(pair)),
            );
        }
        assert_eq!(missing, Vec::new());
    }
}

fn operation(name: &str) -> Action {
    Action::all()
        .find(|action| action.name() == name)
        .unwrap_or_else(|| panic!("no operation {name}"))
}

/// The members of a body are those that are declared, each of its type. Two may be
/// absent: where nothing follows, and what never happened.
fn assert_shape(at: &str, body: &Value, fields: &[FieldSpec]) {
    let members = body.as_object().unwrap_or_else(|| panic!("{at}: {body}"));
    let declared: BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
    for name in members.keys() {
        assert!(declared.contains(name.as_str()), "{at}: `{name}` in {body}");
    }
    for field in fields {
        let at = format!("{at}.{}", field.name);
        let Some(value) = members.get(field.name) else {
            assert!(
                ["Marker", "LastUsedDate"].contains(&field.name),
                "{at} is missing in {body}"
            );
            continue;
        };
        match field.kind {
            FieldKind::Value(Scalar::Text) => assert!(value.is_string(), "{at}: {value}"),
            FieldKind::Value(Scalar::Int32 | Scalar::Int64) => {
                assert!(value.is_i64(), "{at}: {value}");
            }
            FieldKind::Value(Scalar::Bool) => assert!(value.is_boolean(), "{at}: {value}"),
            FieldKind::Object(fields) => assert_shape(&at, value, fields),
            FieldKind::List(fields) => {
                let items = value.as_array().unwrap_or_else(|| panic!("{at}: {value}"));
                items
                    .iter()
                    .for_each(|item| assert_shape(&at, item, fields));
            }
            FieldKind::Texts => assert!(value.is_array(), "{at}: {value}"),
        }
    }
}

/// A document with more of an account.
pub(crate) fn acme(more: &str) -> String {
    format!("[[account]]\nid = \"1000000000000001\"\n{more}")
}

#[test]
fn every_operation_is_in_the_test_of_its_noun() {
    let tested: BTreeSet<&str> = [
        users::OPERATIONS,
        groups::OPERATIONS,
        access_keys::OPERATIONS,
        diagnosis::OPERATIONS,
        policies::OPERATIONS,
        roles::OPERATIONS,
    ]
    .concat()
    .into_iter()
    .collect();
    let served = RamAction::ALL.iter().map(|action| action.spec().name);
    assert_eq!(tested, served.collect());
}
