//! What the cmdlets write.
