//! The integration tests of the crate, one binary: real servers, three in a cluster, that
//! sync before they acknowledge. Nothing that a user has for real is replaced.

// A cluster in virtual time, and plans against it.
mod capacity;
mod capacity_checks;
// A store on a cluster obeys the rules of every store.
mod commands;
// Counts equal to the model, whatever is killed.
mod counting;
// The counts of an instance that was alone.
mod migrate;
mod model;
// Members that come, go and are killed; assignments.
mod nodes;
// Decisions that are exact across owners.
mod owners;
// Replicas against each other and against their log.
mod replicas;
mod servers;
// Replicas that begin with a snapshot.
mod snapshots;
// What is refused at a start.
mod topology;
// Power cuts of all servers at once.
mod torture;
mod world;
