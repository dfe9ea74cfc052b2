//! What must hold for whatever bytes the parsers of the program are given: the doors of the
//! fuzzer (`cargo xtask fuzz`), and a test that runs its committed inputs.
//!
//! It exists under `--cfg fuzzing` and in tests alone. Invariant: a function returns for any
//! input, or a property is broken.

mod bulk;
mod config;

pub use crate::ingest::cams::fuzz::receipts;
pub use crate::ingest::whatsapp::fuzz::whatsapp;
pub use bulk::bulk;
pub use config::config;

#[cfg(test)]
mod tests {
    use chatmetric_sim::corpus;

    #[test]
    fn the_corpus_of_webhooks_holds() {
        corpus::each("whatsapp", super::whatsapp);
    }

    #[test]
    fn the_corpus_of_receipts_holds() {
        corpus::each("receipts", super::receipts);
    }

    #[test]
    fn the_corpus_of_files_holds() {
        corpus::each("bulk", super::bulk);
    }

    #[test]
    fn the_corpus_of_configurations_holds() {
        corpus::each("config", super::config);
    }
}
