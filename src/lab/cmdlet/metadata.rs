//! Which cmdlets there are, with their parameters and parameter sets.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::lab::Endpoint;

/// `[cmdlet default-set]`, then lines of sets and parameters: `*` is every set, `!` marks a set in which the parameters are mandatory.
const TABLE: &str = include_str!("parameters.txt");

/// The same for Exchange Online.
const ONLINE: &str = include_str!("online/parameters.txt");

/// A cmdlet.
#[derive(Debug)]
pub(super) struct Cmdlet {
    pub(super) name: &'static str,
    pub(super) default_set: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) sets: Vec<&'static str>,
}

/// A parameter of a cmdlet.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// .NET type, without namespace
    pub(super) type_name: &'static str,
    /// Sets with whether it is mandatory there; `*` is every set
    pub(super) sets: Vec<(&'static str, bool)>,
}

impl Parameter {
    pub(super) fn in_set(&self, set: &str) -> bool {
        self.sets.iter().any(|(name, _)| *name == "*" || *name == set)
    }

    pub(super) fn mandatory_in(&self, set: &str) -> bool {
        self.sets.iter().any(|(name, mandatory)| *mandatory && (*name == "*" || *name == set))
    }

    /// Whether it is mandatory in some set: then null and empty text are refused everywhere.
    pub(super) fn ever_mandatory(&self) -> bool {
        self.sets.iter().any(|(_, mandatory)| *mandatory)
    }
}

/// Parameters that the engine gives to every cmdlet.
pub(super) static COMMON: LazyLock<Vec<Parameter>> = LazyLock::new(|| {
    let actions =
        ["ErrorAction", "WarningAction", "InformationAction"].map(|name| (name, "ActionPreference"));
    let switches = ["Verbose", "Debug"].map(|name| (name, "SwitchParameter"));
    let variables =
        ["ErrorVariable", "WarningVariable", "InformationVariable", "OutVariable", "PipelineVariable"]
            .map(|name| (name, "Variable"));
    let buffer = [("OutBuffer", "Int32")];
    let all = actions.into_iter().chain(switches).chain(variables).chain(buffer);
    all.map(|(name, type_name)| Parameter { name, type_name, sets: vec![("*", false)] }).collect()
});

static CMDLETS: LazyLock<HashMap<String, Cmdlet>> = LazyLock::new(|| read(TABLE));
static CMDLETS_ONLINE: LazyLock<HashMap<String, Cmdlet>> = LazyLock::new(|| read(ONLINE));

fn read(table: &'static str) -> HashMap<String, Cmdlet> {
    let mut cmdlets: HashMap<String, Cmdlet> = HashMap::new();
    let mut current = String::new();
    for line in table.lines() {
        if let Some((name, default_set)) =
            line.strip_prefix('[').and_then(|l| l.strip_suffix(']')).and_then(|l| l.split_once(' '))
        {
            current = name.to_lowercase();
            cmdlets.insert(
                current.clone(),
                Cmdlet { name, default_set, parameters: Vec::new(), sets: vec![default_set] },
            );
        } else if let (Some((sets, parameters)), Some(cmdlet)) =
            (line.split_once('\t'), cmdlets.get_mut(&current))
        {
            let sets: Vec<(&str, bool)> = sets
                .split(',')
                .map(|set| set.strip_suffix('!').map_or((set, false), |set| (set, true)))
                .collect();
            for (set, _) in sets.iter().filter(|(set, _)| *set != "*") {
                if !cmdlet.sets.contains(set) {
                    cmdlet.sets.push(set);
                }
            }
            let parsed = parameters.split(' ').filter_map(|parameter| parameter.split_once(':'));
            cmdlet.parameters.extend(parsed.map(|(name, type_name)| Parameter {
                name,
                type_name,
                sets: sets.clone(),
            }));
        }
    }
    cmdlets
}

/// The Exchange cmdlet of that name, without regard to case.
pub(super) fn find(endpoint: Endpoint, name: &str) -> Option<&'static Cmdlet> {
    let cmdlets = if endpoint == Endpoint::Online { &CMDLETS_ONLINE } else { &CMDLETS };
    cmdlets.get(&name.to_lowercase())
}

/// Names of the cmdlets of Exchange Online.
pub(super) fn online() -> Vec<&'static str> {
    let mut names: Vec<_> = CMDLETS_ONLINE.values().map(|cmdlet| cmdlet.name).collect();
    names.sort_unstable();
    names
}
