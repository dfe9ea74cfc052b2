//! The integration tests of the crate, one binary: real servers, three in a cluster, that
//! sync before they acknowledge. Nothing that a user has for real is replaced.

mod counting;
mod model;
mod servers;
mod world;
