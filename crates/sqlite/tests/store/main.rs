//! The store on real files.

mod backup;
mod contract;
mod crash;
mod files;
mod locks;
mod packs;
mod reads;
<<<<<<< HEAD
mod small_disk;
=======
mod space;
>>>>>>> b9664dd (Copy the database beside a running server, and put a copy back)
mod statements;
mod support;
mod trouble;
