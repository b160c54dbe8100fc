//! Commands of a pipeline, `[MS-PSRP] 2.2.3.11` to `2.2.3.13`.

use crate::clixml::Value;

/// One command of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Cmdlet name, or the script text when `is_script`
    pub name: String,
    /// Whether `name` is a script; a NoLanguage endpoint refuses every script
    pub is_script: bool,
    /// `UseLocalScope`; `None` is the default of the real client
    pub use_local_scope: Option<bool>,
    /// Arguments in order
    pub arguments: Vec<Argument>,
    /// Merge error records into the output
    pub merge_errors_to_output: bool,
    /// Where warning, verbose, debug and information records go
    pub merge: Merge,
}

/// Where the streams other than output and error go, `[MS-PSRP] 2.2.3.13` and `2.2.3.31`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Merge {
    pub warning: MergeTarget,
    pub verbose: MergeTarget,
    pub debug: MergeTarget,
    pub information: MergeTarget,
}

/// The target of one stream of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeTarget {
    /// Its own records
    #[default]
    Own,
    /// Written as output
    Output,
    /// Dropped
    Null,
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Parameter name without a dash; `None` is positional
    pub name: Option<String>,
    /// `Value::Nil` is the value null; a switch is `Value::Bool`
    pub value: Value,
}

impl Command {
    /// A cmdlet without arguments.
    ///
    /// ```
    /// use wsman::clixml::Value;
    /// use wsman::psrp::Command;
    /// let command = Command::new("Get-Mailbox").parameter("Identity", Value::String("ada".into())).switch("Archive", true);
    /// assert_eq!(command.arguments.len(), 2);
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            is_script: false,
            use_local_scope: None,
            arguments: Vec::new(),
            merge_errors_to_output: false,
            merge: Merge::default(),
        }
    }

    /// A script; a NoLanguage endpoint refuses it.
    pub fn script(text: impl Into<String>) -> Self {
        Self { is_script: true, ..Self::new(text) }
    }

    /// Adds a positional argument.
    #[must_use]
    pub fn argument(mut self, value: Value) -> Self {
        self.arguments.push(Argument { name: None, value });
        self
    }

    /// Adds a named parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: Value) -> Self {
        self.arguments.push(Argument { name: Some(name.into()), value });
        self
    }

    /// Adds a switch parameter.
    #[must_use]
    pub fn switch(self, name: impl Into<String>, on: bool) -> Self {
        self.parameter(name, Value::Bool(on))
    }
}
