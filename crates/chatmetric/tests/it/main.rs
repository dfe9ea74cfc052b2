//! Integration tests of the program; one binary, so that it links once.

mod directory;
