// Package compat holds no code of its own: its tests call a real chatmetric
// process with the official Go SDKs, unchanged but for the endpoint.
package compat
