//! Whoever only listens hears, and whoever writes to few is not kept waiting by those who write to many.

mod broadcast;
mod crossings;
mod ends;
mod fan_outs;
mod floods;
mod harness;
mod types;
