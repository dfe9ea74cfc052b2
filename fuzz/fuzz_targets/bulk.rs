//! The door of the fuzzer to `chatmetric::fuzz::bulk`, where the property is.
//!
//! Not here: anything else. Invariant: the input comes there as it is.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatmetric::fuzz::bulk(data));
