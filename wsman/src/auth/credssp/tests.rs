//! Both sides against each other, old versions, and everybody in between.
