//! chatmetric-rpc (see ARCHITECTURE.md).
