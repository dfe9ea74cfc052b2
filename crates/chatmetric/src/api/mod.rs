//! The RPC operations: one file each, routed by one exhaustive match.
