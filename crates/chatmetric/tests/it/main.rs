//! The program from outside: the real server on a port of its own, driven over
//! real sockets. One binary; each module says what belongs into it.

// A server in the test's process, its directory, and a client.
mod world;

// The RPC API: answers, errors, their order and their shape.
mod api;
