//! The master key: loads or makes it, seals and opens secrets.
