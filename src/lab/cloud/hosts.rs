//! The addresses of a tenant: in the real cloud these are hosts of their own, here they are ports.

/// Which of a tenant's addresses was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Sign-in and Exchange
    Main,
    /// Microsoft Graph
    Graph,
}

/// Where a tenant is reached: scheme, address and port of each host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Sign-in and Exchange
    pub main: String,
    /// Microsoft Graph
    pub graph: String,
}

impl Hosts {
    /// Where one of them is.
    pub fn base(&self, host: Host) -> &str {
        match host {
            Host::Main => &self.main,
            Host::Graph => &self.graph,
        }
    }
}
