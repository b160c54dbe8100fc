//! The rules by name, what a refusal says, and what is worth a note.

use std::fmt;

use uuid::Uuid;

/// A rule of the merge. Its number is that of the project's rule table (R1 to R35), its name what results carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// R4: another type than SMTP in the flow.
    NonSmtpInFlow,
    /// R5: not an address that Exchange takes.
    BadSyntax,
    /// R6: the flow holds no address.
    EmptyFlow,
    /// R7: two addresses are marked as primary.
    TwoPrimaries,
    /// R7: the marked address wins although it is not the last.
    PrimaryNotLast,
    /// R11: the primary would be in an excluded domain.
    PrimaryExcluded,
    /// R11: the primary is protected for another reason.
    PrimaryProtected,
    /// R13: a secondary address in an excluded domain.
    SecondaryExcluded,
    /// R16: there is no primary address to keep.
    NoPrimary,
    /// R18, R19 or an excluded domain: the address is not the flow's to take away.
    Protected,
    /// R19: the tenant's own address would go.
    MoeraUnprotected,
    /// R20: an address is kept because it may be a former primary.
    FormerPrimary,
    /// R24: too many, or too long.
    TooMany,
    /// R26: an address policy owns the primary address.
    PolicyOwnsPrimary,
    /// R27: an address policy may add its own addresses again.
    PolicyMayAdd,
    /// R28: the domain is not accepted.
    DomainNotAccepted,
    /// R29: another recipient holds the address.
    AddressInUse,
    /// R30: the object is mastered elsewhere.
    MasteredElsewhere,
    /// R32: a difference cannot change the primary address.
    DeltaOnPrimary,
    /// R32: a difference adds and removes the same address.
    DeltaContradicts,
    /// R33: too many addresses would go.
    MassRemoval,
}

impl Rule {
    /// The rule's number.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::NonSmtpInFlow => "R4",
            Self::BadSyntax => "R5",
            Self::EmptyFlow => "R6",
            Self::TwoPrimaries | Self::PrimaryNotLast => "R7",
            Self::PrimaryExcluded | Self::PrimaryProtected => "R11",
            Self::SecondaryExcluded => "R13",
            Self::NoPrimary => "R16",
            Self::Protected => "R18",
            Self::MoeraUnprotected => "R19",
            Self::FormerPrimary => "R20",
            Self::TooMany => "R24",
            Self::PolicyOwnsPrimary => "R26",
            Self::PolicyMayAdd => "R27",
            Self::DomainNotAccepted => "R28",
            Self::AddressInUse => "R29",
            Self::MasteredElsewhere => "R30",
            Self::DeltaOnPrimary | Self::DeltaContradicts => "R32",
            Self::MassRemoval => "R33",
        }
    }

    /// The rule's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NonSmtpInFlow => "NonSmtpInFlow",
            Self::BadSyntax => "BadSyntax",
            Self::EmptyFlow => "EmptyFlow",
            Self::TwoPrimaries => "TwoPrimaries",
            Self::PrimaryNotLast => "PrimaryNotLast",
            Self::PrimaryExcluded => "PrimaryExcluded",
            Self::PrimaryProtected => "PrimaryProtected",
            Self::SecondaryExcluded => "SecondaryExcluded",
            Self::NoPrimary => "NoPrimary",
            Self::Protected => "Protected",
            Self::MoeraUnprotected => "MoeraUnprotected",
            Self::FormerPrimary => "FormerPrimary",
            Self::TooMany => "TooMany",
            Self::PolicyOwnsPrimary => "PolicyOwnsPrimary",
            Self::PolicyMayAdd => "PolicyMayAdd",
            Self::DomainNotAccepted => "DomainNotAccepted",
            Self::AddressInUse => "AddressInUse",
            Self::MasteredElsewhere => "MasteredElsewhere",
            Self::DeltaOnPrimary => "DeltaOnPrimary",
            Self::DeltaContradicts => "DeltaContradicts",
            Self::MassRemoval => "MassRemoval",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

/// The recipient that holds an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its GUID, when the lookup gave one.
    pub guid: Option<Uuid>,
    /// A name to show: the canonical name.
    pub name: String,
    /// What it is: `UserMailbox`, `MailContact`, ...
    pub kind: String,
    /// Whether it is deleted and still holds the address.
    pub soft_deleted: bool,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deleted = if self.soft_deleted { "deleted " } else { "" };
        write!(f, "{deleted}{} \"{}\"", self.kind, self.name)?;
        self.guid.map_or(Ok(()), |guid| write!(f, " ({guid})"))
    }
}

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The rule that refuses.
    pub rule: Rule,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Who holds the address, for [`Rule::AddressInUse`].
    pub owner: Option<Box<Owner>>,
}

impl Refusal {
    /// A refusal by a rule.
    #[must_use]
    pub fn new(rule: Rule, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { rule, message: message.into(), hint: hint.into(), owner: None }
    }
}

/// Something a reader of the plan should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The rule behind it.
    pub rule: Rule,
    /// One sentence.
    pub message: String,
}
