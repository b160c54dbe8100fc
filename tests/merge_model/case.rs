//! One case of the merge, as plain data: what goes in, printable and readable as JSON.

use serde::{Deserialize, Serialize};

/// Everything that decides what a merge comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    pub current: Vec<String>,
    pub flow: Flow,
    pub options: Options,
    pub routing: Option<String>,
    pub cloud: bool,
    pub accepted: Option<Vec<String>>,
    /// Addresses that other recipients hold.
    pub taken: Vec<String>,
    pub policy: Policy,
}

/// What the flow says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Flow {
    Absent,
    Clear,
    List(Vec<String>),
    Delta { add: Vec<String>, remove: Vec<String> },
}

/// The choices of the connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub excluded: Vec<String>,
    pub literal: bool,
    pub keep_primary: bool,
    pub primary_last: bool,
    pub promote: bool,
    pub drop_excluded: bool,
    pub keep_old_primary: bool,
    pub protect_moera: bool,
    pub force_case: bool,
    pub managed_types: Vec<String>,
    pub max_removed: Option<usize>,
}

/// The address policy of the mailbox, and what the connection and the flow say of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `EmailAddressPolicyEnabled` as Exchange has it.
    pub on: Option<bool>,
    /// `email_address_policy = "disable"`.
    pub disable: bool,
    /// The flow's column `EmailAddressPolicyEnabled`.
    pub column: Option<bool>,
}
