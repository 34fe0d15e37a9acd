//! What follows from an act, and who hears it.

use tidings_wire::{Code, Reject};

use crate::{
    act::Origin,
    audience::{From, Recipients, resolve},
    blocking::wait_for,
    clock::Now,
    delivery::{Content, Publication, fields_of},
    directory::ShardSet,
    members::Named,
    pipeline::connection_of,
    publish::Publish,
    services::Services,
};

/// A message to be delivered, with its recipients as of now and, unless it has one, an id.
///
/// # Errors
/// `unknown_type`; `too_large`.
pub(crate) fn publication(
    services: &Services,
    publish: &Publish,
    origin: Origin,
    all: ShardSet,
    now: Now,
) -> Result<Publication, Reject> {
    let Publish { kind: name, ref body, from, id, .. } = *publish;
    let Some(kind) = services.registry.find(name) else {
        return Err(Reject::new(Code::UnknownType, format!("no message type {name:?} is registered")));
    };
    Content::fits(body)?;
    let to = resolve_publish(services, publish, origin, all);
    let id = id.unwrap_or_else(|| services.ids.next(now));
    services.registry.at(kind).metrics.accepted();
    let fields = fields_of(body);
    let content = Content { kind: Some(kind), name, fields, key: None, id, from, timestamp: now.unix(), place: None };
    Ok(Publication::new(content, to, now.mono))
}

/// The recipients of a message that follows from an act, resolved by the dispatcher. A set that is not in memory is read
/// while the dispatcher waits, if it is the store's own: its members must be those as of this commit, and what was committed
/// later must not overtake. The app's own may be slow to read: they are taken as they are in memory.
fn resolve_publish(services: &Services, publish: &Publish, origin: Origin, all: ShardSet) -> Recipients {
    let from = From { user: publish.from, index: None, connection: connection_of(origin) };
    let find = |id: Named| {
        if let Some(held) = services.members.held(id) {
            return Some(held);
        }
        let read = services.members.is_told(id).then(|| wait_for(services.members.load(id)));
        match read {
            Some(Ok(group)) => Some(group),
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(kind = publish.kind, set = %id, error, "a set can't be read: what follows from an act is not heard there");
                None
            }
            None => {
                tracing::warn!(kind = publish.kind, set = %id, "the set was not in memory: what follows from an act is not heard there");
                None
            }
        }
    };
    resolve(&publish.audience, from, &services.directory, find, all)
}
