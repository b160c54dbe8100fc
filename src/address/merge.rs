//! What Exchange has and what the flow says become what is sent.
//!
//! The flow owns the ordinary SMTP addresses. It owns neither other types (X500, SIP, ...), which are copied byte for byte,
//! nor what is protected: addresses in excluded domains, the routing address of a remote mailbox, in the cloud the tenant's
//! own address. Prefixes are always written out, because Exchange takes the *first* unmarked address as primary and flows
//! have it *last*.
//!
//! With `keep_old_primary` the list takes no address away at all: once renamed, a former primary cannot be told from any
//! other secondary, and a second run of the same flow would lose the mail that the option is there to keep. Addresses then
//! go by an explicit difference (`Remove`) only.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AcceptedDomains, ExcludedDomains,
    entry::{self, Entries},
    line::{AddressLine, compare},
    proxy::{Key, MAX_PROXIES, is_primary, key, smtp_part},
    rule::{Note, Owner, Refusal, Rule},
};

/// What the flow says about the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow<'a> {
    /// Nothing: not managed.
    Absent,
    /// The whole list, primary last.
    List(&'a [String]),
    /// An empty list.
    Clear,
    /// Secondary addresses to add and to take away.
    Delta {
        /// To add.
        add: &'a [String],
        /// To take away.
        remove: &'a [String],
    },
}

/// The choices that the rules leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is a choice of its own, with the name it has in the configuration
pub struct MergePolicy {
    /// Domains whose addresses are left alone.
    pub excluded: ExcludedDomains,
    /// R6: an empty flow keeps the primary, instead of being refused.
    pub keep_primary_when_empty: bool,
    /// R7: the last address is the primary, whatever is marked.
    pub primary_is_last: bool,
    /// R11: a primary in an excluded domain is taken, instead of being refused.
    pub promote_excluded_primary: bool,
    /// R13: a new secondary in an excluded domain is dropped, instead of being added.
    pub drop_excluded_secondary: bool,
    /// R20: no address is taken away by a list.
    pub keep_old_primary: bool,
    /// R19: the tenant's own address is protected in the cloud.
    pub protect_moera: bool,
    /// R21: a difference in case alone is worth a write.
    pub force_case: bool,
    /// R4: other types that the flow may add.
    pub managed_types: Vec<String>,
    /// R33: the most addresses that one change may take from one account; none lifts the guard.
    pub max_removed_addresses: Option<usize>,
}

impl Default for MergePolicy {
    fn default() -> Self {
        Self {
            excluded: ExcludedDomains::default(),
            keep_primary_when_empty: false,
            primary_is_last: false,
            promote_excluded_primary: false,
            drop_excluded_secondary: false,
            keep_old_primary: false,
            protect_moera: true,
            force_case: false,
            managed_types: Vec::new(),
            max_removed_addresses: Some(10),
        }
    }
}

/// What else the merge must know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// R18: the routing address of a remote mailbox, with or without prefix.
    pub routing: Option<&'a str>,
    /// R19: the mailbox is in the cloud.
    pub cloud: bool,
    /// R28: the accepted domains, when they are known.
    pub accepted: Option<&'a AcceptedDomains>,
    /// R29: who else holds an address that the flow has.
    pub owners: Option<&'a BTreeMap<Key, Owner>>,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// R1: the parameter is not sent.
    NoParameter,
    /// Everything is as wanted.
    NoChange,
    /// The whole list, every value with its prefix.
    Set(Vec<String>),
    /// R32: a difference; neither part holds a primary.
    Delta {
        /// To add.
        add: Vec<String>,
        /// To take away, as Exchange has them.
        remove: Vec<String>,
    },
}

/// The merge: what is sent, and what a reader should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// What is sent.
    pub outcome: Outcome,
    /// The list as it will be.
    pub result: Vec<String>,
    /// Before and after.
    pub lines: Vec<AddressLine>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
    /// The primary address as it will be, without prefix.
    pub primary: Option<String>,
    /// Whether the primary address becomes another one.
    pub primary_changes: bool,
    /// How many addresses go.
    pub removed: usize,
}

