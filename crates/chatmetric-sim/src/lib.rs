//! chatmetric-sim (see ARCHITECTURE.md).
