//! stub
use crate::ports::StoreError;
use tidings_wire::{GroupId, UserId};
pub(crate) struct Members {}
impl Members {
    pub(crate) async fn contains(&self, _group: GroupId, _user: UserId) -> Result<bool, StoreError> {
        todo!()
    }
}
