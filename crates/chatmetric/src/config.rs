//! Settings: file, environment, flags; all faults are reported at once.
