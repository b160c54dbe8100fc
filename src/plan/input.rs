//! What a plan is made from beside the change, and what it comes to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Finding, Severity, Step};
use crate::{
    address::{AcceptedDomains, AddressLine, Key, MergePolicy, Owner},
    recipient::{Action, ErrorClass, GraphUser, Side, Sku},
};

/// The choices of a connection that planning depends on.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Policy {
    /// The rules of the address merge.
    pub merge: MergePolicy,
    /// R26: an address policy that is in the way is switched off, instead of the change being refused.
    pub disable_email_address_policy: bool,
    /// Whether `remove` may delete the directory user.
    pub allow_remove: bool,
    /// How a mailbox is made.
    pub create_method: CreateMethod,
}

/// How a mailbox is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CreateMethod {
    /// `New-`: user and mailbox together.
    New,
    /// `Enable-`: a mailbox for a user who is there.
    #[default]
    Enable,
}

/// Where mailboxes are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Infrastructure {
    /// On this side.
    #[default]
    OnPremises,
    /// In the cloud, mastered on this side.
    Hybrid,
    /// In the cloud, and mastered there.
    Cloud,
}

/// How a user is made in the cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UserMaker {
    /// In the directory, by Graph.
    #[default]
    Graph,
    /// By `New-Mailbox`, which makes the mailbox at once; it needs a licence within 30 days.
    Exchange,
}

/// What planning knows of the directory in the cloud.
#[derive(Clone, Debug, Default)]
pub struct CloudContext {
    /// The licence that brings a mailbox, by part number or id; none where somebody else gives it.
    pub licence: Option<String>,
    /// The licences that the tenant has bought.
    pub skus: Vec<Sku>,
    /// The country of users who have none, as two letters.
    pub usage_location: Option<String>,
    /// How users are made.
    pub maker: UserMaker,
    /// The account as Graph has it, where it was read.
    pub user: Option<GraphUser>,
    /// The licence of the account was seen to a moment ago; it is not looked at again.
    pub licence_is_settled: bool,
}

/// What the connection knows beside the recipient.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Where mailboxes are made.
    pub infrastructure: Infrastructure,
    /// The accepted domains; unknown ones are not held against an address.
    pub accepted_domains: Option<AcceptedDomains>,
    /// Who else holds an address of this change. The recipient itself must not be in here.
    pub owners: BTreeMap<Key, Owner>,
    /// Names in attributes (forwarding, moderators, ...) by their text in lower case, as far as they were looked up.
    pub references: BTreeMap<String, Reference>,
    /// The domain controller that the lane is pinned to.
    pub domain_controller: Option<String>,
    /// The directory in the cloud, where the change goes there.
    pub cloud: CloudContext,
}

impl Context {
    /// Whether the change goes to Exchange Online.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        self.infrastructure == Infrastructure::Cloud
    }

    /// Where the change goes.
    #[must_use]
    pub fn side(&self) -> Side {
        if self.is_cloud() { Side::Cloud } else { Side::Here }
    }
}

/// An object that an attribute names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// Every text by which Exchange may show it: canonical name, distinguished name, GUID, alias, addresses, name.
    pub names: Vec<String>,
}

/// What planning a change comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// What the change would do.
    pub action: Action,
    /// The account, once it exists.
    pub guid: Option<Uuid>,
    /// The steps in order; none when nothing is to do or the change is refused.
    pub steps: Vec<Step>,
    /// What there is to say.
    pub findings: Vec<Finding>,
    /// The addresses before and after.
    pub address_lines: Vec<AddressLine>,
}

impl Planned {
    /// A plan that does this.
    #[must_use]
    pub fn new(action: Action, guid: Option<Uuid>) -> Self {
        Self { action, guid, steps: Vec::new(), findings: Vec::new(), address_lines: Vec::new() }
    }

    /// A plan that does nothing, and why.
    #[must_use]
    pub fn refused(finding: Finding, guid: Option<Uuid>) -> Self {
        Self { findings: vec![finding], ..Self::new(Action::Refused, guid) }
    }

    /// Why the change is refused, when it is.
    #[must_use]
    pub fn refusal(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.severity == Severity::Refusal)
    }

    /// The class of the refusal, when there is one.
    #[must_use]
    pub fn refusal_class(&self) -> Option<ErrorClass> {
        self.refusal().and_then(|finding| finding.class)
    }

    /// How many addresses would go.
    #[must_use]
    pub fn removed_addresses(&self) -> usize {
        self.address_lines.iter().filter(|line| line.sign == crate::address::Sign::Removed).count()
    }
}
