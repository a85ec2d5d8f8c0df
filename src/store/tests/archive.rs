//! What `explain` and the counts say.
