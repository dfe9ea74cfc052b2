//! The door of the fuzzer to `chatmetric_rpc::fuzz::acs3_request`, where the property is.
//!
//! Not here: anything else. Invariant: the input comes there as it is.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatmetric_rpc::fuzz::acs3_request(data));
