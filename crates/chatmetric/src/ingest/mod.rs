//! What comes in: one file per source, one pipeline to the store.
