//! chatmetric-core (see ARCHITECTURE.md).
