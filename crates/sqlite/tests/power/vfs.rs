//! SQLite's way to the disk: the system's own VFS, with a [`Disk`] beside it that keeps count of what is synced.
//!
//! Files, locks and shared memory are real, so that several connections meet as they do in a server; only syncs stop here. A
//! database in a folder that nobody [`plugged`](plug) goes through untouched.
#![expect(non_snake_case, reason = "the functions have the names that SQLite gives them")]

use std::{
    collections::BTreeMap,
    ffi::{CStr, OsStr, c_char, c_int, c_void},
    io,
    mem::size_of,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, Mutex, MutexGuard, Once, Weak},
};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};
use tidings_sqlite::PlantedDisk;

use super::disk::{Disk, Failed, FileNumber, Part, part};

/// A disk that the test and SQLite share.
pub(crate) type SharedDisk = Arc<Mutex<Disk>>;

static DISKS: Mutex<BTreeMap<PathBuf, SharedDisk>> = Mutex::new(BTreeMap::new());

/// The log's name.
const LOG: &str = "tidings.db-wal";

const POISON: &str = "nothing panics while it holds this lock";

/// Puts a disk under a folder, until it is dropped. All databases there must be closed by then.
pub(crate) fn plug(folder: &Path, disk: Disk) -> Plugged {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    let disk = Arc::new(Mutex::new(disk));
    lock(&DISKS).insert(folder.to_owned(), disk.clone());
    Plugged { folder: folder.to_owned(), disk }
}

/// A disk under a folder.
pub(crate) struct Plugged {
    folder: PathBuf,
    disk: SharedDisk,
}

impl Plugged {
    /// The disk. SQLite waits meanwhile.
    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }

    /// It, as the store knows it.
    pub(crate) fn own(&self) -> Arc<dyn PlantedDisk> {
        Arc::new(Own(Arc::downgrade(&self.disk)))
    }

    /// Takes it out.
    pub(crate) fn unplug(self) -> Disk {
        let disk = self.disk.clone();
        drop(self);
        let disk = Arc::into_inner(disk).expect("every connection is closed");
        disk.into_inner().expect(POISON)
    }
}

/// What the store does on the disk itself.
struct Own(Weak<Mutex<Disk>>);

impl Own {
    fn disk(&self) -> io::Result<SharedDisk> {
        self.0.upgrade().ok_or_else(|| io::Error::other("the disk is taken out"))
    }
}

impl PlantedDisk for Own {
    fn replace_log(&self, content: &[u8]) -> io::Result<()> {
        lock(&*self.disk()?)
            .replace(LOG, content.to_vec())
            .map_err(|Failed| io::Error::other("the log is not replaced"))
    }

