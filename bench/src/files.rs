//! How many files this process, and so the servers that it starts, may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides the clients' sockets: standard streams, epoll, log, the folder of the task list.
const OTHERS: u64 = 64;

/// Raises the soft limit as far as the hard one allows (child processes inherit it) and checks that `connections` fit.
///
/// # Errors
/// They don't; the sentence says what to set.
pub fn allow(connections: usize) -> Result<(), TooFewFiles> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = connections as u64 + OTHERS;
    // `None` is "unlimited".
    if let Some(maximum) = maximum
        && maximum < needed
    {
        return Err(TooFewFiles { connections, needed, maximum });
    }
    if current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: maximum.or(Some(needed)), maximum })
            .map_err(|_| TooFewFiles { connections, needed, maximum: current.unwrap_or(0) })?;
    }
    Ok(())
}

/// A process can't open that many.
#[derive(Debug, thiserror::Error)]
#[error(
    "{connections} connections need {needed} open files and this process may open {maximum}: ask for fewer by \
     `--connections {}`, or raise the limit (as root `ulimit -Hn {needed}` in this shell, or `nofile` in \
     /etc/security/limits.conf, or `LimitNOFILE=` of the service)", maximum.saturating_sub(OTHERS)
)]
pub struct TooFewFiles {
    connections: usize,
    needed: u64,
    maximum: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_connections_fit_and_more_than_any_kernel_allows_say_what_to_set() {
        allow(10).expect("every test machine opens some files");
        if getrlimit(Resource::Nofile).maximum.is_some() {
            let error = allow(usize::MAX / 4).unwrap_err().to_string();
            assert!(error.contains("ulimit -Hn") && error.contains("--connections"), "{error}");
        }
    }
}
