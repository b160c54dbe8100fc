//! Namespaces and the prefixes we write them with.

/// SOAP 1.2 envelope, `[SOAP12]` 5
pub const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
/// WS-Addressing as WS-Management uses it, `[DSP0226] 5.1`
pub const ADDRESSING: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
/// WS-Management, `[DSP0226]`
pub const WSMAN: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd";
/// Microsoft's additions, `[MS-WSMV] 2.2`
pub const WSMV: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd";
/// WS-Transfer, `[DSP0226] 7`
pub const TRANSFER: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
/// WS-Enumeration, `[DSP0226] 8`
pub const ENUMERATION: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration";
/// Remote shells, `[MS-WSMV] 2.2.4`
pub const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
/// `creationXml` and its like, `[MS-PSRP] 3.1.5.3.1`
pub const POWERSHELL: &str = "http://schemas.microsoft.com/powershell";
/// Identify, `[DSP0226] 11`
pub const IDENTIFY: &str = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd";
/// `WSManFault`, `[MS-WSMV] 2.2.4`
pub const FAULT: &str = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault";

/// What a request declares on its root.
pub(crate) const REQUEST_PREFIXES: &[(&str, &str)] =
    &[("s", SOAP), ("wsa", ADDRESSING), ("wsman", WSMAN), ("wsmv", WSMV), ("rsp", SHELL)];

/// What a response declares on its root.
pub(crate) const RESPONSE_PREFIXES: &[(&str, &str)] =
    &[("s", SOAP), ("a", ADDRESSING), ("x", TRANSFER), ("w", WSMAN), ("rsp", SHELL), ("p", WSMV)];