    fn sync_folder(&self) -> io::Result<()> {
        lock(&*self.disk()?).sync_folder(Part::Log).map_err(|Failed| io::Error::other("the folder is not synced"))
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        lock(&DISKS).remove(&self.folder);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect(POISON)
}

/// An open file, as SQLite lays it out: this, and behind it the file of the system's VFS.
#[repr(C)]
struct File {
    base: sqlite3_file,
    handle: *mut Handle,
}

/// What an open file needs beside the system's.
struct Handle {
    disk: SharedDisk,
    number: FileNumber,
    part: Part,
    /// The first sync of a journal or log that may be new syncs its folder too: `unixSync` of `os_unix.c`,
    /// `UNIXFILE_DIRSYNC`.
    syncs_folder: bool,
}

/// The system's VFS.
struct System(*mut sqlite3_vfs);

// SAFETY: it is SQLite's own, which lives as long as the process and is used by all threads.
unsafe impl Send for System {}
// SAFETY: as above; nothing here writes to it.
unsafe impl Sync for System {}

static SYSTEM: std::sync::OnceLock<System> = std::sync::OnceLock::new();

fn system() -> *mut sqlite3_vfs {
    SYSTEM.get().expect("it is set before a file is opened").0
}

/// Makes this VFS the default one of the process.
fn register() {
    // SAFETY: null asks for the default, which exists once SQLite is initialised, as the call itself sees to.
    let system = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    assert!(!system.is_null());
    SYSTEM.set(System(system)).map_err(drop).expect("it is set once");
    // SAFETY: it is not null, and SQLite never changes a VFS that is registered, but for `pNext` under its own lock; nobody
    // else registers one meanwhile, because connections are opened after this call only.
    let mut vfs = unsafe { *system };
    vfs.szOsFile += size_of::<File>() as c_int;
    vfs.zName = c"power".as_ptr();
    vfs.pNext = ptr::null_mut();
    vfs.xOpen = Some(xOpen);
    vfs.xDelete = Some(xDelete);
    // SAFETY: it is whole, and it is never freed.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 1) };
    assert_eq!(code, ffi::SQLITE_OK);
}

/// The disk under a file, if there is one, and the file's name.
///
/// # Safety
/// `path` is null or ends with a zero byte.
unsafe fn disk_under(path: *const c_char) -> Option<(SharedDisk, PathBuf, String)> {
    if path.is_null() {
        return None;
    }
    // SAFETY: the caller says so.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    let disk = lock(&DISKS).get(path.parent()?)?.clone();
    Some((disk, path.to_owned(), path.file_name()?.to_str()?.to_owned()))
}

unsafe extern "C" fn xOpen(
    _: *mut sqlite3_vfs,
    path: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a path that ends with a zero byte, or null, and room for `szOsFile` bytes at `file`, which is more
    // than the system's VFS asks for.
    unsafe {
        let open = (*system()).xOpen.expect("every VFS opens");
        let Some((disk, path_of, name)) = disk_under(path) else { return open(system(), path, file, flags, out_flags) };
        (*file).pMethods = ptr::null();
        let may_create = flags & ffi::SQLITE_OPEN_CREATE != 0;
        let mut held = lock(&disk);
        if held.is_off() {
            return ffi::SQLITE_CANTOPEN;
        }
        let number = if held.has(&name) || path_of.exists() {
            held.found(&name, || std::fs::read(&path_of).expect("a file that exists is read"))
        } else if may_create {
            match held.create(&name) {
                Ok(number) => number,
                Err(Failed) => return ffi::SQLITE_CANTOPEN,
            }
        } else {
            return ffi::SQLITE_CANTOPEN;
        };
        drop(held);
        let code = open(system(), path, real(file), flags, out_flags);
        if code != ffi::SQLITE_OK {
            return code;
        }
        let part = part(&name);
        let handle = Handle { disk, number, part, syncs_folder: may_create && part != Part::Database };
        (*file.cast::<File>()).handle = Box::into_raw(Box::new(handle));
        (*file).pMethods = &METHODS;
        code
    }
}

unsafe extern "C" fn xDelete(_: *mut sqlite3_vfs, path: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite gives a path that ends with a zero byte.
    unsafe {
        if let Some((disk, path_of, name)) = disk_under(path) {
            let mut disk = lock(&disk);
            if disk.is_off() {
                return ffi::SQLITE_IOERR_DELETE;
            }
            if disk.has(&name) || path_of.exists() {
                disk.found(&name, || std::fs::read(&path_of).expect("a file that exists is read"));
                if disk.delete(&name, sync_folder != 0).is_err() {
                    return ffi::SQLITE_IOERR_DELETE;
                }
            }
        }
        // The folder is synced in the count above, not on the real disk.
        (*system()).xDelete.expect("every VFS deletes")(system(), path, 0)
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // 2 has shared memory; 3 would have the file itself mapped, past the disk.
    iVersion: 2,
    xClose: Some(xClose),
    xRead: Some(xRead),
    xWrite: Some(xWrite),
    xTruncate: Some(xTruncate),
    xSync: Some(xSync),
    xFileSize: Some(xFileSize),
    xLock: Some(xLock),
    xUnlock: Some(xUnlock),
    xCheckReservedLock: Some(xCheckReservedLock),
    xFileControl: Some(xFileControl),
    xSectorSize: Some(xSectorSize),
    xDeviceCharacteristics: Some(xDeviceCharacteristics),
    xShmMap: Some(xShmMap),
    xShmLock: Some(xShmLock),
    xShmBarrier: Some(xShmBarrier),
    xShmUnmap: Some(xShmUnmap),
    xFetch: None,
    xUnfetch: None,
};

/// The file of the system's VFS.
///
/// # Safety
/// `file` points to room for `szOsFile` bytes, as [`register`] set it.
unsafe fn real(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: the system's file begins right behind ours, which ends where a pointer may begin.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// What the file needs beside the system's.
///
/// # Safety
/// `file` was opened by [`xOpen`] with a disk, and isn't closed; SQLite uses one connection's file in one thread at a time.
unsafe fn handle<'a>(file: *mut sqlite3_file) -> &'a mut Handle {
    // SAFETY: `xOpen` set the pointer, `xClose` alone frees it.
    unsafe { &mut *(*file.cast::<File>()).handle }
}

/// Calls the system's method of the same name.
macro_rules! call {
    ($name:ident($file:ident $(, $argument:expr)*)) => {{
        let real = real($file);
        ((*(*real).pMethods).$name.expect("the system's VFS has every method"))(real $(, $argument)*)
    }};
}

/// Methods that ask the system alone.
macro_rules! pass {
    ($(fn $name:ident($($argument:ident: $of:ty),*) -> $returns:ty;)+) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $of)*) -> $returns {
            // SAFETY: SQLite calls it with a file that `xOpen` opened and its arguments, which go on as they are.
            unsafe { call!($name(file $(, $argument)*)) }
        }
    )+};
}

