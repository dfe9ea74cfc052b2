//! Pages of a list: Marker and MaxItems.
//!
//! A marker is the name of the last entry of the page before, so that a page begins
//! at the right place whatever was made or deleted meanwhile. Invariant: pages
//! together have every entry that was there all the time, once.

use crate::directory::limits::NAME_BYTES_MAX;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::error::{ParameterFault, RamError};

/// Most entries of a page.
const ITEMS_MAX: usize = 1_000;
/// Entries of a page that says nothing.
const ITEMS_DEFAULT: usize = 100;

/// Which entries a page has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// The last entry of the page before.
    after: Option<String>,
    items_max: usize,
}

impl Page {
    /// From Marker and MaxItems.
    pub(super) fn new(marker: Option<&str>, items: Option<i64>) -> Result<Self, ApiError> {
        let items = items.map_or(Some(ITEMS_DEFAULT), |items| usize::try_from(items).ok());
        let items_max = items
            .filter(|items| (1..=ITEMS_MAX).contains(items))
            .ok_or_else(|| RamError::Parameter {
                name: "MaxItems".into(),
                fault: ParameterFault::Value,
                valid: format!("It is 1 to {ITEMS_MAX}.").into(),
            })?;
        let after = match marker {
            Some(marker) if marker.len() > NAME_BYTES_MAX => {
                return Err(ApiError::from(RamError::Parameter {
                    name: "Marker".into(),
                    fault: ParameterFault::Value,
                    valid: "It is the Marker of the page before.".into(),
                }));
            }
            marker => marker.map(str::to_owned),
        };
        Ok(Self { after, items_max })
    }

    /// The entries of the page, of all in the order of `name`, and the marker of
    /// the next page when there is one.
    pub(super) fn cut<T>(
        &self,
        all: impl IntoIterator<Item = T>,
        name: impl Fn(&T) -> &str,
    ) -> (Vec<T>, Option<String>) {
        let after = self.after.as_deref();
        let mut rest = all
            .into_iter()
            .filter(|entry| after.is_none_or(|after| name(entry) > after));
        let page: Vec<T> = rest.by_ref().take(self.items_max).collect();
        let more = rest.next().is_some();
        let marker = page
            .last()
            .filter(|_| more)
            .map(|last| name(last).to_owned());
        (page, marker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(names: &[&str], items: i64) -> Vec<String> {
        let mut marker: Option<String> = None;
        let mut pages = Vec::new();
        loop {
            let page = Page::new(marker.as_deref(), Some(items)).expect("valid");
            let (entries, next) = page.cut(names.iter(), |name| name);
            pages.push(entries.into_iter().copied().collect::<Vec<_>>().join(","));
            match next {
                Some(next) => marker = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_together_are_the_list() {
        assert_eq!(pages(&["a", "b", "c"], 2), ["a,b", "c"]);
        assert_eq!(pages(&["a", "b"], 2), ["a,b"]);
        assert_eq!(pages(&["a", "b"], 1), ["a", "b"]);
        assert_eq!(pages(&[], 1), [""]);
    }

    #[test]
    fn limits_are_told() {
        for (marker, items, ok) in [
            (None, None, true),
            (None, Some(1), true),
            (None, Some(1_000), true),
            (None, Some(1_001), false),
            (None, Some(0), false),
            (None, Some(-1), false),
            (Some("a".repeat(128)), None, true),
            (Some("a".repeat(129)), None, false),
        ] {
            let page = Page::new(marker.as_deref(), items);
            assert_eq!(page.is_ok(), ok, "{marker:?} {items:?}");
        }
        let page = Page::new(None, None).expect("valid");
        let names: Vec<String> = (0..101).map(|n| format!("{n:03}")).collect();
        assert_eq!(page.cut(&names, |name| name).0.len(), ITEMS_DEFAULT);
    }
}
