//! Mistakes and what is said to them; samples and documents that must stay true.
