//! The protocol as its callers meet it: requests captured from official SDKs, mutations of them,
//! the order of checks, admission, rights and the rendered answers.

mod actor;
mod admission;
mod answers;
mod clients;
mod mutations;
mod order;
mod rights;
mod vectors;
