//! The program from outside: the real server on a port of its own, driven over
//! real sockets. One binary; each module says what belongs into it.

// A server in the test's process, its directory, and a client.
mod world;

// The RPC API: answers, errors, their order and their shape.
mod api;
// The directory: documents, diffs, limits, secrets.
mod directory;

// The real program: helps the modules below to start it.
mod process;

// Commands: help, outputs, exit codes, a second process, keys.
mod cli;
// `demo`, to its end.
mod demo;
// `import`: formats, bad lines, loading twice, memory.
mod import;
// kill -9 of `serve`, again and again.
mod restart;
