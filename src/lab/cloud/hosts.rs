//! The addresses of a tenant: in the real cloud these are hosts of their own, here they are ports.

/// Which of a tenant's addresses was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Sign-in and Exchange
    Main,
    /// Microsoft Graph
    Graph,
    /// Exchange in a region, where the main host may send its clients
    Regional,
    /// A host that has no business here
    Hostile,
    /// What a machine asks for its identity, without TLS
    Identity,
}

/// Where a tenant is reached: scheme, address and port of each host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Sign-in and Exchange
    pub main: String,
    /// Microsoft Graph
    pub graph: String,
    /// Exchange in a region
    pub regional: String,
    /// A host that has no business here
    pub hostile: String,
    /// What a machine asks for its identity
    pub identity: String,
}

impl Hosts {
    /// Where one of them is.
    pub fn base(&self, host: Host) -> &str {
        match host {
            Host::Main => &self.main,
            Host::Graph => &self.graph,
            Host::Regional => &self.regional,
            Host::Hostile => &self.hostile,
            Host::Identity => &self.identity,
        }
    }
}
