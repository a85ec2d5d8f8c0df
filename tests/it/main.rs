//! Tests.

mod gateway;
