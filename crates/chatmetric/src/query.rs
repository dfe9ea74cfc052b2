//! From an authorized metric query to rows: tenancy is decided, tallies are read.
