//! The server: listener, limits, routes, graceful drain.
