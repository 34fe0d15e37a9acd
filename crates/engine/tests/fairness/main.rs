//! Whoever only listens hears, whoever writes to few is not kept waiting by those who write to many, and what goes to many is made once.

mod batches;
mod broadcast;
mod crossings;
mod ends;
mod fan_outs;
mod floods;
mod harness;
mod types;
