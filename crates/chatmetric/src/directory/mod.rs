//! The directory: accounts, users, keys, policies, spaces, numbers, webhooks.

/// The directory of one instance.
#[derive(Debug)]
pub struct Directory;
