//! The client side of the RPC API: signs and sends what any SDK would.