/// Merges what Exchange has with what the flow says.
///
/// # Errors
/// A rule refuses; nothing must be sent then.
pub fn merge(
    current: &[String],
    flow: Flow<'_>,
    policy: &MergePolicy,
    around: Surroundings<'_>,
) -> Result<Merge, Refusal> {
    let case =
        Case { current: Current::read(current), policy, around, routing: around.routing.and_then(key) };
    match flow {
        Flow::Absent => Ok(Merge {
            outcome: Outcome::NoParameter,
            result: current.to_vec(),
            lines: Vec::new(),
            notes: Vec::new(),
            primary: case.current.primary.clone(),
            primary_changes: false,
            removed: 0,
        }),
        Flow::Clear => case.list(&[]),
        Flow::List(list) => case.list(list),
        Flow::Delta { add, remove } => case.delta(add, remove),
    }
}

/// What makes two lists the same: the other types byte for byte, and who is there in which role.
#[must_use]
pub fn same_state(left: &[String], right: &[String]) -> bool {
    let state = |list: &[String]| {
        let mut other: Vec<String> =
            list.iter().filter(|value| smtp_part(value).is_none()).cloned().collect();
        other.sort_unstable();
        let smtp: BTreeSet<(bool, String)> = list
            .iter()
            .filter(|value| smtp_part(value).is_some())
            .map(|value| (is_primary(value), comparable(value)))
            .collect();
        (other, smtp)
    };
    state(left) == state(right)
}

/// A value of the SMTP class that has no `@` is still a value, and compares by its text.
fn comparable(value: &str) -> String {
    key(value)
        .map_or_else(|| smtp_part(value).unwrap_or(value).to_ascii_lowercase(), |key| key.as_str().to_owned())
}

/// What Exchange has, sorted by who owns it.
struct Current<'a> {
    all: &'a [String],
    other: Vec<&'a String>,
    /// Address without prefix, by key, in the order of the list; the first of several with one key.
    smtp: Vec<(String, &'a str)>,
    keys: BTreeSet<String>,
    /// The first that is marked.
    primary: Option<String>,
    /// Of everything that is marked. More than one is a broken object, and none of them goes unasked.
    primary_keys: BTreeSet<String>,
}

impl<'a> Current<'a> {
    fn read(all: &'a [String]) -> Self {
        let mut current = Self {
            all,
            other: Vec::new(),
            smtp: Vec::new(),
            keys: BTreeSet::new(),
            primary: None,
            primary_keys: BTreeSet::new(),
        };
        for value in all {
            let Some(address) = smtp_part(value) else {
                current.other.push(value);
                continue;
            };
            let key = comparable(value);
            if is_primary(value) {
                current.primary.get_or_insert_with(|| address.to_owned());
                current.primary_keys.insert(key.clone());
            }
            if current.keys.insert(key.clone()) {
                current.smtp.push((key, address));
            }
        }
        current
    }
}

struct Case<'a> {
    current: Current<'a>,
    policy: &'a MergePolicy,
    around: Surroundings<'a>,
    routing: Option<Key>,
}

