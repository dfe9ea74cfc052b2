//! chatmetric-store (see ARCHITECTURE.md).
