//! The directory: accounts, users, keys, policies, spaces, numbers, webhooks.