impl Case<'_> {
    fn excluded(&self, address: &str) -> bool {
        key(address).is_some_and(|key| self.policy.excluded.contains(&key))
    }

    fn is_routing(&self, address: &str) -> bool {
        self.routing.is_some() && key(address) == self.routing
    }

    fn is_moera(&self, address: &str) -> bool {
        self.around.cloud && key(address).is_some_and(|key| is_moera_domain(key.domain()))
    }

    fn protected(&self, address: &str) -> bool {
        self.excluded(address)
            || self.is_routing(address)
            || (self.policy.protect_moera && self.is_moera(address))
    }

    fn list(&self, list: &[String]) -> Result<Merge, Refusal> {
        let entries = entry::read(list, self.policy)?;
        let mut notes = Vec::new();
        let (primary, secondaries) = if entries.smtp.is_empty() {
            (self.primary_of_empty_flow()?, Vec::new())
        } else {
            self.primary_of(&entries, &mut notes)?
        };
        let primary_key = comparable(&primary);
        let listed: BTreeSet<String> = secondaries.iter().map(|address| comparable(address)).collect();

        let mut result: Vec<String> = self.current.other.iter().map(|value| (*value).clone()).collect();
        self.add_other_types(&mut result, &entries);
        let mut taken = BTreeSet::from([primary_key.clone()]);
        for (key, address) in &self.current.smtp {
            if *key == primary_key {
                continue;
            }
            let former = self.policy.keep_old_primary && !listed.contains(key);
            if self.protected(address) || former {
                if former && !self.protected(address) {
                    notes.push(former_primary(address));
                }
                taken.insert(key.clone());
                result.push(format!("smtp:{address}"));
            } else if !listed.contains(key) && self.is_moera(address) {
                notes.push(moera_unprotected(address));
            }
        }
        for address in secondaries {
            if self.excluded(&address) && !self.current.keys.contains(&comparable(&address)) {
                notes.push(self.secondary_excluded(&address));
                if self.policy.drop_excluded_secondary {
                    continue;
                }
            }
            if taken.insert(comparable(&address)) {
                result.push(format!("smtp:{address}"));
            }
        }
        result.push(format!("SMTP:{primary}"));
        self.finish(result, primary, notes)
    }

    /// R4: types that are managed are added, never removed.
    fn add_other_types(&self, result: &mut Vec<String>, entries: &Entries) {
        for value in &entries.other {
            if !result.iter().any(|held| held.eq_ignore_ascii_case(value)) {
                result.push(value.clone());
            }
        }
    }

    fn primary_of_empty_flow(&self) -> Result<String, Refusal> {
        if !self.policy.keep_primary_when_empty {
            return Err(Refusal::new(
                Rule::EmptyFlow,
                "the flow holds no e-mail address, and a mailbox must have one",
                "leave the cell empty (or the key out) when the addresses are not managed, or set \
                 empty_addresses = \"keep_primary\"",
            ));
        }
        if self.current.primary_keys.len() > 1 {
            let all = self.current.primary_keys.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
            return Err(Refusal::new(
                Rule::TwoPrimaries,
                format!(
                    "the flow holds no e-mail address, and the recipient has several primary ones: {all}"
                ),
                "give the recipient's addresses in the flow, primary last",
            ));
        }
        self.current.primary.clone().ok_or_else(|| {
            Refusal::new(
                Rule::NoPrimary,
                "the flow holds no e-mail address, and the recipient has no primary one to keep",
                "give the recipient a primary address in the flow",
            )
        })
    }

    /// R7, R8 and R11: the primary, and the other addresses in the order of the flow.
    fn primary_of(&self, entries: &Entries, notes: &mut Vec<Note>) -> Result<(String, Vec<String>), Refusal> {
        let marked: BTreeSet<&String> =
            entries.smtp.iter().filter(|entry| entry.marked).map(|entry| &entry.key).collect();
        let place = if self.policy.primary_is_last || marked.is_empty() {
            entries.smtp.len() - 1
        } else if marked.len() > 1 {
            let both = marked.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(" and ");
            return Err(Refusal::new(
                Rule::TwoPrimaries,
                format!("{both} are both marked as primary (SMTP:)"),
                "mark one of them, or none and put it last",
            ));
        } else {
            let place = entries.smtp.iter().position(|entry| entry.marked).unwrap_or(entries.smtp.len() - 1);
            if place + 1 < entries.smtp.len() {
                let address = &entries.smtp[place].address;
                notes.push(Note {
                    rule: Rule::PrimaryNotLast,
                    message: format!(
                        "{address} becomes primary because it is marked SMTP:, although it is not the last"
                    ),
                });
            }
            place
        };
        let primary = entries.smtp[place].address.clone();
        if self.excluded(&primary) && !self.policy.promote_excluded_primary {
            return Err(Refusal::new(
                Rule::PrimaryExcluded,
                format!("{primary} would become primary, but its domain is excluded"),
                "put an address of another domain last, or set excluded_primary = \"promote\"",
            ));
        }
        if self.is_routing(&primary) || self.is_moera(&primary) {
            notes.push(Note {
                rule: Rule::PrimaryProtected,
                message: format!("{primary}, an address for mail routing, becomes primary"),
            });
        }
        let others = entries
            .smtp
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != place)
            .map(|(_, entry)| entry.address.clone())
            .collect();
        Ok((primary, others))
    }

    fn secondary_excluded(&self, address: &str) -> Note {
        let what = if self.policy.drop_excluded_secondary {
            "is in an excluded domain and is not added"
        } else {
            "is in an excluded domain: it is added, will not be imported, and the flow can no longer remove it"
        };
        Note { rule: Rule::SecondaryExcluded, message: format!("{address} {what}") }
    }

    fn finish(&self, result: Vec<String>, primary: String, notes: Vec<Note>) -> Result<Merge, Refusal> {
        self.check_new(&result)?;
        let lines = compare(self.current.all, &result);
        let kept: BTreeSet<String> =
            result.iter().filter(|value| smtp_part(value).is_some()).map(|value| comparable(value)).collect();
        let removed = self.current.keys.difference(&kept).count();
        self.check_removed(removed)?;
        let same = same_state(self.current.all, &result)
            && !(self.policy.force_case && differ(self.current.all, &result));
        let primary_changes = self.current.primary_keys != BTreeSet::from([comparable(&primary)]);
        Ok(if same {
            Merge {
                outcome: Outcome::NoChange,
                lines: compare(self.current.all, self.current.all),
                result: self.current.all.to_vec(),
                notes,
                primary: self.current.primary.clone(),
                primary_changes: false,
                removed: 0,
            }
        } else {
            let outcome = Outcome::Set(result.clone());
            Merge { outcome, result, lines, notes, primary: Some(primary), primary_changes, removed }
        })
    }

    /// R24 for the whole list, and R28 and R29, which look at what the recipient does not have yet.
    fn check_new(&self, result: &[String]) -> Result<(), Refusal> {
        if result.len() > MAX_PROXIES {
            return Err(Refusal::new(
                Rule::TooMany,
                format!(
                    "the recipient would have {} proxy addresses; {MAX_PROXIES} is the limit",
                    result.len()
                ),
                "take addresses out of the flow",
            ));
        }
        for value in result {
            entry::long(value)?;
            let Some(key) = key(value).filter(|key| !self.current.keys.contains(key.as_str())) else {
                continue;
            };
            if let Some(accepted) = self.around.accepted.filter(|accepted| !accepted.contains(&key)) {
                return Err(Refusal::new(
                    Rule::DomainNotAccepted,
                    format!("{} is not an accepted domain of this organisation ({key})", key.domain()),
                    format!("accepted are: {}", accepted.describe()),
                ));
            }
            if let Some(owner) = self.around.owners.and_then(|owners| owners.get(&key)) {
                return Err(Refusal {
                    owner: Some(Box::new(owner.clone())),
                    ..Refusal::new(
                        Rule::AddressInUse,
                        format!("{key} is already an address of {owner}"),
                        "take it from there first, or choose another address",
                    )
                });
            }
        }
        Ok(())
    }

    /// R33, for one account.
    fn check_removed(&self, removed: usize) -> Result<(), Refusal> {
        match self.policy.max_removed_addresses {
            Some(most) if removed > most => Err(Refusal::new(
                Rule::MassRemoval,
                format!("{removed} addresses would be taken away; the limit for one account is {most}"),
                "check the flow; --allow-mass-removal lifts the limit for one run",
            )),
            _ => Ok(()),
        }
    }

    /// R32: secondaries only.
    fn delta(&self, add: &[String], remove: &[String]) -> Result<Merge, Refusal> {
        let (add, remove) = (entry::read(add, self.policy)?, entry::read_removals(remove)?);
        let primary_keys = &self.current.primary_keys;
        let mut notes = Vec::new();
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        for entry in &add.smtp {
            if entry.marked && !primary_keys.contains(&entry.key) {
                return Err(Refusal::new(
                    Rule::DeltaOnPrimary,
                    format!("{} is marked as primary, which Add cannot make it", entry.address),
                    "give the whole list, primary last",
                ));
            }
            if remove.iter().any(|out| out.key == entry.key) {
                return Err(Refusal::new(
                    Rule::DeltaContradicts,
                    format!("{} is in Add and in Remove", entry.address),
                    "take it out of one of them",
                ));
            }
            if self.current.keys.contains(&entry.key) {
                continue;
            }
            if self.excluded(&entry.address) {
                notes.push(self.secondary_excluded(&entry.address));
                if self.policy.drop_excluded_secondary {
                    continue;
                }
            }
            adds.push(format!("smtp:{}", entry.address));
        }
        let mut others = self.current.other.iter().map(|value| (*value).clone()).collect::<Vec<_>>();
        let held = others.len();
        self.add_other_types(&mut others, &add);
        adds.extend(others.split_off(held));
        for entry in &remove {
            if primary_keys.contains(&entry.key) {
                return Err(Refusal::new(
                    Rule::DeltaOnPrimary,
                    format!("{} is the primary address, which Remove cannot take away", entry.address),
                    "give the whole list with another primary address last",
                ));
            }
            let held: Vec<&String> = self
                .current
                .all
                .iter()
                .filter(|value| smtp_part(value).is_some() && comparable(value) == entry.key)
                .collect();
            if !held.is_empty() && self.protected(&entry.address) {
                return Err(Refusal::new(
                    Rule::Protected,
                    format!("{} is protected (an excluded domain or mail routing) and stays", entry.address),
                    "take it out of Remove, or its domain out of excluded_smtp_domains",
                ));
            }
            if !held.is_empty() && self.is_moera(&entry.address) {
                notes.push(moera_unprotected(&entry.address));
            }
            removes.extend(held.into_iter().cloned());
        }
        self.finish_delta(adds, removes, notes)
    }

    fn finish_delta(
        &self,
        add: Vec<String>,
        remove: Vec<String>,
        notes: Vec<Note>,
    ) -> Result<Merge, Refusal> {
        let mut result: Vec<String> =
            self.current.all.iter().filter(|value| !remove.contains(value)).cloned().collect();
        result.extend(add.iter().cloned());
        self.check_new(&result)?;
        let removed = remove.iter().map(|value| comparable(value)).collect::<BTreeSet<_>>().len();
        self.check_removed(removed)?;
        let lines = compare(self.current.all, &result);
        let outcome = if add.is_empty() && remove.is_empty() {
            Outcome::NoChange
        } else {
            Outcome::Delta { add, remove }
        };
        let primary = self.current.primary.clone();
        Ok(Merge { outcome, result, lines, notes, primary, primary_changes: false, removed })
    }
}

fn moera_unprotected(address: &str) -> Note {
    let message = format!("{address} is the tenant's own address and goes, because protect_moera is off");
    Note { rule: Rule::MoeraUnprotected, message }
}

fn former_primary(address: &str) -> Note {
    Note { rule: Rule::FormerPrimary, message: format!("{address} is kept (keep_old_primary)") }
}

/// `TENANT.onmicrosoft.com`, and not the routing domain below it.
fn is_moera_domain(domain: &str) -> bool {
    domain.strip_suffix(".onmicrosoft.com").is_some_and(|tenant| !tenant.is_empty() && !tenant.contains('.'))
}

/// Whether two lists differ as sets of texts.
fn differ(left: &[String], right: &[String]) -> bool {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    set(left) != set(right)
}
