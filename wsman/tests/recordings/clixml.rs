//! Recordings of this kind.
