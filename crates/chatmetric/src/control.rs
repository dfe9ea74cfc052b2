//! The control socket: how commands reach a running server.
