//! `GET explanation`: what made a count that the Metrics page shows.
//!
//! The same right and the same judgement of the space as for the counts themselves.
//! Invariant: sources of other accounts are counted and not named.

use super::ask::{Ask, answer_of};
use super::counts;
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::explanation::{Asked, Named, SourceLabel, explain, kind_of};
use crate::server::answer::Answer;
use chatmetric_core::PhoneNumber;
use std::sync::Arc;

/// `GET explanation`
pub(super) async fn explanation(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let query = ask.query()?;
    let space = spaces::named(who, &query)?;
    let granularity = counts::granularity(&query)?;
    let missing = |field| ConsoleError::invalid(field, "It is missing.");
    let number = query.get("number").ok_or_else(|| missing("number"))?;
    let number = PhoneNumber::parse(number)
        .map_err(|error| ConsoleError::invalid("number", error.to_string()))?;
    let bucket = query.get("bucket").ok_or_else(|| missing("bucket"))?;
    let named = Named::parse(bucket).ok_or_else(|| {
        ConsoleError::invalid("bucket", "It is a day (YYYY-MM-DD) or a time in ms.")
    })?;
    let (snapshot, account, now) = (
        Arc::clone(&who.snapshot),
        Arc::clone(&who.account),
        ask.now(),
    );
    let is_operator = who.is_operator(ask.app);
    let body = work::read(ask.app, move |app| {
        if !counts::is_of_space(app, &snapshot, &space, number)? {
            return Err(ConsoleError::NotFound);
        }
        let is_theirs = |source: &str, kind: &str| match kind {
            "import" => true,
            "stream" => app.streams.is_of(&snapshot, source, account.key),
            _ => snapshot
                .webhook(source)
                .is_some_and(|webhook| webhook.account.key == account.key),
        };
        let label = |source: &str| {
            let kind = kind_of(&snapshot, source);
            if is_operator || is_theirs(source, kind) {
                let name = Some(source.to_owned());
                return SourceLabel { name, kind };
            }
            SourceLabel {
                name: None,
                kind: "other",
            }
        };
        let asked = Asked {
            space: &space,
            number,
            granularity,
            named,
            now,
        };
        Ok(explain(app.store.as_ref(), &asked, label)?)
    })
    .await?;
    answer_of(&body)
}
