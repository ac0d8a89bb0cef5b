//! What a comparison fails with.

use super::Member;
use crate::Error;
use crate::train::TrainError;

/// What [`train`](super::train) and [`model`](super::model) fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// As the parts' trainings.
    #[error(transparent)]
    Training(#[from] TrainError),
    /// A member that cannot begin with the model that the recipe names, unlike others perhaps.
    #[error("{}: {reason}", .member.title())]
    CannotBegin {
        /// Who.
        member: Member,
        /// Why.
        reason: Error,
    },
}

impl From<Error> for CompareError {
    fn from(error: Error) -> Self {
        Self::Training(error.into())
    }
}
