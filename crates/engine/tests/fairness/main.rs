//! Whoever only listens hears, and whoever writes to few is not kept waiting by those who write to many.

mod broadcast;
mod fan_outs;
mod harness;