pass! {
    fn xLock(level: c_int) -> c_int;
    fn xUnlock(level: c_int) -> c_int;
    fn xCheckReservedLock(is_reserved: *mut c_int) -> c_int;
    fn xFileControl(code: c_int, argument: *mut c_void) -> c_int;
    fn xSectorSize() -> c_int;
    fn xDeviceCharacteristics() -> c_int;
    fn xShmMap(region: c_int, bytes: c_int, extend: c_int, address: *mut *mut c_void) -> c_int;
    fn xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    fn xShmBarrier() -> ();
    fn xShmUnmap(delete: c_int) -> c_int;
}

unsafe extern "C" fn xClose(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that `xOpen` opened, once: the handle is freed once too.
    unsafe {
        drop(Box::from_raw((*file.cast::<File>()).handle));
        call!(xClose(file))
    }
}

unsafe extern "C" fn xRead(file: *mut sqlite3_file, to: *mut c_void, bytes: c_int, at: i64) -> c_int {
    // SAFETY: as `pass!` has it.
    unsafe {
        if lock(&handle(file).disk).is_off() {
            return ffi::SQLITE_IOERR_READ;
        }
        call!(xRead(file, to, bytes, at))
    }
}

unsafe extern "C" fn xWrite(file: *mut sqlite3_file, from: *const c_void, bytes: c_int, at: i64) -> c_int {
    // SAFETY: as `pass!` has it; SQLite gives as many bytes at `from` as it says.
    unsafe {
        let Handle { disk, number, part, .. } = handle(file);
        let content = std::slice::from_raw_parts(from.cast::<u8>(), bytes as usize);
        if lock(disk).write(*part, *number, at as u64, content).is_err() {
            return ffi::SQLITE_IOERR_WRITE;
        }
        call!(xWrite(file, from, bytes, at))
    }
}

unsafe extern "C" fn xTruncate(file: *mut sqlite3_file, length: i64) -> c_int {
    // SAFETY: as `pass!` has it.
    unsafe {
        let Handle { disk, number, part, .. } = handle(file);
        if lock(disk).truncate(*part, *number, length as u64).is_err() {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        call!(xTruncate(file, length))
    }
}

unsafe extern "C" fn xSync(file: *mut sqlite3_file, _: c_int) -> c_int {
    // SAFETY: as `pass!` has it. The system is not asked: the disk beside it says what is synced, and a real one takes time.
    let Handle { disk, number, part, syncs_folder } = unsafe { handle(file) };
    let mut disk = lock(disk);
    if disk.sync(*part, *number).is_err() {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    // `unixSync` passes over a folder that is not synced, and does not try again.
    if std::mem::take(syncs_folder) && disk.sync_folder(*part).is_err() && disk.is_off() {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn xFileSize(file: *mut sqlite3_file, bytes: *mut i64) -> c_int {
    // SAFETY: as `pass!` has it.
    unsafe {
        if lock(&handle(file).disk).is_off() {
            return ffi::SQLITE_IOERR_FSTAT;
        }
        call!(xFileSize(file, bytes))
    }
}
