//! Mistakes that the simulation plants, to show that it finds them. Without the feature `planted` there are none.

use crate::settings::Settings;

/// A mistake of resuming, delivering or acknowledging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Planted {
    /// A stream goes live after one reading, whatever came meanwhile.
    SkipSecondReading,
    /// A replayed stream's live messages are sent during the replay.
    LiveDuringReplay,
    /// What was replayed and is still on its way is sent again.
    ForgetFloors,
    /// What comes before the `welcome` is dropped.
    DropEarly,
    /// Acknowledgements don't wait for their place.
    AcknowledgeOutOfOrder,
    /// What is read for the `welcome` is read before the connection is known to the directory.
    RegisterLate,
}

impl Settings {
    /// Whether the mistake is planted.
    #[inline]
    pub(crate) fn has(&self, mistake: Planted) -> bool {
        #[cfg(feature = "planted")]
        return self.planted == Some(mistake);
        #[cfg(not(feature = "planted"))]
        {
            let _ = mistake;
            false
        }
    }
}
