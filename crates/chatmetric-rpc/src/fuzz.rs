//! What must hold for whatever bytes a parser of this crate is given: the doors of the fuzzer
//! (`cargo xtask fuzz`), and a test that runs its committed inputs.
//!
//! It exists under `--cfg fuzzing` and in tests alone. Invariant: a function returns for any
//! input, or a property is broken.

mod request;

pub use crate::ram::fuzz::policy;
pub use request::{acs3_request, v1_request};

#[cfg(test)]
mod tests {
    use chatmetric_sim::corpus;

    #[test]
    fn the_corpus_of_v1_requests_holds() {
        corpus::each("v1_request", super::v1_request);
    }

    #[test]
    fn the_corpus_of_acs3_requests_holds() {
        corpus::each("acs3_request", super::acs3_request);
    }

    #[test]
    fn the_corpus_of_policies_holds() {
        corpus::each("policy", super::policy);
    }
}
