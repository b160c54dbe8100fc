//! What each class of error means and what helps, for a person who reads a report.

use crate::recipient::ErrorClass;

/// What a class of error means, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cure {
    /// What happened, as a heading
    pub title: &'static str,
    /// What helps
    pub cure: &'static str,
}

impl Cure {
    /// Of what is pending, whatever it waits for.
    pub const WAITING: Self = Self {
        title: "Waiting",
        cure: "Nothing is wrong. It goes on when the same flow is applied again, or by itself in `mailwright watch`.",
    };

    /// Of a class.
    pub fn of(class: ErrorClass) -> Self {
        let (title, cure) = match class {
            ErrorClass::NotFound => (
                "Not found",
                "Check the identity. A user who was made a moment ago may not have reached this domain controller yet: try again.",
            ),
            ErrorClass::Conflict => (
                "In conflict with another object",
                "Free the address or name that the other object holds, or correct the row; the owner is named where it is known.",
            ),
            ErrorClass::InvalidInput => (
                "A row that cannot be carried out",
                "Correct the cells that are named and apply the rows with the failures again.",
            ),
            ErrorClass::RefusedByRule => (
                "Refused by a rule",
                "A rule or a guard of the connection forbids it. Change the row, or the rule where it is too strict.",
            ),
            ErrorClass::AccessDenied => (
                "Access denied",
                "The service account lacks the right. Give it the management role; `mailwright doctor` names what is missing.",
            ),
            ErrorClass::Throttled => {
                ("Throttled", "Exchange was asked too much at once. Try again later, or lower `concurrency`.")
            }
            ErrorClass::Transient => ("Passing trouble", "It may go well the next time: try again."),
            ErrorClass::SessionLost => (
                "The session was lost",
                "A write may have happened. The account is read again first when it is tried again.",
            ),
            ErrorClass::Unsupported => {
                ("Not possible", "Exchange has no way to do this; another route is named where there is one.")
            }
            ErrorClass::SecretUnavailable => (
                "A password is missing",
                "It is kept nowhere and could not be read again where it came from. Apply the row again with its password.",
            ),
            ErrorClass::Internal => {
                ("A defect", "This should not happen. Please report it with the message.")
            }
        };
        Self { title, cure }
    }
}
