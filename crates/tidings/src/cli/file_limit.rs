//! How many sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, which needs no privilege, and says in the log what came of it: a connection is
/// a descriptor, and the usual soft limit of 1,024 would end accepting there.
pub(super) fn raise() {
    let Rlimit { current: before, maximum } = getrlimit(Resource::Nofile);
    let raised = match before == maximum {
        true => Ok(()),
        false => setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }),
    };
    let words = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
    match raised {
        Ok(()) => tracing::info!(limit = words(maximum), before = words(before), "open files (RLIMIT_NOFILE)"),
        Err(error) => tracing::warn!(
            limit = words(before),
            hard = words(maximum),
            %error,
            "the limit of open files can't be raised: connections beyond it are refused"
        ),
    }
}
